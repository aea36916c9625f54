package survey

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// table is a file as rows of cells. A list in a cell is its elements joined by listMark.
type table interface {
	columns() []string
	// next returns the cells in the order of columns, good until the next call, and the number of the row as people count
	// it: the line of the file, of Parquet the row. After a rowError it can be called again. io.EOF at the end.
	next() (cells []string, row int, err error)
	// unseen are columns that no row had; known at the end.
	unseen() []string
}

const listMark = "\x1f"

// rowError is a row that cannot be read; those after it can.
type rowError struct{ error }

// maxLine is the longest line of NDJSON.
const maxLine = 1 << 20

// open tells the format from the first bytes: Parquet, NDJSON or CSV, the last two also gzipped. want are the columns to
// read where a file does not list them first (NDJSON); nil: all.
func open(in io.Reader, how csvMapping, want []string) (table, error) {
	b := bufio.NewReaderSize(in, 1<<20)
	if magic, _ := b.Peek(4); string(magic) == "PAR1" {
		return openParquet(b, in, want)
	}
	if magic, _ := b.Peek(2); string(magic) == "\x1f\x8b" {
		plain, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("undo gzip: %w", err)
		}
		b = bufio.NewReaderSize(plain, 1<<20)
	}
	start, err := b.Peek(4)
	switch {
	case len(start) == 0 && (err == nil || errors.Is(err, io.EOF)):
		return nil, errors.New("the file is empty")
	case len(start) == 0:
		return nil, err
	case bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, errors.New("the file is UTF-16: save it as CSV UTF-8")
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, errors.New("the file is a workbook or a zip archive: save the sheet as CSV UTF-8, or unpack it")
	case bytes.HasPrefix(start, []byte("$FL")) || bytes.HasPrefix(start, []byte("<?xm")):
		return nil, errors.New("the file is not CSV, NDJSON or Parquet: export it as one of these")
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		b.Discard(3)
	}
	if first, _ := b.Peek(1); len(first) == 1 && first[0] == '{' {
		return openLines(b, want)
	}
	return openCSV(b, how)
}

type csvTable struct {
	r     *csv.Reader
	names []string
	heads [][]string // all header rows, for inspect
}

func openCSV(b *bufio.Reader, how csvMapping) (*csvTable, error) {
	t := &csvTable{r: csv.NewReader(b)}
	t.r.ReuseRecord, t.r.FieldsPerRecord = true, -1
	switch how.Separator {
	case "":
		t.r.Comma = guessSeparator(b)
	case "tab":
		t.r.Comma = '\t'
	default:
		t.r.Comma = rune(how.Separator[0])
	}
	for range max(1, how.HeaderRows) {
		head, err := t.r.Read()
		if err != nil {
			return nil, fmt.Errorf("read the header: %w", err)
		}
		for _, cell := range head {
			if !utf8.ValidString(cell) {
				return nil, errors.New("the header is not UTF-8: save the file as CSV UTF-8")
			}
		}
		t.heads = append(t.heads, slices.Clone(head))
	}
	t.names = columnNames(t.heads)
	return t, nil
}

// columnNames are the first header row's. Where that leaves cells empty, as above the options of one question, they are
// the last filled one with what the second row says.
func columnNames(heads [][]string) []string {
	names := make([]string, len(heads[0]))
	above := ""
	for i, cell := range heads[0] {
		cell = strings.TrimSpace(cell)
		empty := cell == ""
		if !empty {
			above = cell
		}
		names[i] = above
		below := ""
		if len(heads) > 1 && i < len(heads[1]) {
			below = strings.TrimSpace(heads[1][i])
		}
		group := empty || i+1 < len(heads[0]) && strings.TrimSpace(heads[0][i+1]) == ""
		if group && below != "" {
			names[i] = above + crossed + below
		} else if empty {
			names[i] = ""
		}
	}
	return names
}

// guessSeparator returns what stands most often in the first line, outside quotes.
func guessSeparator(b *bufio.Reader) rune {
	start, _ := b.Peek(b.Size())
	best, most := ',', 0
	for _, candidate := range []byte(",;\t|") {
		n, quoted := 0, false
		for _, c := range start {
			if c == '"' {
				quoted = !quoted
			}
			if c == '\n' && !quoted {
				break
			}
			if c == candidate && !quoted {
				n++
			}
		}
		if n > most {
			best, most = rune(candidate), n
		}
	}
	return best
}

func (t *csvTable) columns() []string { return t.names }
func (t *csvTable) unseen() []string  { return nil }

func (t *csvTable) next() ([]string, int, error) {
	cells, err := t.r.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return nil, parse.StartLine, rowError{fmt.Errorf("%w: a quote inside a cell is written twice, and the cell in quotes", parse.Err)}
	case err != nil:
		return nil, 0, err
	}
	line, _ := t.r.FieldPos(0)
	if len(cells) != len(t.names) {
		return nil, line, rowError{fmt.Errorf("it has %d cells and the header %d: put cells that hold the separator in quotes", len(cells), len(t.names))}
	}
	return cells, line, nil
}

// lineTable is NDJSON.
type lineTable struct {
	lines   *bufio.Reader
	line    int
	names   []string
	place   map[string]int
	cells   []string
	present []bool // some row had the column
	decoder jsontext.Decoder
	buffer  bytes.Reader
}

// openLines reads these columns, or if nil all that the first lines have.
func openLines(b *bufio.Reader, want []string) (*lineTable, error) {
	t := &lineTable{lines: b, place: map[string]int{}}
	if want == nil {
		start, _ := b.Peek(b.Size())
		for line := range bytes.Lines(start) {
			want = appendKeys(want, line)
		}
	}
	for _, name := range want {
		t.place[name] = len(t.names)
		t.names = append(t.names, name)
	}
	t.cells, t.present = make([]string, len(t.names)), make([]bool, len(t.names))
	return t, nil
}

// appendKeys adds keys of an object that are new. What cannot be read ends it: the row itself will say so.
func appendKeys(keys []string, line []byte) []string {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if _, err := d.ReadToken(); err != nil {
		return keys
	}
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return keys
		}
		name := key.String()
		if d.SkipValue() != nil {
			return keys
		}
		if !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
	}
	return keys
}

func (t *lineTable) columns() []string { return t.names }

func (t *lineTable) unseen() (names []string) {
	for i, present := range t.present {
		if !present {
			names = append(names, t.names[i])
		}
	}
	return names
}

func (t *lineTable) next() ([]string, int, error) {
	for {
		line, err := t.readLine()
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, t.line, rowError{fmt.Errorf("the line is longer than %d MiB", maxLine>>20)}
		}
		if err != nil {
			return nil, t.line, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := t.read(line); err != nil {
			return nil, t.line, rowError{err}
		}
		return t.cells, t.line, nil
	}
}

func (t *lineTable) readLine() ([]byte, error) {
	line, err := t.lines.ReadSlice('\n')
	t.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = t.lines.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = bufio.ErrTooLong
		}
		return nil, err
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return line, err
}

var errNoObject = errors.New("it is no JSON object on one line")

func (t *lineTable) read(line []byte) error {
	clear(t.cells)
	t.buffer.Reset(line)
	t.decoder.Reset(&t.buffer)
	d := &t.decoder
	if begin, err := d.ReadToken(); err != nil || begin.Kind() != '{' {
		return errNoObject
	}
	for {
		key, err := d.ReadToken()
		if err != nil {
			return errNoObject
		}
		if key.Kind() == '}' {
			break
		}
		i, wanted := t.place[key.String()]
		if !wanted {
			if d.SkipValue() != nil {
				return errNoObject
			}
			continue
		}
		t.present[i] = true
		if t.cells[i], err = readCell(d); err != nil {
			return fmt.Errorf("column %q: %w", t.names[i], err)
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errNoObject
	}
	return nil
}

func readCell(d *jsontext.Decoder) (string, error) {
	value, err := d.ReadToken()
	if err != nil {
		return "", errNoObject
	}
	switch value.Kind() {
	case 'n':
		return "", nil
	case '{':
		return "", errors.New("it holds an object: export each of its fields as a column of its own")
	case '[':
		var list []string
		for {
			value, err := d.ReadToken()
			switch {
			case err != nil:
				return "", errNoObject
			case value.Kind() == ']':
				return strings.Join(list, listMark), nil
			case value.Kind() == '{' || value.Kind() == '[':
				return "", errors.New("it holds a list of lists or objects")
			case value.Kind() != 'n':
				list = append(list, value.String())
			}
		}
	}
	return value.String(), nil
}
