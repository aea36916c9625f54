//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"drumbeat/ingest/canonical"
	"drumbeat/ingest/spool"
	"drumbeat/simulate"
	"drumbeat/transform"

	"golang.org/x/sys/unix"
)

// kills is how often the soak kills something: 10 times, or as often as DRUMBEAT_SOAK says.
func kills(t *testing.T) int {
	text := os.Getenv("DRUMBEAT_SOAK")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DRUMBEAT_SOAK=%s: give the number of kills", text)
	}
	return n
}

// seed is DRUMBEAT_SOAK_SEED, or another one each time.
func seed(t *testing.T) uint64 {
	text := os.Getenv("DRUMBEAT_SOAK_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("DRUMBEAT_SOAK_SEED=%s: give the number that a run printed", text)
	}
	return n
}

// site is a data folder on which `drumbeat serve` is started and killed.
type site struct {
	dir string
	url atomic.Pointer[string] // nil while nothing listens

	cmd    *exec.Cmd
	ended  chan struct{} // the process is gone and its log read
	mu     sync.Mutex
	log    bytes.Buffer
	listen chan struct{} // closed once it listens
}

// newSite makes a data folder with a key, and takes everything down after the test, however it ends.
func newSite(t *testing.T) *site {
	s := &site{dir: filepath.Join(t.TempDir(), "data")}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyPath(s.dir), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config(), []byte(serveConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range processesOf(t, s.dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if s.cmd != nil {
			<-s.ended
		}
		if t.Failed() {
			t.Logf("what serve logged:\n%s", s.logged())
		}
	})
	return s
}

func (s *site) config() string { return s.dir + ".yaml" }

func (s *site) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// start starts `drumbeat serve` and does not wait for it.
func (s *site) start(t *testing.T) {
	t.Helper()
	cmd := command(t, "", "--dir", s.dir, "serve", "--config", s.config())
	cmd.Env = append(cmd.Env, "ACME_TOKEN="+acmeToken, "APP_SECRET="+appSecret, "VERIFY_TOKEN="+verifyToken)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also when this process is killed
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, listen := make(chan struct{}), make(chan struct{})
	s.cmd, s.ended, s.listen = cmd, ended, listen
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.mu.Lock()
			fmt.Fprintln(&s.log, lines.Text())
			s.mu.Unlock()
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				url := "http://" + m[1]
				s.url.Store(&url)
				close(listen)
			}
		}
		s.url.Store(nil)
		_ = cmd.Wait()
	}()
}

// up starts it and waits until it listens.
func (s *site) up(t *testing.T) {
	t.Helper()
	s.start(t)
	select {
	case <-s.listen:
	case <-s.ended:
		t.Fatalf("serve ended: %v\n%s", s.cmd.ProcessState, s.logged())
	case <-time.After(time.Minute):
		t.Fatalf("serve does not listen after a minute\n%s", s.logged())
	}
}

// engine returns the processes of the folder but for the collector.
func (s *site) engine(t *testing.T) []int {
	return slices.DeleteFunc(processesOf(t, s.dir), func(pid int) bool { return pid == s.cmd.Process.Pid })
}

func signalAll(t *testing.T, signal syscall.Signal, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
}

// kill kills the collector, and the engine with it if both.
func (s *site) kill(t *testing.T, both bool) {
	t.Helper()
	pids := []int{s.cmd.Process.Pid}
	if both {
		pids = append(s.engine(t), pids...)
	}
	signalAll(t, syscall.SIGKILL, pids...)
	<-s.ended
	waitForNone(t, s.dir)
}

// stop ends it as an operator does.
func (s *site) stop(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections() // serve waits five seconds for a connection that was never used
	signalAll(t, syscall.SIGTERM, s.cmd.Process.Pid)
	<-s.ended
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("serve: exit %d", code)
	}
	waitForNone(t, s.dir)
}

// drained waits until the spool holds nothing.
func (s *site) drained(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		backlog, err := spool.Look(spoolPath(s.dir))
		if err != nil {
			t.Fatal(err)
		}
		if backlog.Waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the spool still holds %+v", backlog)
		}
	}
}

// delivery is one request of a platform or sender.
type delivery struct {
	path    string
	headers [2]string
	body    []byte
	at      time.Time
	events  int
}

// deliveriesOf tells a world twice: as webhooks and as our own lines.
func deliveriesOf(t *testing.T, w *simulate.World) []delivery {
	var all []delivery
	for post := range w.WhatsApp() {
		all = append(all, delivery{"/webhooks/whatsapp/acme", [2]string{"X-Hub-Signature-256", simulate.Sign(post.Body, appSecret)}, post.Body, post.At, post.Facts})
	}
	var body bytes.Buffer
	writer, lines := canonical.NewWriter(&body), 0
	flush := func() {
		if lines > 0 {
			all = append(all, delivery{path: "/v1/events", headers: [2]string{"Authorization", "Bearer " + acmeToken}, body: slices.Clone(body.Bytes()), events: lines})
		}
		body.Reset()
		lines = 0
	}
	for line := range w.Lines() {
		if err := writer.Write(&line); err != nil {
			t.Fatal(err)
		}
		if lines++; lines == 20 {
			flush()
		}
	}
	flush()
	return all
}

// platform delivers as platforms do: again and again until it is acknowledged.
type platform struct {
	site         *site
	acknowledged atomic.Int64 // deliveries
	accepted     atomic.Int64 // events in them
	sent         atomic.Int64 // events in all attempts that reached a collector or may have
	busy         atomic.Int64 // answers 503
	strange      atomic.Pointer[string]
}

// attempt delivers once and reports whether it was acknowledged.
func (p *platform) attempt(ctx context.Context, d delivery) bool {
	url := p.site.url.Load()
	if url == nil {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, *url+d.path, bytes.NewReader(d.body))
	if err != nil {
		return false
	}
	request.Header.Set(d.headers[0], d.headers[1])
	response, err := http.DefaultClient.Do(request)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		p.sent.Add(int64(d.events))
	}
	if err != nil {
		return false
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case response.StatusCode == http.StatusServiceUnavailable:
		p.busy.Add(1)
		return false
	case response.StatusCode != http.StatusOK || strings.Contains(string(answer), `"rejected"`) && !strings.Contains(string(answer), `"rejected":0`):
		text := fmt.Sprintf("%s answers %d %s", d.path, response.StatusCode, answer)
		p.strange.Store(&text)
		return false
	case err != nil:
		return false
	}
	p.acknowledged.Add(1)
	p.accepted.Add(int64(d.events))
	return true
}

// deliver delivers all, one in ten twice, over eight connections, and returns when everything is acknowledged.
func (p *platform) deliver(ctx context.Context, all []delivery, seed uint64) {
	random := rand.New(rand.NewPCG(seed, uint64(len(all))))
	queue := make(chan delivery)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for d := range queue {
				for !p.attempt(ctx, d) {
					if p.strange.Load() != nil {
						break // it will not be taken: the test has failed
					}
					select {
					case <-time.After(20 * time.Millisecond):
					case <-ctx.Done():
						return
					}
				}
			}
		})
	}
	defer senders.Wait()
	defer close(queue)
	for _, d := range all {
		for range 1 + max(0, random.IntN(10)-8) {
			select {
			case queue <- d:
			case <-ctx.Done():
				return
			}
		}
	}
}

// outcome is what a data folder came to; the same events give the same, however they came.
type outcome struct {
	events, unique, digest uint64
	fingerprints           map[string]uint64
	copies                 uint64
}

// outcome computes on the folder of a site that is down.
func (s *site) outcome(t *testing.T) outcome {
	t.Helper()
	p := &program{stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	p.Dir = s.dir
	db, err := p.openWarehouse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o := outcome{fingerprints: map[string]uint64{}}
	if err := db.QueryRow(t.Context(), "SELECT count(), uniqExact(business_id, contact_id, message_id, event_type, event_id), "+
		"groupBitXor(sipHash64(toString(tuple(* EXCEPT (ingested_at, copies))))), sum(copies) FROM events",
	).Scan(&o.events, &o.unique, &o.digest, &o.copies); err != nil {
		t.Fatal(err)
	}
	result, err := transform.Run(t.Context(), db, "frequency", transform.Window{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range result.Steps {
		o.fingerprints[step.Relation] = step.Fingerprint
	}
	return o
}

// Whatever is killed, and whenever: every acknowledged event is there once, and what is computed of
// them is what an undisturbed run computes. The engine also hangs, and a day is delivered again.
func TestKilledAtRandomMoments(t *testing.T) {
	n, seed := kills(t), seed(t)
	t.Logf("%d kills, DRUMBEAT_SOAK_SEED=%d", n, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	hang := time.Second
	if n > 10 {
		hang = 20 * time.Second
	}
	all := deliveriesOf(t, simulate.New(simulate.Options{Seed: 5, Contacts: 20 * n, Days: 30}))

	calm := newSite(t)
	calm.up(t)
	p := &platform{site: calm}
	p.deliver(t.Context(), all, seed)
	calm.stop(t)
	want := calm.outcome(t)
	if want.events == 0 || want.fingerprints["messages"] == 0 {
		t.Fatalf("the undisturbed run came to nothing: %+v", want)
	}

	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s := newSite(t)
	s.up(t)
	p = &platform{site: s}
	var delivering sync.WaitGroup
	done := map[string]int{}
	crashes := 0 // of the engine, since the collector started: after five a minute it is given up for a minute
	hangAt := random.IntN(n)
	for i := range n {
		// While a part of the deliveries is under way, so many of them are still acknowledged.
		part := all[len(all)*i/n : len(all)*(i+1)/n]
		until := p.acknowledged.Load() + random.Int64N(int64(len(part)))
		delivering.Go(func() { p.deliver(t.Context(), part, seed) })
		for p.acknowledged.Load() < until && p.strange.Load() == nil {
			time.Sleep(time.Millisecond)
		}
		if i == hangAt {
			engine := s.engine(t)
			signalAll(t, syscall.SIGSTOP, engine...)
			time.Sleep(hang)
			if !p.attempt(t.Context(), part[0]) {
				t.Error("not acknowledged while the engine hangs")
			}
			signalAll(t, syscall.SIGCONT, engine...)
			done["hang"]++
		}
		what := []string{"engine", "engine", "collector", "both", "start"}[random.IntN(5)]
		if what == "engine" && crashes == 4 {
			what = "both"
		}
		done[what]++
		if what == "engine" {
			crashes++
			signalAll(t, syscall.SIGKILL, s.engine(t)...)
			continue
		}
		crashes = 0
		s.kill(t, what == "both")
		if what == "start" { // and again while it starts
			s.start(t)
			time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
			s.kill(t, true)
		}
		s.up(t)
	}
	delivering.Wait()
	if strange := p.strange.Load(); strange != nil {
		t.Fatal(*strange)
	}

	day := all[slices.IndexFunc(all, func(d delivery) bool { return !d.at.IsZero() })].at.Truncate(24 * time.Hour)
	again := slices.DeleteFunc(slices.Clone(all), func(d delivery) bool { return !d.at.Truncate(24 * time.Hour).Equal(day) })
	p.deliver(t.Context(), again, seed)
	s.drained(t)
	s.stop(t)
	got := s.outcome(t)
	t.Logf("killed %v; %d deliveries acknowledged with %d events, %d sent; %d events, %d copies; %d answers 503; a day of %d deliveries came again",
		done, p.acknowledged.Load(), p.accepted.Load(), p.sent.Load(), got.events, got.copies, p.busy.Load(), len(again))
	if got.events != want.events || got.unique != want.events || got.digest != want.digest {
		t.Errorf("%d events, %d unique, digest %x; want %d, digest %x", got.events, got.unique, got.digest, want.events, want.digest)
	}
	for relation, fingerprint := range want.fingerprints {
		if got.fingerprints[relation] != fingerprint {
			t.Errorf("%s: fingerprint %x, want %x", relation, got.fingerprints[relation], fingerprint)
		}
	}
	// No copy is counted twice. Fewer than were acknowledged are counted where a kill hit the engine between noting an
	// insert's token and storing its rows: these came in by a second insert, which counts none.
	if got.copies > uint64(p.sent.Load()) {
		t.Errorf("%d copies stored, of %d sent", got.copies, p.sent.Load())
	}
	for _, wrong := range []string{"refused", "damaged", "unreadable"} {
		if strings.Contains(s.logged(), wrong) {
			t.Errorf("the log says %q", wrong)
		}
	}
}

func statuses(from, to int) []delivery {
	var all []delivery
	for i := from; i < to; i++ {
		body := []byte(strings.ReplaceAll(oneStatus, "wamid.A", fmt.Sprint("wamid.", i)))
		all = append(all, delivery{path: "/webhooks/whatsapp/acme", headers: [2]string{"X-Hub-Signature-256", simulate.Sign(body, appSecret)}, body: body, events: 1})
	}
	return all
}

// events counts them, and their copies.
func (s *site) events(t *testing.T) string {
	t.Helper()
	out := mustDrumbeat(t, "--dir", s.dir, "query", "--format", "csv", "--sql", "SELECT toString(count()) || ' ' || toString(sum(copies)) AS n FROM events")
	return strings.Trim(strings.TrimPrefix(out, "\"n\"\n"), "\"\n")
}

// An engine killed in the middle of inserts stores every event as often as it was accepted: an insert
// whose answer was lost is repeated and changes nothing.
func TestEngineKilledUnderLoad(t *testing.T) {
	s := newSite(t)
	s.up(t)
	p := &platform{site: s}
	all := deliveriesOf(t, simulate.New(simulate.Options{Seed: 6, Contacts: 150, Days: 30}))
	var delivering sync.WaitGroup
	delivering.Go(func() { p.deliver(t.Context(), all, 1) })
	for i := range 4 {
		for p.acknowledged.Load() < int64(len(all)*(i+1)/5) && p.strange.Load() == nil {
			time.Sleep(time.Millisecond)
		}
		signalAll(t, syscall.SIGKILL, s.engine(t)...)
	}
	delivering.Wait()
	s.drained(t)
	s.stop(t)
	if got := s.outcome(t); got.copies != uint64(p.accepted.Load()) || p.accepted.Load() != p.sent.Load() {
		t.Errorf("%d copies stored, %d events accepted, %d sent: they must be equal", got.copies, p.accepted.Load(), p.sent.Load())
	}
	if n := strings.Count(s.logged(), "engine crashed"); n == 0 {
		t.Error("the engine did not crash")
	}
}

// The disk spoils a byte while everything is down: one request's events are lost, and it is said.
func TestSpoiledWhileDown(t *testing.T) {
	s := newSite(t)
	s.up(t)
	s.drained(t)
	signalAll(t, syscall.SIGSTOP, s.engine(t)...) // so that nothing is loaded
	p := &platform{site: s}
	for _, d := range statuses(0, 30) {
		if !p.attempt(t.Context(), d) {
			t.Fatal("not acknowledged while the engine hangs")
		}
	}
	s.kill(t, true)
	files, err := filepath.Glob(filepath.Join(spoolPath(s.dir), "*.seg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("segments %v (%v)", files, err)
	}
	slices.SortFunc(files, func(a, b string) int { // the largest first
		x, _ := os.Stat(a)
		y, _ := os.Stat(b)
		return int(y.Size() - x.Size())
	})
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 4
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s.up(t)
	s.drained(t)
	if got := s.events(t); got != "29 29" {
		t.Errorf("%s events and copies, want all but one of 30", got)
	}
	if !strings.Contains(s.logged(), "spool segment damaged") {
		t.Error("nobody was told")
	}
	if _, err := os.Stat(filepath.Join(spoolPath(s.dir), spool.Corrupt, filepath.Base(files[0]))); err != nil {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	s.stop(t)
}

// Neither the spool nor the engine can write another byte: senders are told to come again, and once there
// is space everything goes on by itself.
func TestDiskFull(t *testing.T) {
	s := newSite(t)
	s.up(t)
	p := &platform{site: s}
	p.deliver(t.Context(), statuses(0, 20), 1)
	limit := func(bytes uint64) {
		t.Helper()
		for _, pid := range processesOf(t, s.dir) {
			var now unix.Rlimit
			err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now)
			if err == nil {
				now.Cur = min(bytes, now.Max)
				err = unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
			}
			// The limit kills the engine at any moment; the one begun instead has the limits of serve.
			if err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
		}
	}
	// A file cannot grow past this: segments can be begun and not written.
	limit(10)
	for _, d := range statuses(20, 25) {
		if p.attempt(t.Context(), d) {
			t.Error("acknowledged on a full disk")
		}
	}
	if p.busy.Load() != 5 {
		t.Errorf("%d answers 503, want 5", p.busy.Load())
	}
	// Room for the spool, hardly any for the engine: what it cannot store yet waits.
	limit(2000)
	for _, d := range statuses(20, 25) {
		if !p.attempt(t.Context(), d) {
			t.Error("not acknowledged although the spool has room")
		}
	}
	limit(unix.RLIM_INFINITY)
	p.deliver(t.Context(), statuses(25, 40), 2)
	s.drained(t)
	s.stop(t)
	if !strings.Contains(s.logged(), "spool write failed") {
		t.Error("nobody was told")
	}
	s.up(t)
	if got := s.events(t); !strings.HasPrefix(got, "40 ") {
		t.Errorf("%s events and copies, want 40", got)
	}
	s.stop(t)
}
