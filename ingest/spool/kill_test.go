package spool

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const childDir = "DRUMBEAT_SPOOL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		appendUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// appendUntilKilled appends from eight goroutines and prints each record once it is acknowledged.
func appendUntilKilled(dir string) {
	s, _, err := Open(dir, Options{SegmentBytes: 20_000})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				record := fmt.Sprintf("record-%d-%d-%s", worker, i, strings.Repeat("x", i%300))
				if err := s.Append(context.Background(), []byte(record)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				os.Stdout.WriteString(record + "\n")
			}
		})
	}
	group.Wait()
}

// A process killed in the middle of its load has kept every record that it acknowledged.
func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 5 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // killed, and everything it printed was read
			}
			acknowledged[fmt.Sprint(round, " ", strings.TrimSuffix(line, "\n"))] = true
			if n == 300 {
				child.Process.Kill()
			}
		}
		child.Wait()

		s, recovery := open(t, dir, Options{})
		if recovery.Corrupt != 0 {
			t.Errorf("%+v", recovery)
		}
		got, _ := drain(t, s)
		found := map[string]bool{}
		for _, record := range got {
			found[fmt.Sprint(round, " ", record)] = true
		}
		for record := range acknowledged {
			if !found[record] {
				t.Fatalf("round %d: acknowledged record is gone: %.40s", round, record)
			}
		}
		if len(acknowledged) < 300 {
			t.Fatalf("only %d records acknowledged", len(acknowledged))
		}
		clear(acknowledged)
		for _, segment := range s.Sealed() {
			if err := s.Remove(segment); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
}
