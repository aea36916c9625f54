package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/ingest/meta"
	"drumbeat/ingest/spool"
	"drumbeat/ingest/whatsapp"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

const (
	secret = "app-secret"
	bearer = "token-of-acme-0142"
)

var (
	quiet    = slog.New(slog.DiscardHandler)
	received = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
)

// memory is a spool that forgets, or fails in the way that it is told.
type memory struct {
	mu      sync.Mutex
	records int
	err     error
}

func (m *memory) Append(ctx context.Context, payload []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.records++
	}
	return m.err
}

func newServer(t testing.TB, to ingest.Appender, change func(*ingest.ServerOptions)) *ingest.Server {
	t.Helper()
	p, err := ingest.NewPseudonymizer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	opts := ingest.ServerOptions{
		Spool: to, Pseudonym: p, Lines: canonical.NewDecoder(),
		Sources: map[string]ingest.Source{"whatsapp": whatsapp.Source{}},
		Endpoints: []ingest.Endpoint{
			{Source: "whatsapp", BusinessID: "acme", Secrets: []string{"old-secret", secret}, VerifyToken: "verify"},
			{Source: "whatsapp", Name: "shop", BusinessID: "acme", Secrets: []string{secret}, VerifyToken: "verify", Accounts: []string{"1", "2"}},
		},
		Tokens: []ingest.Token{{Secret: bearer, BusinessID: "acme"}, {Secret: "token-of-one-account", BusinessID: "acme", Accounts: []string{"1"}}},
		Now:    func() time.Time { return received },
		Log:    quiet,
	}
	if change != nil {
		change(&opts)
	}
	s, err := ingest.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func do(s http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func status(account, id, contact string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"9","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q},"statuses":[{"id":%q,"status":"sent","timestamp":"1772415300","recipient_id":%q}]}}]}]}`, account, id, contact)
}

func signed(target, body string) *http.Request {
	return request("POST", target, body, "X-Hub-Signature-256", meta.Sign([]byte(body), secret))
}

func zipped(body string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(body))
	w.Close()
	return out.String()
}

func TestWebhookAnswers(t *testing.T) {
	good := status("1", "wamid.1", "12125550142")
	zip := zipped(good)
	f := func(name string, r *http.Request, want int, wantRecords int) {
		t.Helper()
		to := &memory{}
		w := do(newServer(t, to, nil), r)
		if w.Code != want || to.records != wantRecords {
			t.Errorf("%s: %d %q with %d records, want %d with %d", name, w.Code, w.Body, to.records, want, wantRecords)
		}
		if w.Code == 200 && r.Method == "POST" && w.Body.Len() > 0 {
			t.Errorf("%s: body %q, want none", name, w.Body)
		}
	}
	f("signed", signed("/webhooks/whatsapp", good), 200, 1)
	f("signed, named endpoint", signed("/webhooks/whatsapp/shop", good), 200, 1)
	f("nothing in it", signed("/webhooks/whatsapp", `{}`), 200, 0)
	f("unsigned", request("POST", "/webhooks/whatsapp", good), 401, 0)
	f("wrongly signed", request("POST", "/webhooks/whatsapp", good, "X-Hub-Signature-256", meta.Sign([]byte(good), "guess")), 401, 0)
	f("changed after signing", request("POST", "/webhooks/whatsapp", strings.Replace(good, "sent", "read", 1), "X-Hub-Signature-256", meta.Sign([]byte(good), secret)), 401, 0)
	f("secret of another endpoint", request("POST", "/webhooks/whatsapp/shop", good, "X-Hub-Signature-256", meta.Sign([]byte(good), "old-secret")), 401, 0)
	f("old secret still valid", request("POST", "/webhooks/whatsapp", good, "X-Hub-Signature-256", meta.Sign([]byte(good), "old-secret")), 200, 1)
	f("signed, but not JSON", signed("/webhooks/whatsapp", `{"object":`), 400, 0)
	f("trailing garbage", signed("/webhooks/whatsapp", good+"x"), 400, 0)
	f("another account", signed("/webhooks/whatsapp/shop", status("3", "wamid.1", "12125550142")), 200, 0)
	f("unknown endpoint", signed("/webhooks/whatsapp/other", good), 404, 0)
	f("unknown source", signed("/webhooks/pigeon", good), 404, 0)
	f("too large", signed("/webhooks/whatsapp", strings.Repeat(" ", ingest.MaxWebhook+1)), 413, 0)
	f("wrong method", request("PUT", "/webhooks/whatsapp", good), 405, 0)
	f("gzip, signed as sent", request("POST", "/webhooks/whatsapp", zip, "Content-Encoding", "gzip", "X-Hub-Signature-256", meta.Sign([]byte(zip), secret)), 200, 1)
	f("gzip, compressed after signing", request("POST", "/webhooks/whatsapp", zip, "Content-Encoding", "gzip", "X-Hub-Signature-256", meta.Sign([]byte(good), secret)), 200, 1)
	f("gzip, unsigned", request("POST", "/webhooks/whatsapp", zip, "Content-Encoding", "gzip"), 401, 0)
	f("gzip bomb", request("POST", "/webhooks/whatsapp", zipped(strings.Repeat(" ", ingest.MaxWebhook+1)), "Content-Encoding", "gzip"), 413, 0)
	f("no gzip", request("POST", "/webhooks/whatsapp", good, "Content-Encoding", "gzip"), 400, 0)
	f("cut gzip", request("POST", "/webhooks/whatsapp", zip[:len(zip)-9], "Content-Encoding", "gzip"), 400, 0)
	f("unknown encoding", request("POST", "/webhooks/whatsapp", good, "Content-Encoding", "br"), 415, 0)

	unsized := signed("/webhooks/whatsapp", strings.Repeat(" ", ingest.MaxWebhook+1))
	unsized.ContentLength = -1
	f("too large, length not told", unsized, 413, 0)
}

func TestHandshake(t *testing.T) {
	s := newServer(t, &memory{}, nil)
	w := do(s, request("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=verify&hub.challenge=1158201444", ""))
	if w.Code != 200 || w.Body.String() != "1158201444" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	for _, query := range []string{"", "?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1"} {
		if w := do(s, request("GET", "/webhooks/whatsapp"+query, "")); w.Code != 403 {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestNothingIsAcknowledgedThatIsNotKept(t *testing.T) {
	for _, fault := range []error{spool.ErrFull, spool.ErrWrite, spool.ErrClosed, errors.New("anything")} {
		to := &memory{err: fmt.Errorf("append: %w", fault)}
		s := newServer(t, to, nil)
		for _, r := range []*http.Request{
			signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142")),
			request("POST", "/v1/events", line("1", ""), "Authorization", "Bearer "+bearer),
		} {
			w := do(s, r)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), fault.Error()) {
				t.Errorf("%s, %v: %d %q, Retry-After %q", r.URL, fault, w.Code, w.Body, w.Header().Get("Retry-After"))
			}
		}
		if stats := s.Stats(); stats["whatsapp"].Accepted != 0 || stats["events"].Accepted != 0 || stats["whatsapp"].Requests[503] != 1 {
			t.Errorf("%+v", stats)
		}
	}
}

func TestStats(t *testing.T) {
	s := newServer(t, &memory{}, nil)
	do(s, signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142")))
	do(s, signed("/webhooks/whatsapp/shop", status("3", "wamid.1", "12125550142")))
	do(s, signed("/webhooks/whatsapp", strings.Replace(status("1", "wamid.1", "12125550142"), "sent", "warning", 1)))
	do(s, request("POST", "/webhooks/whatsapp", "{}"))
	do(s, request("POST", "/webhooks/made-up", "{}"))
	do(s, request("POST", "/v1/events", line("1", "")+"\n{}", "Authorization", "Bearer "+bearer))
	want := map[string]ingest.SourceStats{
		"whatsapp": {Requests: map[int]uint64{200: 3, 401: 1}, Accepted: 1, Rejected: map[string]uint64{"another account": 1}, Skipped: map[string]uint64{"status without event": 1}, Unsigned: map[string]uint64{"": 1}},
		"events":   {Requests: map[int]uint64{200: 1}, Accepted: 1, Rejected: map[string]uint64{"line": 1}, Skipped: map[string]uint64{}, Unsigned: map[string]uint64{}},
		"unknown":  {Requests: map[int]uint64{404: 1}, Rejected: map[string]uint64{}, Skipped: map[string]uint64{}, Unsigned: map[string]uint64{}},
	}
	if got := s.Stats(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestServerOptionsAreChecked(t *testing.T) {
	f := func(want string, change func(*ingest.ServerOptions)) {
		t.Helper()
		opts := ingest.ServerOptions{Sources: map[string]ingest.Source{"whatsapp": whatsapp.Source{}}}
		change(&opts)
		if _, err := ingest.NewServer(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("/webhooks/pigeon: unknown source; known are whatsapp", func(o *ingest.ServerOptions) {
		o.Endpoints = []ingest.Endpoint{{Source: "pigeon", Secrets: []string{"x"}}}
	})
	f("/webhooks/whatsapp/a: no secret", func(o *ingest.ServerOptions) { o.Endpoints = []ingest.Endpoint{{Source: "whatsapp", Name: "a"}} })
	f("no secret", func(o *ingest.ServerOptions) {
		o.Endpoints = []ingest.Endpoint{{Source: "whatsapp", Secrets: []string{""}}}
	})
	f("configured twice", func(o *ingest.ServerOptions) {
		o.Endpoints = []ingest.Endpoint{{Source: "whatsapp", Secrets: []string{"x"}}, {Source: "whatsapp", Secrets: []string{"y"}}}
	})
	f("guessed", func(o *ingest.ServerOptions) { o.Tokens = []ingest.Token{{Secret: "short", BusinessID: "acme"}} })
	f("no business", func(o *ingest.ServerOptions) { o.Tokens = []ingest.Token{{Secret: "token-of-acme-0142"}} })
	f("given before", func(o *ingest.ServerOptions) {
		o.Tokens = []ingest.Token{{Secret: "token-of-acme-0142", BusinessID: "a"}, {Secret: "token-of-acme-0142", BusinessID: "b"}}
	})
}

// The holder of a secret can sign whatever it likes, but only as its own business.
func TestSecretOpensOneBusiness(t *testing.T) {
	endpoint := func(name, business, secret string, accounts ...string) ingest.Endpoint {
		return ingest.Endpoint{Source: "whatsapp", Name: name, BusinessID: business, Secrets: []string{secret}, Accounts: accounts}
	}
	f := func(want string, tokens []ingest.Token, endpoints ...ingest.Endpoint) {
		t.Helper()
		_, err := ingest.NewServer(ingest.ServerOptions{Sources: map[string]ingest.Source{"whatsapp": whatsapp.Source{}}, Endpoints: endpoints, Tokens: tokens})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	const shared = "a secret of 16 letters"
	acme, beta := ingest.Token{Secret: "token-of-acme-0142", BusinessID: "acme"}, ingest.Token{Secret: shared, BusinessID: "beta"}
	f("", nil, endpoint("a", "acme", "x"), endpoint("b", "acme", "x"), endpoint("c", "beta", "y"))
	f("of another business", nil, endpoint("a", "acme", "x"), endpoint("b", "beta", "x"))
	f("of another business", []ingest.Token{beta}, endpoint("a", "acme", shared))
	f("of another business", nil, endpoint("a", "acme", "x"), endpoint("b", "", "x", "7"))

	// Where the account says whose an event is, a stranger could say "acme".
	f("", nil, endpoint("a", "", "x"), endpoint("b", "", "x"))
	f("", nil, endpoint("a", "", "x", "1"), endpoint("b", "", "y", "2"))
	f("neither a business nor accounts", nil, endpoint("a", "", "x"), endpoint("b", "", "y", "2"))
	f("neither a business nor accounts", nil, endpoint("a", "", "x"), endpoint("b", "acme", "y"))
	f("neither a business nor accounts", []ingest.Token{acme}, endpoint("a", "", "x"))
}

func TestTestTrafficIsNoWayIntoAnotherBusiness(t *testing.T) {
	test := strings.Replace(status("2", "wamid.1", "12125550142"), `"id":"9"`, `"id":"0"`, 1)
	for business, want := range map[string]int{"acme": 1, "": 0} {
		to := &memory{}
		s := newServer(t, to, func(o *ingest.ServerOptions) {
			o.Tokens = nil
			o.Endpoints = []ingest.Endpoint{{Source: "whatsapp", BusinessID: business, Secrets: []string{secret}, Accounts: []string{"1"}}}
		})
		if w := do(s, signed("/webhooks/whatsapp", test)); w.Code != 200 || to.records != want {
			t.Errorf("business %q: %d with %d records, want %d", business, w.Code, to.records, want)
		}
	}
}

// The same message told by the sender's own line and by the platform's webhook, twice and in
// whatever order, is one message of one contact.
func TestSenderAndPlatformTellOfTheSameMessage(t *testing.T) {
	db := warehousetest.New(t)
	p := collect(t, db, t.TempDir())
	own := `{"event_type":"send","event_time":"2026-03-02T01:35:00Z","account_id":"106540352242922","channel":"whatsapp","address":"+1 (212) 555-0100","message_id":"wamid.HBgLMTU1NTAxMDA=","arm":"B"}`
	for range 2 {
		for _, name := range []string{"status_read", "status_sent_per_message_pricing"} {
			if w := do(p.server, signed("/webhooks/whatsapp", string(must(os.ReadFile("whatsapp/testdata/"+name+".json"))))); w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
		}
		if w := do(p.server, request("POST", "/v1/events", own, "Authorization", "Bearer "+bearer)); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
	}
	p.drain(t)
	var n, copies uint64
	var arm, campaign, market string
	var openedAt *time.Time
	if err := db.QueryRow(t.Context(), "SELECT count(), any(arm), any(campaign_id), any(market), any(opened_at) FROM message_facts FINAL").Scan(&n, &arm, &campaign, &market, &openedAt); err != nil {
		t.Fatal(err)
	}
	if n != 1 || arm != "B" || campaign != "spring" || market != "US" || openedAt == nil {
		t.Errorf("%d messages, arm %q, campaign %q, market %q, opened at %v", n, arm, campaign, market, openedAt)
	}
	if err := db.QueryRow(t.Context(), "SELECT count(), sum(copies) FROM events").Scan(&n, &copies); err != nil {
		t.Fatal(err)
	}
	if n != 2 || copies != 6 {
		t.Errorf("%d events of %d copies, want 2 of 6", n, copies)
	}
}

// collector is the whole way in: server, spool, loader and a real engine.
type collector struct {
	server *ingest.Server
	loader *ingest.Loader
	spool  *spool.Spool
}

func collect(t testing.TB, db *warehouse.DB, dir string) *collector {
	t.Helper()
	s, _, err := spool.Open(dir, spool.Options{SealAfter: 5 * time.Millisecond, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{server: newServer(t, s, nil), loader: ingest.NewLoader(s, db, ingest.LoaderOptions{Refused: warehouse.RowsRefused, Log: quiet}), spool: s}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { c.loader.Run(ctx); close(done) }()
	t.Cleanup(func() {
		cancel()
		<-done
		s.Close()
	})
	return c
}

func (c *collector) drain(t testing.TB) {
	t.Helper()
	if err := c.loader.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := c.loader.Stats(); stats.Refused+stats.Corrupt > 0 {
		t.Fatalf("%+v", stats)
	}
}

// secrets is everything personal in what the test sends. None of it, nor its base64 or hex form,
// may be found in any file of the spool or any column of any table.
var secrets = []string{
	"12125550142", "2125550142", "555-0142", "Ana Secretperson", "Secretperson", "ana.secret@example.com", "ana.secret", "how are you today", "US.13491208655309999",
	"wamid.HBgLMTIxMjU1NTAxNDIVAgARGBI5QTNDQTVCM0Q0", "HBgLMTIxMjU1NTAxNDIVAgARGBI5QTNDQTVCM0Q0", "order-4711-ana", "quoted-77-ana", "evt-99-ana", "conv-55-ana", "page-scoped-8888777766665555",
}

func TestNothingPersonalIsStored(t *testing.T) {
	db := warehousetest.New(t)
	dir := t.TempDir()
	p := collect(t, db, dir)

	wamid := "wamid.HBgLMTIxMjU1NTAxNDIVAgARGBI5QTNDQTVCM0Q0"
	webhook := `{"object":"whatsapp_business_account","entry":[{"id":"9","changes":[{"field":"messages","value":{"metadata":{"display_phone_number":"15550199","phone_number_id":"1"},
		"contacts":[{"profile":{"name":"Ana Secretperson"},"wa_id":"12125550142"}],
		"messages":[{"from":"12125550142","id":"` + wamid + `","timestamp":"1772415300","type":"text","text":{"body":"how are you today"},"context":{"id":"quoted-77-ana"}},
			{"from":"12125550142","id":"` + wamid + `2","timestamp":"1772415300","type":"location","location":{"name":"Ana Secretperson"}},
			{"from_user_id":"US.13491208655309999","id":"` + wamid + `3","timestamp":"1772415300","type":"image","image":{"caption":"how are you today"}}],
		"statuses":[{"id":"` + wamid + `4","status":"failed","timestamp":"1772415300","recipient_id":"12125550142","biz_opaque_callback_data":"for 12125550142","conversation":{"id":"conv-55-ana"},
			"errors":[{"code":131050,"title":"Ana Secretperson stopped","error_data":{"details":"to 12125550142"}}]},
			{"id":"` + wamid + `5","status":"sent","timestamp":"1772415300","recipient_id":"12125550142","biz_opaque_callback_data":"` + wamid + `5"}]}},
		{"field":"user_preferences","value":{"metadata":{"phone_number_id":"1"},"user_preferences":[{"wa_id":"12125550142","category":"marketing_messages","value":"stop","detail":"Ana Secretperson","timestamp":1772415300}]}}]}]}`
	if w := do(p.server, signed("/webhooks/whatsapp", webhook)); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	lines := strings.Join([]string{
		`{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"1","channel":"sms","address":"+1 212 555-0142","message_id":"order-4711-ana","campaign_id":"to +12125550142","attributes":{"name":"Ana Secretperson","url_path":"/u/12125550142"},"conversation_id":"conv-55-ana"}`,
		`{"event_type":"open","event_time":"2026-03-02T01:16:00Z","account_id":"1","channel":"email","address":"Ana.Secret@Example.com","message_id":"order-4711-ana","event_id":"evt-99-ana","template_id":"ana.secret@example.com"}`,
		`{"event_type":"reply","event_time":"2026-03-02T01:17:00Z","account_id":"1","channel":"messenger","address":"page-scoped-8888777766665555","message_id":"order-4711-ana","in_reply_to":"quoted-77-ana"}`,
	}, "\n")
	w := do(p.server, request("POST", "/v1/events", lines, "Authorization", "Bearer "+bearer))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"rejected":0`) {
		t.Fatal(w.Code, w.Body)
	}
	// What is rejected is named without quoting it.
	bad := strings.Join([]string{
		`{"event_type":"send","address":"+1 212 555-0142 x","channel":"sms","account_id":"1"}`, `{"+12125550142":"Ana Secretperson"}`, `{"event_type":"Ana Secretperson"}`,
		`{"Ana Secretperson`, `"how are you today"`, `{"event_type":"send","text":"how are you today"}`, `{"text_chars":"12125550142"}`,
	}, "\n")
	answer := do(p.server, request("POST", "/v1/events", bad, "Authorization", "Bearer "+bearer)).Body.String()

	find := searcher()
	if found := find([]byte(answer)); found != "" {
		t.Errorf("the answer holds %q: %s", found, answer)
	}
	searched := 0
	search := func(when string) {
		if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) { // loaded meanwhile
				return nil
			}
			searched++
			if found := find(raw); found != "" {
				t.Errorf("%s: spool file %s holds %q", when, entry.Name(), found)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	search("before loading")
	p.drain(t)
	search("after loading")

	// And again with segments that stay.
	kept := t.TempDir()
	s, _, err := spool.Open(kept, spool.Options{SealAfter: -1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	server := newServer(t, s, nil)
	do(server, signed("/webhooks/whatsapp", webhook))
	do(server, request("POST", "/v1/events", lines, "Authorization", "Bearer "+bearer))
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir, searched = kept, 0
	search("kept")
	if segments, _ := filepath.Glob(filepath.Join(kept, "*.seg")); len(segments) != 1 || searched < 2 {
		t.Fatalf("segments %v, %d files searched", segments, searched)
	}

	var tables []struct {
		Name string `ch:"name"`
	}
	if err := db.Select(t.Context(), &tables, "SELECT name FROM system.tables WHERE database = currentDatabase()"); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, table := range tables {
		if strings.HasSuffix(table.Name, "_from_event_log") { // a materialized view; its table is searched
			continue
		}
		body, err := db.QueryFormat(t.Context(), "JSONEachRow", "SELECT * FROM `"+table.Name+"`")
		if err != nil {
			t.Fatalf("%s: %v", table.Name, err)
		}
		var raw bytes.Buffer
		if _, err := raw.ReadFrom(body); err != nil {
			t.Fatal(err)
		}
		body.Close()
		rows += bytes.Count(raw.Bytes(), []byte("\n"))
		if found := find(raw.Bytes()); found != "" {
			t.Errorf("table %s holds %q", table.Name, found)
		}
	}
	if rows < 20 || !slices.ContainsFunc(tables, func(x struct {
		Name string `ch:"name"`
	}) bool {
		return x.Name == "event_log"
	}) {
		t.Fatalf("only %d rows in %v: nothing was searched", rows, tables)
	}
}

// searcher returns a function that looks for secrets in raw, in what its base64 and hex runs decode
// to, and without the separators that a number may be written with.
func searcher() func(raw []byte) string {
	forms := map[string]bool{}
	for _, s := range secrets {
		forms[s] = true
		forms[strings.ToLower(s)] = true
		forms[hex.EncodeToString([]byte(s))] = true
		for shift := range 3 { // base64 looks different at each offset; only whole groups are sure
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
			form := encoded[min(shift, 1)*4 : (shift+len(s))/3*4]
			forms[form] = len(form) >= 8
		}
	}
	maps.DeleteFunc(forms, func(_ string, keep bool) bool { return !keep })
	return func(raw []byte) string {
		views := [][]byte{raw, bytes.ToLower(raw), bytes.Map(func(r rune) rune {
			if strings.ContainsRune(" -().+/", r) {
				return -1
			}
			return r
		}, raw)}
		for form := range forms {
			for _, view := range views {
				if bytes.Contains(view, []byte(form)) {
					return form
				}
			}
		}
		return ""
	}
}

func TestTheSearchFindsWhatItShould(t *testing.T) {
	find := searcher()
	for _, text := range []string{
		"call 12125550142 now", "+1 (212) 555-0142", base64.StdEncoding.EncodeToString([]byte("abc12125550142xyz")), hex.EncodeToString([]byte("Ana Secretperson")),
		"HBgLMTIxMjU1NTAxNDIVAgARGBI5", "ANA.SECRET@EXAMPLE.COM",
	} {
		if find([]byte(text)) == "" {
			t.Errorf("%q is not found", text)
		}
	}
	if found := find([]byte(`{"contact_id":"f00d","campaign_id":"spring","ingested_at":"2026-03-02 02:00:00.000"}`)); found != "" {
		t.Errorf("found %q in nothing", found)
	}
}

func BenchmarkServer(b *testing.B) {
	s, _, err := spool.Open(b.TempDir(), spool.Options{MaxBytes: 1 << 40, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	server := newServer(b, s, nil)
	one := status("1", "wamid.1", "12125550142")
	many := strings.Repeat(line("1", `,"campaign_id":"spring","category":"marketing","market":"US","zone":"America/New_York","purpose":"proactive"`)+"\n", 500)
	b.Run("body=webhook/events=1", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if w := do(server, signed("/webhooks/whatsapp", one)); w.Code != 200 {
					b.Error(w.Code)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("body=lines/events=500", func(b *testing.B) {
		b.SetBytes(int64(len(many)))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if w := do(server, request("POST", "/v1/events", many, "Authorization", "Bearer "+bearer)); w.Code != 200 {
					b.Error(w.Code)
				}
			}
		})
		b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// Anyone can open connections that promise much and send little.
func TestPromisedBodyTakesNoMemory(t *testing.T) {
	server := newServer(t, &memory{}, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		request := httptest.NewRequest(http.MethodPost, "/webhooks/whatsapp", strings.NewReader("{}"))
		request.ContentLength = ingest.MaxWebhook
		server.ServeHTTP(httptest.NewRecorder(), request)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 512<<10 {
		t.Errorf("%d KiB for a promise", each>>10)
	}
}
