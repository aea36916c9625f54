// Package embedded runs a real ClickHouse in a child process of this one.
//
// The engine is a library that npm brings; [RunChild] makes this executable the
// process that hosts it, so a crash of the engine is not a crash of the owner.
// [Start] takes a data folder and starts the engine on free loopback ports,
// [Attach] finds the engine that another process started there:
//
//	func main() {
//		embedded.RunChild()
//		engine, err := embedded.Start(ctx, embedded.Options{Dir: "data"})
//		...
//		defer engine.Close()
//		conn, err := clickhouse.Open(&clickhouse.Options{
//			Addr: []string{embedded.NativeAddr}, DialContext: engine.DialContext, ...
//
// No engine outlives its owner, however the owner ends.
package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The addresses that [Engine.DialContext] knows, for clickhouse-go's Options.Addr.
const (
	NativeAddr = "engine:9000"
	HTTPAddr   = "engine:8123"
)

const (
	startTimeout  = 60 * time.Second       // reading the library from a slow disk; loading many tables
	bindAttempts  = 5                      // another process may take a port between choosing and binding
	crashLimit    = 5                      // crashes within crashWindow after which nobody waits for the engine
	crashWindow   = time.Minute            // also the wait until it is tried again then
	firstBackoff  = 100 * time.Millisecond // doubled by each crash in the window
	detachedAfter = "the engine this process was attached to has ended: run the command again"
)

// ErrClosed says that the engine was closed.
var ErrClosed = errors.New("the engine is closed")

// ErrGivenUp says that the engine crashed too often to be waited for; it is tried again after a minute.
// The error that wraps it has the reason and the log's path.
var ErrGivenUp = errors.New("the engine keeps crashing")

// Options of [Start].
type Options struct {
	Dir         string       // data folder; created if it is missing
	Library     string       // path of libchdb.so; default: FindLibrary
	MemoryBytes int64        // what the engine may use; default: 3/8 of the machine's, at most 4 GiB
	Log         *slog.Logger // default: slog.Default()
}

// Phase is what an engine does now.
type Phase string

// The phases of an engine.
const (
	Running    Phase = "running"
	Restarting Phase = "restarting" // after a crash; dialling waits
	GivenUp    Phase = "given up"   // until the next try, after a minute
	Closed     Phase = "closed"
)

// State is a moment of an engine.
type State struct {
	Phase    Phase
	Attached bool  // another process owns the engine
	PID      int   // of the child; 0 if none runs
	Crashes  int   // since Start; always 0 if attached
	Err      error // why it was given up
}

// Engine is a running engine; its methods may be called concurrently.
type Engine struct {
	dir      folder
	log      *slog.Logger
	attached atomic.Bool // another process owns the engine
	heir     bool        // while attached: the owner's end makes this process the owner
	writer   Credentials
	analyst  Credentials

	// Of the owner and of an heir.
	options Options
	lock    *os.File
	close   context.CancelFunc
	closed  chan struct{} // the supervisor has returned

	mu      sync.Mutex
	state   State
	native  int           // port
	http    int           // port
	changed chan struct{} // closed when state changes
}

// Start takes the folder's lock and starts the engine. It returns a *[LockedError] if
// another process has the folder, and an error that wraps [ErrNoLibrary] if there is
// no library. The caller must Close the engine. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	dir := folder(o.Dir)
	if err := dir.create(); err != nil {
		return nil, err
	}
	lock, err := dir.lock()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		dir: dir, log: o.Log, options: o, lock: lock,
		writer:  Credentials{"writer", rand.Text()},
		analyst: Credentials{"analyst", rand.Text()},
		closed:  make(chan struct{}),
		changed: make(chan struct{}),
	}
	e.warnUnconfined()
	child, err := e.startChild(ctx)
	if err != nil {
		lock.Close()
		return nil, err
	}
	supervision, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.close = cancel
	go func() {
		defer close(e.closed)
		e.supervise(supervision, child)
	}()
	return e, nil
}

// Attach finds the engine that another process runs on the folder. It does not try to reach it.
func Attach(dir string) (*Engine, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find data folder: %w", err)
	}
	end, err := folder(dir).readEndpoint()
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: folder(dir), writer: end.Writer, analyst: end.Analyst, changed: make(chan struct{})}
	e.attached.Store(true)
	return e, nil
}

// AttachToStay is [Attach] for a process that outlives others. When the owner ends, and its engine with it, this
// process takes the folder and starts the engine again, under the same passwords; until then dialling waits.
// The caller must Close the engine.
func AttachToStay(o Options) (*Engine, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	e, err := Attach(o.Dir)
	if err != nil {
		return nil, err
	}
	e.heir, e.options, e.log, e.closed = true, o, o.Log, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	e.close = cancel
	go func() {
		defer close(e.closed)
		if child := e.inherit(ctx); child != nil {
			e.supervise(ctx, child)
		}
	}()
	return e, nil
}

const (
	inheritTick = 200 * time.Millisecond // between looks whether the owner is still there
	inheritWait = 5 * time.Second        // after an engine that did not start
)

// inherit waits until the folder is free, takes it and starts the engine. It returns nil when ctx has ended.
func (e *Engine) inherit(ctx context.Context) *child {
	timer := time.NewTimer(inheritTick)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(inheritTick)
		case <-ctx.Done():
			e.set(func(s *State) { s.Phase = Closed })
			return nil
		}
		lock, err := e.dir.lock()
		if err != nil {
			continue // the owner is there, or another process was faster
		}
		e.lock = lock
		e.log.Info("the process that ran the engine has ended; it is started here")
		e.warnUnconfined()
		child, err := e.startChild(ctx)
		if err != nil {
			lock.Close()
			e.log.Error("engine not started in the place of its owner", "err", err)
			timer.Reset(inheritWait)
			continue
		}
		e.attached.Store(false)
		return child
	}
}

func (o *Options) complete() (err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemory()
	}
	if o.Library == "" {
		if o.Library, err = FindLibrary(); err != nil {
			return err
		}
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	return nil
}

func (e *Engine) warnUnconfined() {
	if err := confinable(); err != nil {
		e.log.Warn("engine not confined: its analyst can read every file that this user can", "err", err)
	}
}

// Writer may do everything in the databases drumbeat and drumbeat_*, and read system tables.
func (e *Engine) Writer() Credentials { return e.writer }

// Analyst may read the databases drumbeat and drumbeat_*, within limits it cannot raise.
func (e *Engine) Analyst() Credentials { return e.analyst }

// Dir is the absolute path of the data folder.
func (e *Engine) Dir() string { return string(e.dir) }

// LogPath is where the engine writes its log.
func (e *Engine) LogPath() string { return e.dir.log() }

// State returns what the engine does now.
func (e *Engine) State() State {
	if e.attached.Load() {
		state := State{Phase: Running, Attached: true}
		if end, err := e.currentEndpoint(); err != nil {
			state.Phase, state.Err = Closed, err
		} else {
			state.PID = end.EnginePID
		}
		return state
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// Addresses returns the current host:port of the native and the HTTP protocol.
// They change when the engine is started again; [Engine.DialContext] follows.
func (e *Engine) Addresses(ctx context.Context) (native, http string, err error) {
	n, h, err := e.ports(ctx)
	if err != nil {
		return "", "", err
	}
	return loopback(n), loopback(h), nil
}

// DialContext connects to the engine's current port for [NativeAddr] or [HTTPAddr]. While the
// engine restarts it waits, as long as ctx allows. It returns [ErrClosed] after Close, and an
// error that wraps [ErrGivenUp] when it would have to wait for long.
func (e *Engine) DialContext(ctx context.Context, addr string) (net.Conn, error) {
	native, http, err := e.ports(ctx)
	if err != nil {
		return nil, err
	}
	port := native
	switch addr {
	case NativeAddr:
	case HTTPAddr:
		port = http
	default:
		return nil, fmt.Errorf("dial %s: not an address of the engine", addr)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", loopback(port))
	if err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return conn, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// ports waits until the engine runs and returns its ports.
func (e *Engine) ports(ctx context.Context) (native, http int, err error) {
	for {
		e.mu.Lock()
		state, changed := e.state, e.changed
		native, http = e.native, e.http
		e.mu.Unlock()
		if e.attached.Load() && state.Phase != Closed {
			end, err := e.currentEndpoint()
			if err == nil || !e.heir {
				return end.NativePort, end.HTTPPort, err
			}
		}
		switch state.Phase {
		case Running:
			return native, http, nil
		case Closed:
			return 0, 0, ErrClosed
		case GivenUp:
			return 0, 0, state.Err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("wait for the engine to restart: %w", context.Cause(ctx))
		}
	}
}

// currentEndpoint reads where the attached engine is now: its owner may have restarted it.
func (e *Engine) currentEndpoint() (endpoint, error) {
	end, err := e.dir.readEndpoint()
	if errors.Is(err, os.ErrNotExist) || err == nil && end.Writer != e.writer {
		return end, errors.New(detachedAfter)
	}
	return end, err
}

// Close ends the engine and gives the folder free. It returns after the child is gone.
// On an engine that another process owns it does nothing. Calls after the first do nothing.
func (e *Engine) Close() error {
	if e.close == nil {
		return nil
	}
	e.close()
	<-e.closed
	return nil
}

func (e *Engine) set(change func(*State)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.state)
	close(e.changed)
	e.changed = make(chan struct{})
}

// supervise starts the engine again after each crash, until ctx ends.
func (e *Engine) supervise(ctx context.Context, c *child) {
	defer e.lock.Close()
	defer os.Remove(e.dir.endpoint())
	var crashes []time.Time
	for {
		select {
		case <-ctx.Done():
			e.set(func(s *State) { s.Phase, s.PID = Closed, 0 })
			os.Remove(e.dir.endpoint()) // before the ports go to somebody else
			c.stop()
			return
		case <-c.gone:
		}
		reason := c.reason()
		crashes = append(recent(crashes), time.Now())
		e.set(func(s *State) { s.Phase, s.PID, s.Crashes = Restarting, 0, s.Crashes+1 })
		for c = nil; c == nil; {
			if len(crashes) >= crashLimit {
				if !e.giveUp(ctx, fmt.Errorf("%w (%d times within a minute, last: %s); see %s; the next try is in a minute",
					ErrGivenUp, len(crashes), reason, e.dir.log())) {
					return
				}
				crashes = crashes[:1]
			}
			wait := firstBackoff << (len(crashes) - 1)
			e.log.Warn("engine crashed", "reason", reason, "restart_in_ms", wait.Milliseconds(), "log", e.dir.log())
			next, err := e.restart(ctx, wait)
			switch {
			case ctx.Err() != nil:
				if next != nil {
					next.stop()
				}
				e.set(func(s *State) { s.Phase, s.PID = Closed, 0 })
				return
			case err != nil:
				reason = err.Error()
				crashes = append(recent(crashes), time.Now())
			default:
				c = next
			}
		}
	}
}

func (e *Engine) restart(ctx context.Context, wait time.Duration) (*child, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return e.startChild(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// giveUp lets nobody wait for the engine until the next try. It returns false when ctx ended.
func (e *Engine) giveUp(ctx context.Context, err error) bool {
	e.log.Error("engine given up for now", "err", err)
	e.set(func(s *State) { s.Phase, s.Err = GivenUp, err })
	timer := time.NewTimer(crashWindow)
	defer timer.Stop()
	select {
	case <-timer.C:
		e.set(func(s *State) { s.Phase, s.Err = Restarting, nil })
		return true
	case <-ctx.Done():
		e.set(func(s *State) { s.Phase = Closed })
		return false
	}
}

// recent drops the crashes that are too long ago to count.
func recent(crashes []time.Time) []time.Time {
	for len(crashes) > 0 && time.Since(crashes[0]) > crashWindow {
		crashes = crashes[1:]
	}
	return crashes
}

// startChild starts a child on free ports, waits until it answers and tells where it is.
func (e *Engine) startChild(ctx context.Context) (*child, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("no answer within %v; see %s", startTimeout, e.dir.log()))
	defer cancel()
	for attempt := 1; ; attempt++ {
		native, http, err := freePorts()
		if err != nil {
			return nil, err
		}
		c, err := e.launch(native, http)
		if err != nil {
			return nil, fmt.Errorf("start the engine: %w", err)
		}
		if err := e.ready(ctx, c, http); err != nil {
			c.stop()
			if attempt < bindAttempts && strings.Contains(err.Error(), "Address already in use") {
				continue
			}
			return nil, err
		}
		err = e.dir.writeEndpoint(endpoint{
			OwnerPID: os.Getpid(), EnginePID: c.pid,
			NativePort: native, HTTPPort: http, Writer: e.writer, Analyst: e.analyst,
		})
		if err != nil {
			c.stop()
			return nil, err
		}
		e.set(func(s *State) {
			s.Phase, s.PID = Running, c.pid
			e.native, e.http = native, http
		})
		return c, nil
	}
}

// freePorts returns two loopback ports that nobody listens on now.
func freePorts() (native, http int, err error) {
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}

// ready waits until the engine answers the writer, whose password nobody else's server knows.
func (e *Engine) ready(ctx context.Context, c *child, port int) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("start the engine: %w", context.Cause(ctx))
		case <-c.gone:
			return fmt.Errorf("engine did not start: %s; see %s", c.reason(), e.dir.log())
		case <-tick.C:
		}
		if body, err := e.ask(ctx, port, "SELECT 1"); err == nil && body == "1\n" {
			return nil
		}
	}
}

// ask runs a statement as the writer and returns what the engine answers.
func (e *Engine) ask(ctx context.Context, port int, statement string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+loopback(port)+"/", strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth(e.writer.User, e.writer.Password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// configure writes the configuration that a child reads.
func (e *Engine) configure(native, http int) error {
	config, err := configuration{
		Self: e.dir.config(), Log: e.dir.log(), NativePort: native, HTTPPort: http,
		WriterHash: hash(e.writer.Password), AnalystHash: hash(e.analyst.Password),
		MemoryBytes: e.options.MemoryBytes,
	}.render()
	if err != nil {
		return err
	}
	return writeSecret(e.dir.config(), config)
}

// child is one process of the engine.
type child struct {
	pid    int
	cmd    *exec.Cmd
	owner  *os.File      // closing it ends the child
	log    string        // path
	offset int64         // where in the log this child begins
	gone   chan struct{} // closed when the process has been waited for
	err    error         // how it ended; read after gone
}

func (e *Engine) launch(native, http int) (*child, error) {
	if err := e.configure(native, http); err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	output, err := os.OpenFile(e.dir.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	info, err := output.Stat()
	if err != nil {
		return nil, err
	}
	watched, owner, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	cmd := &exec.Cmd{
		Path: exe, Args: []string{childName}, Dir: string(e.dir),
		Env: []string{ // no HOME: without one, a child whose start fails ends instead of asking for input
			"TZ=UTC", "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH"),
			childLibrary + "=" + e.options.Library,
			childPath + "=" + e.dir.data(),
			childConfig + "=" + e.dir.config(),
		},
		Stdout: output, Stderr: output,
		ExtraFiles:  []*os.File{watched, e.lock},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}, // a terminal's signals are the owner's business
	}
	if err := cmd.Start(); err != nil {
		owner.Close()
		return nil, err
	}
	c := &child{
		pid: cmd.Process.Pid, cmd: cmd, owner: owner,
		log: e.dir.log(), offset: info.Size(), gone: make(chan struct{}),
	}
	go func() {
		defer close(c.gone)
		c.err = cmd.Wait()
	}()
	return c, nil
}

// stop ends the child and waits for it.
func (c *child) stop() {
	c.owner.Close()
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-c.gone:
	case <-timer.C:
		c.cmd.Process.Kill()
		<-c.gone
	}
}

// reason says in one line why a child that is gone ended.
func (c *child) reason() string {
	<-c.gone
	c.owner.Close()
	ended := "ended"
	if c.err != nil {
		ended = c.err.Error()
	}
	if line := firstError(c.log, c.offset); line != "" {
		return ended + ": " + line
	}
	return ended
}

// firstError finds the first line behind offset that tells why a child ended, if there is one.
// What went wrong in statements is in the log too, and no reason.
func firstError(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > offset+most {
		offset = info.Size() - most
	}
	b, err := io.ReadAll(io.NewSectionReader(f, offset, most))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if _, fatal, found := strings.Cut(line, "<Fatal> "); found {
			return fatal
		}
		if strings.HasPrefix(line, "Code: ") { // of the start-up session; logged ones begin with the time
			_, line, _ = strings.Cut(line, "DB::Exception: ")
			return line
		}
		if text, found := strings.CutPrefix(line, childEnded); found {
			return text
		}
	}
	return ""
}
