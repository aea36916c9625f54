package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"drumbeat/ingest/canonical"
	"drumbeat/queries"
	"drumbeat/reports"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
)

// fileEvents is how many events, and lines of a web server's log, are in the files.
const fileEvents = 2_000_000

// file measures the way from a file of events to finished reports, beside what GoAccess needs for a log of as many
// lines: the job of a tool that writes one page of a log in one go.
func (b *bench) file(ctx context.Context) error {
	events, log := filepath.Join(b.dir, "events.jsonl"), filepath.Join(b.dir, "access.log")
	n, err := writeEvents(events, b.scaled(fileEvents))
	if err == nil {
		err = writeLog(log, n)
	}
	if err != nil {
		return fmt.Errorf("write files of %d lines: %w", n, err)
	}
	o, err := b.reportOptions("file")
	if err != nil {
		return err
	}
	ours := b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
		return seconds(func(ctx context.Context) error {
			in, err := os.Open(events)
			if err != nil {
				return err
			}
			defer in.Close()
			if err := importLines(ctx, db, bufio.NewReaderSize(in, 1<<20)); err != nil {
				return err
			}
			if _, err := transform.RunAll(ctx, db, transform.DefaultValues()); err != nil {
				return err
			}
			_, err = reports.Render(ctx, queries.NewRunner(db), o)
			return err
		})(ctx)
	})
	figures, err := b.alternate(ctx, ours, seconds(func(ctx context.Context) error {
		program, err := exec.LookPath("goaccess")
		if err != nil {
			return errors.New("goaccess is not installed")
		}
		out, err := exec.CommandContext(ctx, program, log, "--log-format=COMBINED", "--no-progress", "-o", filepath.Join(b.dir, "goaccess.html")).CombinedOutput()
		if err != nil {
			return fmt.Errorf("goaccess: %w: %.200s", err, out)
		}
		return nil
	}))
	if err != nil {
		return err
	}
	b.add(compared(row{
		Name: "a file of events to finished reports", Value: figures[0].value, Unit: "s", Beside: "GoAccess, as many log lines", Goal: 0.1, AtMost: true,
		Note: number(float64(n)) + " events",
	}, figures[1]))
	return errors.Join(os.Remove(events), os.Remove(log))
}

// writeEvents writes at least so many simulated events, and says how many.
func writeEvents(path string, want int) (n int, err error) {
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	buffer := bufio.NewWriterSize(out, 1<<20)
	w := canonical.NewWriter(buffer)
	for line := range simulate.New(simulate.Options{Seed: 2, Contacts: max(1, want/62), Days: 90}).Lines() {
		if err = w.Write(&line); err != nil {
			break
		}
		n++
	}
	return n, errors.Join(err, buffer.Flush(), out.Close())
}

// writeLog writes lines of a web server's log in the combined format, of 90 days, 20,000 visitors and 2,000 addresses.
func writeLog(path string, lines int) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "ExampleBot/1.0"}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	step := 90 * 24 * time.Hour / time.Duration(lines)
	for range lines {
		at = at.Add(step)
		visitor := r.IntN(20_000)
		fmt.Fprintf(w, "10.%d.%d.%d - - [%s] \"GET /page/%d HTTP/1.1\" %d %d \"-\" \"%s\"\n", visitor>>16, visitor>>8&255, visitor&255,
			at.Format("02/Jan/2006:15:04:05 -0700"), r.IntN(2_000), []int{200, 200, 200, 304, 404}[r.IntN(5)], 500+r.IntN(50_000), agents[visitor%len(agents)])
	}
	return errors.Join(w.Flush(), out.Close())
}
