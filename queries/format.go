package queries

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Format is a form of output.
type Format string

// The formats. CSV has a header line and writes NULL as an empty field. JSON is one object a line, and Arrow a
// stream of record batches, so that a result of any length streams.
const (
	Table   Format = "table" // aligned, for people: NULL is —, fractions are rounded
	CSV     Format = "csv"
	JSON    Format = "json"
	Parquet Format = "parquet"
	Arrow   Format = "arrow"
)

// Formats returns the names of the formats.
func Formats() []string {
	return []string{string(Table), string(CSV), string(JSON), string(Parquet), string(Arrow)}
}

var wireFormats = map[Format]string{
	Table:   "JSONCompactEachRowWithNamesAndTypes",
	CSV:     "CSVWithNames",
	JSON:    "JSONEachRow",
	Parquet: "Parquet",
	Arrow:   "ArrowStream",
}

// By default the server writes NULL in CSV as `\N`, which a spreadsheet shows as text, and times
// without a zone, which readers take for their own.
var wireSettings = clickhouse.Settings{
	"format_csv_null_representation":          "",
	"date_time_output_format":                 "iso",
	"output_format_json_quote_64bit_integers": 0,
}

// A person reads no longer table, and aligning one keeps its rows in memory.
const tableRows = 5000

// writeTable aligns rows for a terminal: text to the left, numbers to the right.
func writeTable(from io.Reader, to io.Writer) error {
	decode := json.NewDecoder(bufio.NewReader(from))
	var names, types []string
	if err := decode.Decode(&names); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // a statement without a result
		}
		return fmt.Errorf("read the result's columns: %w", err)
	}
	if err := decode.Decode(&types); err != nil {
		return fmt.Errorf("read the result's types: %w", err)
	}
	table := [][]string{names}
	more := 0
	for {
		var row []json.RawMessage
		err := decode.Decode(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read row %d of the result: %w", len(table)+more, err)
		}
		if len(table) > tableRows {
			more++
			continue
		}
		cells := make([]string, len(row))
		for i, cell := range row {
			text, err := cellText(cell)
			if err != nil {
				return fmt.Errorf("read row %d of the result: %w", len(table), err)
			}
			if isFloat(types[i]) {
				text = short(text)
			}
			cells[i] = text
		}
		table = append(table, cells)
	}

	width := make([]int, len(names))
	for _, row := range table {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	out := bufio.NewWriter(to)
	for _, row := range table {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if isNumber(types[i]) {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	switch {
	case len(table) == 1:
		fmt.Fprintln(out, "(no rows)")
	case more > 0:
		fmt.Fprintf(out, "(%d more rows; csv and json have them all)\n", more)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// cellText writes a value as the server did: text without its quotes.
func cellText(cell json.RawMessage) (string, error) {
	switch {
	case string(cell) == "null":
		return "—", nil
	case len(cell) > 0 && cell[0] == '"':
		var s string
		if err := json.Unmarshal(cell, &s); err != nil {
			return "", err
		}
		return printable(s), nil
	}
	return printable(string(cell)), nil
}

// short rounds a fraction to what a person reads; the formats for programs have every digit.
func short(number string) string {
	const digits = 5 // significant ones
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || len(number) <= digits+len("0.") {
		return number
	}
	if exponent := math.Log10(math.Abs(x)); exponent >= digits {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}

func isNumber(typ string) bool {
	return integer.MatchString(unwrapped(typ)) || isFloat(typ) || strings.HasPrefix(unwrapped(typ), "Decimal")
}

func isFloat(typ string) bool { return float.MatchString(unwrapped(typ)) }

// unwrapped is the type inside Nullable and LowCardinality.
func unwrapped(typ string) string {
	for m := wrapped.FindStringSubmatch(typ); m != nil; m = wrapped.FindStringSubmatch(typ) {
		typ = m[2]
	}
	return typ
}

// printable keeps a value on its line and the terminal's escape codes out: values come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
