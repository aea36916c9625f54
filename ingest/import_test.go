package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"drumbeat/warehouse/warehousetest"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// numbers reads a line that is a number as a send of the message of that number, which is all that
// importing needs to know of lines.
type numbers struct{ address Address }

var errNumber = errors.New("not a number")

func (n numbers) Decode(line []byte, business string, received time.Time, draft *Draft) error {
	if _, err := strconv.Atoi(string(line)); err != nil {
		return errNumber
	}
	*draft = Draft{Event: Event{Type: Send, Time: received, IngestedAt: received, BusinessID: business, AccountID: "1", Channel: "sms"}, Address: n.address, MessageKey: string(line)}
	return nil
}

// counter is a warehouse that only counts, and fails as often as told.
type counter struct {
	rows, calls, failures atomic.Int64
	err                   error
	tokens                chan string
}

func (c *counter) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	c.calls.Add(1)
	if c.failures.Add(-1) >= 0 {
		return c.err
	}
	for records.Next() {
		c.rows.Add(records.Record().NumRows())
	}
	if c.tokens != nil {
		c.tokens <- token
	}
	return records.Err()
}

func importOptions(t testing.TB, to Inserter) ImportOptions {
	return ImportOptions{
		BusinessID: "acme", Lines: numbers{addressOf(t, Phone, "+12125550142")}, Pseudonym: pseudonymizer(t), To: to,
		Now: func() time.Time { return time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC) }, Wait: time.Microsecond, Allocator: allocator(t),
	}
}

// file returns n lines of which every seventh is broken, with some empty ones between.
func file(n int) (text string, broken []int) {
	var b strings.Builder
	line := 0
	for i := range n {
		line++
		if i%5 == 3 {
			b.WriteString("  \r\n")
			line++
		}
		if i%7 == 6 {
			b.WriteString("x")
			broken = append(broken, line)
		}
		fmt.Fprintf(&b, "%d\n", i)
	}
	return strings.TrimSuffix(b.String(), "\n"), broken
}

func zip(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, text)
	w.Close()
	return out.Bytes()
}

// However a file is cut into chunks, every line is accounted for under its own number.
func TestEveryLineIsAcceptedOrRejected(t *testing.T) {
	const n = 150
	text, broken := file(n)
	for _, chunk := range []int{1, 7, 64, 1 << 20} {
		for name, in := range map[string]io.Reader{
			"plain": strings.NewReader(text), "slow": iotest.OneByteReader(strings.NewReader(text)), "gzip": bytes.NewReader(zip(text)),
			"two gzip members":  io.MultiReader(bytes.NewReader(zip(text[:len(text)/2])), bytes.NewReader(zip(text[len(text)/2:]))),
			"data with the end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			to := &counter{}
			opts := importOptions(t, to)
			opts.chunk, opts.KeepLines = chunk, 10
			heard := map[int]bool{}
			opts.Rejected = func(e *LineError) { heard[e.Line] = true }
			result, err := Import(t.Context(), "events.ndjson", in, opts)
			if err != nil {
				t.Fatalf("%s, chunk %d: %v", name, chunk, err)
			}
			if result.Lines != n || result.Rejected != len(broken) || result.Accepted != n-len(broken) || int(to.rows.Load()) != result.Accepted {
				t.Fatalf("%s, chunk %d: %d lines, %d accepted, %d rejected, %d stored", name, chunk, result.Lines, result.Accepted, result.Rejected, to.rows.Load())
			}
			for _, line := range broken {
				if !heard[line] {
					t.Fatalf("%s, chunk %d: line %d was not told", name, chunk, line)
				}
			}
			if len(result.Errors) != 10 {
				t.Fatalf("%d errors kept", len(result.Errors))
			}
			for i, e := range result.Errors {
				if want := fmt.Sprintf("events.ndjson:%d: not a number", broken[i]); e.Error() != want || !errors.Is(e, errNumber) {
					t.Fatalf("%s, chunk %d: error %d is %q, want %q", name, chunk, i, e, want)
				}
			}
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, in := range []io.Reader{strings.NewReader(""), strings.NewReader("\n\n \n"), bytes.NewReader(zip(""))} {
		to := &counter{}
		if result, err := Import(t.Context(), "f", in, importOptions(t, to)); err != nil || result.Lines != 0 || to.calls.Load() != 0 {
			t.Errorf("%+v %v, %d inserts", result, err, to.calls.Load())
		}
	}
}

func TestLinesThatAreTooLong(t *testing.T) {
	long := strings.Repeat("1", maxLine+1)
	text := "1\n" + long + "\n2\n" + long + long + long + "\n3\n" + long
	for _, chunk := range []int{5000, maxLine + 10, 8 << 20} {
		to := &counter{}
		opts := importOptions(t, to)
		opts.chunk = chunk
		result, err := Import(t.Context(), "f", strings.NewReader(text), opts)
		if err != nil {
			t.Fatal(err)
		}
		if result.Lines != 6 || result.Accepted != 3 || result.Rejected != 3 {
			t.Errorf("chunk %d: %+v", chunk, result)
		}
		for i, e := range result.Errors {
			if e.Line != 2*(i+1) || !errors.Is(e, errLong) {
				t.Errorf("chunk %d: error %d is %v", chunk, i, e)
			}
		}
	}
}

func TestFileThatBreaksOff(t *testing.T) {
	text, _ := file(5000)
	cut := zip(text)
	cut = cut[:len(cut)/2]
	to := &counter{}
	result, err := Import(t.Context(), "events.ndjson.gz", bytes.NewReader(cut), importOptions(t, to))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "events.ndjson.gz") {
		t.Errorf("%v", err)
	}
	// What could be read is stored and counted.
	if result.Accepted == 0 || result.Lines != result.Accepted+result.Rejected || int(to.rows.Load()) != result.Accepted {
		t.Errorf("%+v, %d stored", result.Lines, to.rows.Load())
	}
	disk := errors.New("input/output error")
	if _, err := Import(t.Context(), "f", io.MultiReader(strings.NewReader(text), iotest.ErrReader(disk)), importOptions(t, to)); !errors.Is(err, disk) {
		t.Errorf("%v", err)
	}
}

func TestImportTriesAgainAndThenGivesUp(t *testing.T) {
	text, broken := file(100)
	to := &counter{err: errors.New("connection refused")}
	to.failures.Store(3)
	result, err := Import(t.Context(), "f", strings.NewReader(text), importOptions(t, to))
	if err != nil || result.Accepted != 100-len(broken) || to.calls.Load() != 5 { // the last stores the rows again, which may not have been stored
		t.Errorf("%+v %v after %d inserts", result, err, to.calls.Load())
	}

	to.failures.Store(1 << 40)
	to.calls.Store(0)
	result, err = Import(t.Context(), "f", strings.NewReader(text), importOptions(t, to))
	if !errors.Is(err, to.err) || result.Accepted != 0 || to.calls.Load() != 6 {
		t.Errorf("%+v %v after %d inserts", result, err, to.calls.Load())
	}

	to.err = refusal{}
	to.calls.Store(0)
	if _, err := Import(t.Context(), "f", strings.NewReader(text), importOptions(t, to)); !errors.Is(err, refusal{}) || to.calls.Load() != 1 {
		t.Errorf("refused: %v after %d inserts", err, to.calls.Load())
	}
}

func TestImportStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("gave up")
	lines := 0
	endless := readerFunc(func(p []byte) (int, error) {
		if lines++; lines == 1000 {
			cancel(gaveUp)
		}
		return copy(p, "1\n"), nil
	})
	opts := importOptions(t, &counter{})
	opts.chunk = 100
	if _, err := Import(ctx, "f", endless, opts); !errors.Is(err, gaveUp) {
		t.Errorf("%v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A file imported again changes no event; only the copies are counted.
func TestImportingAFileAgain(t *testing.T) {
	db := warehousetest.New(t)
	text, broken := file(300)
	for range 2 {
		opts := importOptions(t, db)
		opts.chunk = 200
		if _, err := Import(t.Context(), "f", strings.NewReader(text), opts); err != nil {
			t.Fatal(err)
		}
	}
	good := uint64(300 - len(broken))
	if n := count(t, db, "SELECT count() FROM events"); n != good {
		t.Errorf("%d events, want %d", n, good)
	}
	if n := count(t, db, "SELECT sum(copies) FROM events"); n != 2*good {
		t.Errorf("%d copies, want %d", n, 2*good)
	}
}
