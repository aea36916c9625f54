package survey

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// Whatever stands in a file, reading ends, and says what is wrong rather than to break.
func FuzzRows(f *testing.F) {
	f.Add("a,b\n1,2\n\"x\ny\",3\n", "")
	f.Add("\xef\xbb\xbfa;b\n1;2;3\n\"", "")
	f.Add("What?,,Other\nA,B,\n1,,x\n", "2")
	f.Add("{\"a\":[1,null,\"x\"],\"b\":{}}\n{\"a\":tru\n{}\n", "")
	f.Add("\x1f\x8b\x08no gzip", "")
	f.Fuzz(func(t *testing.T, text, rows string) {
		if strings.HasPrefix(text, "PAR1") {
			return // its reader allocates what a broken header asks for
		}
		m := &Mapping{Respondent: "a", Date: dateMapping{Column: "b"}}
		for _, want := range [][]string{nil, m.wanted()} {
			read, err := open(strings.NewReader(text), csvMapping{HeaderRows: len(rows) % 4}, want)
			if err != nil {
				return
			}
			for range len(text) + 1 {
				cells, _, err := read.next()
				if errors.Is(err, io.EOF) {
					return
				}
				var bad rowError
				if err == nil && len(cells) != len(read.columns()) {
					t.Fatalf("%d cells of %d columns", len(cells), len(read.columns()))
				}
				if err != nil && !errors.As(err, &bad) {
					return
				}
			}
			t.Fatal("it has more rows than bytes")
		}
	})
}

func FuzzParseDay(f *testing.F) {
	f.Add("2026-05-31T10:00", "")
	f.Add("31/5/2026", "dmy")
	f.Add("--", "ymd")
	f.Fuzz(func(t *testing.T, cell, order string) {
		if order != "" && order != "dmy" && order != "mdy" && order != "ymd" {
			return
		}
		if day, err := parseDay(cell, order); err == nil && (day < 0 || day > 65535) {
			t.Errorf("%q is day %d, which the warehouse has not", cell, day)
		}
	})
}
