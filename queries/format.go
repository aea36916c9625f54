package queries

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Format is a form of output.
type Format string

// The formats. CSV has a header line and writes NULL as an empty field. JSON is one object a line,
// so that a result of any length streams.
const (
	Table Format = "table" // aligned, for people; NULL is —
	CSV   Format = "csv"
	JSON  Format = "json"
)

// Formats returns the names of the formats.
func Formats() []string { return []string{string(Table), string(CSV), string(JSON)} }

var wireFormats = map[Format]string{
	Table: "JSONCompactEachRowWithNamesAndTypes",
	CSV:   "CSVWithNames",
	JSON:  "JSONEachRow",
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

// cellText writes a value as the server did: numbers digit by digit, text without its quotes.
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

func isNumber(typ string) bool {
	for m := wrapped.FindStringSubmatch(typ); m != nil; m = wrapped.FindStringSubmatch(typ) {
		typ = m[2]
	}
	return integer.MatchString(typ) || float.MatchString(typ) || strings.HasPrefix(typ, "Decimal")
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
