package transform_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"golang.org/x/tools/txtar"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// Each scenario in testdata is a business of its own. All are told twice: as written, and then in two loads with a
// run between, shuffled and with copies. The answers must be the same, to the byte, and so must the fingerprints.
//
//	-- events --
//	2025-03-01T10:00:00 send c1 m1 campaign_id=spring
//	-- messages.sql --      (one or more questions, each with its answer in CSV)
//	SELECT ...
//	-- messages.csv --
//	...
//
// Contacts, messages and events have names of a letter and a number, which stand for ids in that order.
func TestScenarios(t *testing.T) {
	testScenarios(t, "frequency", func(name string) bool { return !ofConversations(name) && !ofConsent(name) })
}

// ofConversations says whether a scenario is one of the job conversations.
func ofConversations(name string) bool {
	return strings.HasPrefix(name, "conversations") || strings.HasPrefix(name, "pains")
}

func testScenarios(t *testing.T, job string, belongs func(name string) bool) {
	files, err := filepath.Glob("testdata/*.txtar")
	files = slices.DeleteFunc(files, func(file string) bool { return !belongs(filepath.Base(file)) })
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var scenarios []scenario
	var all []event
	for _, file := range files {
		s := readScenario(t, file)
		scenarios = append(scenarios, s)
		all = append(all, s.events...)
	}
	calendars, err := transform.ReadCalendars("testdata/calendars.yaml") // of the markets AU and TW
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	shuffled := func(events []event) []event {
		events = slices.Clone(events)
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		return events
	}
	check := func(how string, loads ...[]event) []uint64 {
		db := warehousetest.New(t)
		if job == "consent" {
			loadRateCard(t, db)
		}
		var all []uint64
		for _, events := range loads {
			insert(t, db, events)
			result, err := transform.RunWith(t.Context(), db, job, transform.Window{}, transform.DefaultValues(), calendars...)
			if err != nil {
				t.Fatal(err)
			}
			all = prints(result)
		}
		for _, s := range scenarios {
			t.Run(s.name+"/"+how, func(t *testing.T) {
				for _, q := range s.questions {
					if got := answer(t, db, q.sql); got != q.want {
						t.Errorf("%s: got\n%swant\n%s", q.name, got, q.want)
					}
				}
			})
		}
		return all
	}
	once := check("as written", all)
	// And in many passes.
	defer func(n uint64) { *transform.UnitsPerPass = n }(*transform.UnitsPerPass)
	*transform.UnitsPerPass = 100
	defer func(n uint64) { *transform.SendsPerPass = n }(*transform.SendsPerPass)
	*transform.SendsPerPass = 100
	half := shuffled(all)[:len(all)/2]
	if again := check("told again", half, shuffled(slices.Concat(all, all, half))); !slices.Equal(again, once) {
		t.Errorf("told again: fingerprints %v, as written %v", again, once)
	}
}

func run(t testing.TB, db *warehouse.DB, w transform.Window) transform.Result {
	t.Helper()
	return runJob(t, db, "frequency", w)
}

// runCore computes less, for tests that look at the runner.
func runCore(t testing.TB, db *warehouse.DB, w transform.Window) transform.Result {
	t.Helper()
	return runJob(t, db, transform.Core, w)
}

func runJob(t testing.TB, db *warehouse.DB, job string, w transform.Window) transform.Result {
	t.Helper()
	result, err := transform.Run(t.Context(), db, job, w)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func prints(result transform.Result) (all []uint64) {
	for _, step := range result.Steps {
		all = append(all, step.Fingerprint)
	}
	return all
}

type scenario struct {
	name      string
	events    []event
	questions []question
}

type question struct{ name, sql, want string }

func readScenario(t *testing.T, file string) scenario {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{name: strings.TrimSuffix(filepath.Base(file), ".txtar")}
	sections := map[string]string{}
	for _, f := range archive.Files {
		sections[f.Name] = string(f.Data)
	}
	for line := range strings.Lines(sections["events"]) {
		if fields := strings.Fields(line); len(fields) > 0 {
			e := parseEvent(t, fields)
			e["business_id"] = s.name
			s.events = append(s.events, e)
		}
	}
	for _, f := range archive.Files {
		name, isQuestion := strings.CutSuffix(f.Name, ".sql")
		if !isQuestion {
			continue
		}
		want, ok := sections[name+".csv"]
		if !ok {
			t.Fatalf("%s: %s has no answer", file, f.Name)
		}
		s.questions = append(s.questions, question{name, string(f.Data), want})
	}
	if len(s.events) == 0 || len(s.questions) == 0 {
		t.Fatalf("%s: it has no events or asks nothing", file)
	}
	return s
}

// event is one row of event_log: columns by name.
type event map[string]any

var (
	columns = []string{"business_id", "contact_id", "message_id", "event_type", "event_id", "event_time", "ingest_delay_ms",
		"account_id", "channel", "provider", "in_reply_to", "purpose", "category", "template_id", "campaign_id", "scope", "reason",
		"market", "zone", "promised_frequency", "arm", "error_code", "is_machine", "is_test", "watermark", "author", "message_tag",
		"conversation_id", "pricing_type", "pricing_model", "billable", "expires_at", "attributes", "time_flag"}
	idName = regexp.MustCompile(`^[a-z][0-9]+$`)
	noID   = uint64(0)
)

// id stands for a name such as m12; ids of one letter sort by their numbers.
func id(name string) uint64 {
	n, err := strconv.ParseUint(name[1:], 10, 64)
	if err != nil {
		panic(err)
	}
	return uint64(name[0])*1e12 + n
}

// contactID is the id of a contact.
func contactID(name string) string {
	return fmt.Sprintf("00000000-0000-0000-0000-%012x", id(name))
}

var (
	anID       = regexp.MustCompile(`\b1?\d\d(\d{12})\b`)
	aContactID = regexp.MustCompile(`\b00000000-0000-0000-0000-([0-9a-f]{12})\b`)
)

// named puts names back in the place of ids.
func named(text string) string {
	name := func(n uint64) string { return string(rune(n/1e12)) + strconv.FormatUint(n%1e12, 10) }
	text = aContactID.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(aContactID.FindStringSubmatch(s)[1], 16, 64)
		return name(n)
	})
	return anID.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s, 10, 64)
		return name(n)
	})
}

func newEvent(at time.Time, what, contact, message string) event {
	e := event{
		"business_id": "shop", "contact_id": contactID(contact), "message_id": noID, "event_type": what, "event_id": noID,
		"event_time": at, "ingest_delay_ms": int64(1000), "account_id": "page", "channel": "whatsapp", "provider": "meta",
		"in_reply_to": noID, "purpose": "", "category": "", "template_id": "", "campaign_id": "", "scope": "", "reason": "",
		"market": "PH", "zone": "", "promised_frequency": "", "arm": "", "error_code": "", "is_machine": uint8(0), "is_test": uint8(0), "watermark": nil,
		"author": "", "message_tag": "", "conversation_id": noID, "pricing_type": "", "pricing_model": "", "billable": "", "expires_at": nil,
		"attributes": map[string]string{}, "time_flag": "",
	}
	switch {
	case message == "": // a consent, a complaint or a receipt up to a watermark
		e["event_id"] = id("e" + strconv.FormatInt(at.UnixMilli()%1e12, 10))
	default:
		e["message_id"] = id(message)
	}
	return e
}

func parseEvent(t *testing.T, fields []string) event {
	t.Helper()
	if len(fields) < 3 {
		t.Fatalf("event %q: time, type, contact are missing", fields)
	}
	at, err := time.Parse("2006-01-02T15:04:05.999", fields[0])
	if err != nil {
		t.Fatal(err)
	}
	rest, message := fields[3:], ""
	if len(rest) > 0 && !strings.Contains(rest[0], "=") {
		rest, message = rest[1:], rest[0]
	}
	e := newEvent(at, fields[1], fields[2], message)
	for _, field := range rest {
		name, value, _ := strings.Cut(field, "=")
		if _, known := e[name]; !known && name != "ingested_at" && name != "origin" {
			t.Fatalf("event %q: no column %s in this test", fields, name)
		}
		switch name {
		case "watermark":
			upTo, err := time.Parse("2006-01-02T15:04:05.999", value)
			if err != nil {
				t.Fatal(err)
			}
			e[name], e["event_id"] = upTo, id("w"+strconv.FormatInt(upTo.UnixMilli()%1e12, 10))
		case "ingested_at":
			at, err := time.Parse("2006-01-02T15:04:05.999", value)
			if err != nil {
				t.Fatal(err)
			}
			e["ingest_delay_ms"] = at.Sub(e["event_time"].(time.Time)).Milliseconds()
		case "expires_at":
			at, err := time.Parse("2006-01-02T15:04:05.999", value)
			if err != nil {
				t.Fatal(err)
			}
			e[name] = at
		case "origin":
			e["attributes"] = map[string]string{name: value}
		case "conversation_id":
			e[name] = id(value)
		case "is_test", "is_machine":
			e[name] = uint8(1)
		default:
			e[name] = value
			if idName.MatchString(value) && strings.HasSuffix(name, "_to") {
				e[name] = id(value)
			}
		}
	}
	return e
}

func insert(t testing.TB, db *warehouse.DB, events []event) {
	t.Helper()
	batch, err := db.PrepareBatch(t.Context(), "INSERT INTO event_log ("+strings.Join(columns, ", ")+")")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		row := make([]any, len(columns))
		for i, name := range columns {
			row[i] = e[name]
		}
		if err := batch.Append(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

// answer returns the result as CSV with a header, with names for ids and short times.
func answer(t testing.TB, db *warehouse.DB, sql string) string {
	t.Helper()
	body, err := db.QueryFormat(context.WithoutCancel(t.Context()), "CSVWithNames", sql)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(bufio.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(named(string(b)), `"`, "")
	return strings.NewReplacer(".000", "", `\N`, "").Replace(text)
}

func date(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
