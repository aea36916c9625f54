package reports

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"
)

var rowsOf = flag.String("rows", "", "folder of editions to take the rows of the tests from")

// TestRows is `make rows`: it writes what the newest edition of a demo was made of to testdata/demo.txtar.gz.
func TestRows(t *testing.T) {
	if *rowsOf == "" {
		t.Skip("written by `make rows`")
	}
	list, err := editions(*rowsOf)
	if err != nil || len(list) == 0 {
		t.Fatalf("no edition in %s (%v)", *rowsOf, err)
	}
	d, _, err := readEdition(*rowsOf, list[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	line := func(v map[string]any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return append(text, '\n')
	}
	d.answers["businesses"] = line(map[string]any{"business_id": d.Business})
	d.answers["windows"] = line(map[string]any{"business_id": d.Business, "window_from": d.From.Format("2006-01-02"), "window_to": d.To.Format("2006-01-02"), "cutoff": d.Cutoff})
	var archive txtar.Archive
	for _, ask := range slices.Sorted(maps.Keys(d.answers)) {
		archive.Files = append(archive.Files, txtar.File{Name: ask, Data: d.answers[ask]})
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = zip.Write(txtar.Format(&archive))
	if err := errors.Join(err, zip.Close(), os.WriteFile("testdata/demo.txtar.gz", out.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("testdata/demo.txtar.gz: %d questions, %d bytes", len(archive.Files), out.Len())
}
