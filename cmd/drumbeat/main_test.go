package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"drumbeat/warehouse/embedded"
)

// asDrumbeat makes the test binary be drumbeat, so that tests run it as people do.
const asDrumbeat = "DRUMBEAT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	embedded.RunChild()
	if os.Getenv(asDrumbeat) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is drumbeat with args, in the project's folder unless dir names another.
func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = dir
	if dir == "" {
		cmd.Dir = "../.."
	}
	cmd.Env = []string{asDrumbeat + "=1", "PATH=" + os.Getenv("PATH")}
	if lib := os.Getenv("DRUMBEAT_LIB"); lib != "" && dir == "" {
		cmd.Env = append(cmd.Env, "DRUMBEAT_LIB="+lib)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// drumbeat runs a command to its end.
func drumbeat(t testing.TB, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("drumbeat %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func mustDrumbeat(t testing.TB, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, code := drumbeat(t, "", args...)
	if code != 0 {
		t.Fatalf("drumbeat %v: exit %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

func TestMistakesAreOneSentenceAndTheRightCode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	badConfig := filepath.Join(t.TempDir(), "drumbeat.yaml")
	if err := os.WriteFile(badConfig, []byte("listen: 127.0.0.1:0\nwebhooks:\n  - source: whatsapp\n    app_secrets: [hunter22222222222]\n    verifytoken: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	alias := filepath.Join(t.TempDir(), "drumbeat.yaml")
	if err := os.WriteFile(alias, []byte("listen: 127.0.0.1:0\nevents:\n  - business: a\n    token: *hunter22222222222\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	anywhere := filepath.Join(t.TempDir(), "drumbeat.yaml")
	if err := os.WriteFile(anywhere, []byte("listen: \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shortToken := filepath.Join(t.TempDir(), "drumbeat.yaml")
	if err := os.WriteFile(shortToken, []byte("events:\n  - business: acme\n    token: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := t.TempDir()
	f := func(name, dir string, code int, says string, args ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			stdout, stderr, got := drumbeat(t, dir, args...)
			if got != code {
				t.Errorf("exit %d, want %d", got, code)
			}
			if !strings.Contains(stderr, says) {
				t.Errorf("it does not say %q", says)
			}
			if lines := strings.Count(strings.TrimSpace(stderr), "\n"); lines != 0 || !strings.HasPrefix(stderr, "drumbeat: ") {
				t.Errorf("not one sentence")
			}
			for _, secret := range []string{"hunter2", "goroutine"} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("it prints %q", secret)
				}
			}
			if t.Failed() {
				t.Logf("stdout: %s\nstderr: %s", stdout, stderr)
			}
		})
	}
	f("unknown flag", "", 2, "--help", "demo", "--fast")
	f("unknown command", "", 2, "--help", "dance")
	f("unknown question", "", 2, "frequency_engagement", "query", "nonsense")
	f("question and SQL", "", 2, "not both", "query", "freshness", "--sql", "SELECT 1")
	f("unknown job", "", 2, "frequency", "--dir", filepath.Join(nowhere, "a"), "run", "nonsense")
	f("half a window", "", 2, "two days", "--dir", filepath.Join(nowhere, "a"), "run", "frequency", "--from", "2026-03-01")
	f("window backwards", "", 2, "two days", "--dir", filepath.Join(nowhere, "a"), "run", "frequency", "--from", "2026-03-02", "--to", "2026-03-01")
	f("no such file", "", 2, "missing.ndjson", "import", "--business", "b", filepath.Join(nowhere, "missing.ndjson"))
	f("wrong configuration", "", 2, "verifytoken", "--dir", filepath.Join(nowhere, "b"), "serve", "--config", badConfig)
	f("secret that begins with *", "", 2, "[4:13]", "--dir", filepath.Join(nowhere, "b"), "serve", "--config", alias)
	f("empty listen is not every interface", "", 2, "host:port", "--dir", filepath.Join(nowhere, "b"), "serve", "--config", anywhere)
	f("short token", "", 2, "16 characters", "--dir", filepath.Join(nowhere, "b"), "serve", "--config", shortToken)
	f("no configuration", "", 2, "nothing.yaml", "--dir", filepath.Join(nowhere, "b"), "serve", "--config", filepath.Join(nowhere, "nothing.yaml"))
	f("no library", nowhere, 1, "npm ci", "--dir", filepath.Join(nowhere, "c"), "query", "--sql", "SELECT 1")
	f("folder is a file", "", 1, file, "--dir", file, "query", "--sql", "SELECT 1")
	f("folder not writable", "", 1, "/proc/drumbeat", "--dir", "/proc/drumbeat", "query", "--sql", "SELECT 1")
	f("wrong server", "", 1, "127.0.0.1:1", "--dsn", "clickhouse://me:hunter2@127.0.0.1:1/drumbeat", "query", "--sql", "SELECT 1")
	f("wrong DSN", "", 1, "clickhouse://", "--dsn", "mysql://me:hunter2@127.0.0.1", "query", "--sql", "SELECT 1")
	f("no data", "", 1, "import events first", "--dir", filepath.Join(nowhere, "d"), "report")
	f("nothing to check", "", 1, "no data folder", "--dir", filepath.Join(nowhere, "e"), "doctor")
	f("demo on a server", "", 2, "--dsn", "--dsn", "clickhouse://me:hunter2@127.0.0.1:1/x", "demo")
}

// With a new key every contact would be a new one, and no figure would tell.
func TestLostKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	events := filepath.Join(dir, "events.ndjson")
	line := `{"event_type":"send","event_time":"2026-03-02T01:15:00Z","account_id":"a","channel":"sms","address":"+12125550142","message_id":"m"}`
	if err := os.WriteFile(events, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	load := []string{"--dir", dir, "import", "--business", "acme", events}
	if _, stderr, code := drumbeat(t, "", load...); code != 0 || !strings.Contains(stderr, "back it up") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if err := os.Remove(keyPath(dir)); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := drumbeat(t, "", load...); code != 1 || !strings.Contains(stderr, "restore it from its backup") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, err := os.Stat(keyPath(dir)); err == nil {
		t.Error("a new key was made")
	}
	if err := os.WriteFile(keyPath(dir), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if stdout, _, code := drumbeat(t, "", "--dir", dir, "doctor"); code != 1 || !strings.Contains(stdout, "it has 4 bytes") {
		t.Errorf("doctor: exit %d: %s", code, stdout)
	}
	if err := os.WriteFile(keyPath(dir), []byte("the key of some other data folder"[:32]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := drumbeat(t, "", load...); code != 1 || !strings.Contains(stderr, "is not the pseudonym key") {
		t.Errorf("another key: exit %d: %s", code, stderr)
	}
	if stdout, _, code := drumbeat(t, "", "--dir", dir, "doctor"); code != 1 || !strings.Contains(stdout, "is not the pseudonym key") {
		t.Errorf("doctor with another key: exit %d: %s", code, stdout)
	}
}

func TestConfigurationOfCommentsAloneIsTheDefault(t *testing.T) {
	want, err := readConfig(filepath.Join(t.TempDir(), "missing.yaml"), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "# nothing yet\n"} {
		path := filepath.Join(t.TempDir(), "drumbeat.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readConfig(path, true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	stdout := mustDrumbeat(t, "--help")
	for _, name := range []string{"demo", "serve", "import", "simulate", "run", "report", "query", "doctor"} {
		if !strings.Contains(stdout, "\n  "+name+" ") {
			t.Errorf("the help does not name %s", name)
		}
	}
}

// processesOf lists the processes that were called with dir, or have a file open in it as the engine has.
func processesOf(t testing.TB, dir string) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("processes are counted through /proc, which this system lacks")
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
			continue
		}
		open, _ := filepath.Glob(filepath.Join("/proc", entry.Name(), "fd", "*"))
		for _, fd := range open {
			if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, dir+"/") {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// waitForNone waits until no process of dir is left.
func waitForNone(t testing.TB, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		pids := processesOf(t, dir)
		if len(pids) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("processes %v are left", pids)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
