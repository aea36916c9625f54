package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// opened is a store in dir whose clock stands at *now.
func opened(t *testing.T, dir string, key byte, now *time.Time, change func(*Options)) *Store {
	t.Helper()
	o := Options{Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	s, err := Open(dir, bytes.Repeat([]byte{key}, 32), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keep(t *testing.T, s *Store, at time.Time, body string) {
	t.Helper()
	if err := s.Keep(Entry{Source: "whatsapp", Endpoint: "shop", Reason: "not valid JSON", Received: at}, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// bodies returns what is kept, oldest first.
func bodies(t *testing.T, s *Store) (texts []string) {
	t.Helper()
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		_, body, err := s.Body(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(body))
	}
	return texts
}

func TestKeptBodyIsTheSameAndNowhereInClear(t *testing.T) {
	now, dir := start, t.TempDir()
	const body = `{"contacts":[{"profile":{"name":"Ana Secretperson"}}]`
	keep(t, opened(t, dir, 1, &now, nil), start, body)
	keep(t, opened(t, dir, 1, &now, nil), start.Add(time.Minute), body) // the platform repeats it

	s := opened(t, dir, 1, &now, nil)
	list, err := s.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	want := Entry{ID: list[0].ID, Received: start, Source: "whatsapp", Endpoint: "shop", Reason: "not valid JSON", Bytes: len(body)}
	if got, text, err := s.Body(list[0].ID); err != nil || got != want || string(text) != body {
		t.Errorf("%+v %q, %v; want %+v", got, text, err, want)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Secretperson", "whatsapp", "shop", "JSON"} {
		if bytes.Contains(raw, []byte(part)) {
			t.Errorf("the file holds %q in clear", part)
		}
	}
	if err := s.Remove(list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Body(list[0].ID); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Nothing that was changed, renamed or sealed with another key is taken for a body.
func TestWhatWasTouchedIsNotABody(t *testing.T) {
	now, dir := start, t.TempDir()
	s := opened(t, dir, 1, &now, nil)
	keep(t, s, start, strings.Repeat("a body ", 10))
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	id := list[0].ID
	if _, _, err := opened(t, dir, 2, &now, nil).Body(id); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	if list, err := opened(t, dir, 2, &now, nil).List(); err != nil || len(list) != 1 || !strings.Contains(list[0].Reason, "another pseudonym key") {
		t.Errorf("another key: %+v, %v", list, err)
	}
	raw, err := os.ReadFile(s.path(id))
	if err != nil {
		t.Fatal(err)
	}
	for at := range raw {
		changed := slices.Clone(raw)
		changed[at] ^= 1
		if err := os.WriteFile(s.path(id), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Body(id); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d of %d changed: %v", at, len(raw), err)
		}
		if err := os.WriteFile(s.path(id), raw[:at], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Body(id); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes of %d: %v", at, len(raw), err)
		}
	}
	younger := fmt.Sprintf("%d-%s", start.Add(time.Hour).UnixMilli(), strings.Repeat("0", 32))
	if err := os.WriteFile(s.path(younger), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Body(younger); !errors.Is(err, ErrSealed) {
		t.Errorf("under another name: %v", err)
	}
	for _, id := range []string{"", "../" + id, "1-x", younger + "/"} {
		if _, _, err := s.Body(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestOldestGiveWay(t *testing.T) {
	now, dir := start, t.TempDir()
	s := opened(t, dir, 1, &now, func(o *Options) { o.MaxBytes = 10 << 10 })
	large := strings.Repeat("x", 3<<10)
	for i := range 4 {
		keep(t, s, start.Add(time.Duration(i)*time.Second), fmt.Sprint(i, large))
	}
	if got, want := bodies(t, s), []string{"1" + large, "2" + large, "3" + large}; !slices.Equal(got, want) {
		t.Errorf("%d bodies are kept, want the newest three", len(got))
	}
	if _, size, err := s.Size(); err != nil || size > 10<<10 {
		t.Errorf("%d bytes, %v", size, err)
	}
	if got, want := s.Stats(), (Stats{Kept: 4, Dropped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	few := opened(t, t.TempDir(), 1, &now, func(o *Options) { o.MaxEntries = 2 })
	for i := range 5 {
		keep(t, few, start.Add(time.Duration(i)*time.Second), fmt.Sprint(i))
	}
	if got, want := bodies(t, few), []string{"3", "4"}; !slices.Equal(got, want) {
		t.Errorf("%q are kept, want %q", got, want)
	}
}

func TestExpired(t *testing.T) {
	now, dir := start, t.TempDir()
	s := opened(t, dir, 1, &now, nil)
	keep(t, s, start, "old")
	keep(t, s, start.Add(time.Hour), "new")
	half := filepath.Join(dir, "1-00"+extension+temporary)
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(at time.Duration, want ...string) {
		t.Helper()
		now = start.Add(at)
		if err := s.Expire(); err != nil {
			t.Fatal(err)
		}
		if got := bodies(t, s); !slices.Equal(got, want) {
			t.Errorf("after %v: %q, want %q", at, got, want)
		}
	}
	f(MaxAge-time.Millisecond, "old", "new")
	if _, err := os.Stat(half); err == nil {
		t.Error("half a file is left")
	}
	f(MaxAge, "new")
	f(MaxAge + time.Hour)
	if got := s.Stats().Expired; got != 2 {
		t.Errorf("%d expired, want 2", got)
	}
}
