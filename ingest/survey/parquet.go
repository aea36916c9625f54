package survey

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"bytes"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// parquetTable reads columns of scalars and of lists of scalars. Arrow's own reader of records would bring gRPC along.
type parquetTable struct {
	file    *file.Reader
	names   []string
	indexes []int // in the file's schema
	group   int   // the row group after this one
	left    int64 // rows of this one
	row     int
	cursors []*cursor
	cells   []string
}

// openParquet reads from seekable if it can be read at any place, else all of rest into memory.
func openParquet(rest io.Reader, seekable any, want []string) (_ *parquetTable, err error) {
	at, ok := seekable.(parquet.ReaderAtSeeker)
	if !ok {
		b, err := io.ReadAll(rest)
		if err != nil {
			return nil, err
		}
		at = bytes.NewReader(b)
	}
	defer broken(&err)
	properties := parquet.NewReaderProperties(nil)
	properties.BufferedStreamEnabled = true
	r, err := file.NewParquetReader(at, file.WithReadProps(properties))
	if err != nil {
		return nil, fmt.Errorf("read Parquet: %w", err)
	}
	t := &parquetTable{file: r}
	wanted := map[string]bool{}
	for _, name := range want {
		wanted[name] = true
	}
	for i := range r.MetaData().Schema.NumColumns() {
		column := r.MetaData().Schema.Column(i)
		path := column.ColumnPath()
		if want != nil && !wanted[path[0]] {
			continue
		}
		_, err := reader(column)
		if err == nil && (column.MaxRepetitionLevel() > 1 || len(path) > 1 && column.MaxRepetitionLevel() == 0) {
			err = errors.New("it is nested: write each of its fields as a column of its own")
		}
		if err != nil && want != nil {
			return nil, fmt.Errorf("column %q: %w", path[0], err)
		}
		if err != nil {
			continue
		}
		t.names, t.indexes = append(t.names, path[0]), append(t.indexes, i)
	}
	t.cells, t.cursors = make([]string, len(t.names)), make([]*cursor, len(t.names))
	return t, nil
}

// broken turns a panic of the Parquet library, which some broken files cause, into an error.
func broken(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("read Parquet: the file is broken: %v", p)
	}
}

func (t *parquetTable) columns() []string { return t.names }
func (t *parquetTable) unseen() []string  { return nil }

func (t *parquetTable) next() (_ []string, _ int, err error) {
	defer broken(&err)
	for t.left == 0 {
		if t.group == t.file.NumRowGroups() {
			return nil, 0, io.EOF
		}
		group := t.file.RowGroup(t.group)
		t.group++
		t.left = group.NumRows()
		for i, index := range t.indexes {
			chunk, err := group.Column(index)
			if err != nil {
				return nil, 0, fmt.Errorf("read column %q: %w", t.names[i], err)
			}
			read, err := reader(t.file.MetaData().Schema.Column(index))
			if err != nil {
				return nil, 0, err
			}
			t.cursors[i] = &cursor{chunk: chunk, read: read, top: chunk.Descriptor().MaxDefinitionLevel(), list: chunk.Descriptor().MaxRepetitionLevel() > 0}
		}
	}
	t.left--
	t.row++
	for i, c := range t.cursors {
		if t.cells[i], err = c.next(); err != nil {
			return nil, t.row, fmt.Errorf("read column %q: %w", t.names[i], err)
		}
	}
	return t.cells, t.row, nil
}

const levelsAtATime = 1024

// cursor goes through the rows of one column of a row group.
type cursor struct {
	chunk            file.ColumnChunkReader
	read             batchReader
	top              int16 // definition level of a value that is there
	list             bool
	definition, repe [levelsAtATime]int16
	cells            []string // of the levels that hold a value
	levels, level    int
	cell             int
}

// next returns the cell of the next row.
func (c *cursor) next() (string, error) {
	if ok, err := c.fill(); !ok {
		if err == nil {
			err = errors.New("it ends before the others")
		}
		return "", err
	}
	value, _ := c.take()
	if !c.list {
		return value, nil
	}
	var values []string
	if value != "" {
		values = append(values, value)
	}
	for {
		ok, err := c.fill()
		if err != nil {
			return "", err
		}
		if !ok || c.repe[c.level] == 0 {
			return strings.Join(values, listMark), nil
		}
		if value, there := c.take(); there && value != "" {
			values = append(values, value)
		}
	}
}

// take returns the value at this level, and whether there is one, and steps on.
func (c *cursor) take() (value string, there bool) {
	if c.top == 0 || c.definition[c.level] == c.top {
		value, there = c.cells[c.cell], true
		c.cell++
	}
	c.level++
	return value, there
}

// fill reads on where all levels are used up. False at the end of the column.
func (c *cursor) fill() (bool, error) {
	for c.level == c.levels {
		if !c.chunk.HasNext() {
			return false, c.chunk.Err()
		}
		total, cells, err := c.read(c.chunk, c.definition[:], c.repe[:], c.cells[:0])
		if err != nil {
			return false, err
		}
		if total == 0 {
			return false, nil
		}
		c.levels, c.level, c.cells, c.cell = int(total), 0, cells, 0
	}
	return true, nil
}

// batchReader appends the values of the next levels to cells, as text.
type batchReader func(chunk file.ColumnChunkReader, definition, repetition []int16, cells []string) (int64, []string, error)

// reader returns how to read a column.
func reader(column *schema.Column) (batchReader, error) {
	var at *schema.TimestampLogicalType
	isDate := false
	switch logical := column.LogicalType().(type) {
	case schema.TimestampLogicalType:
		at = &logical
	case *schema.TimestampLogicalType:
		at = logical
	case schema.DateLogicalType, *schema.DateLogicalType:
		isDate = true
	case schema.DecimalLogicalType, *schema.DecimalLogicalType:
		return nil, errors.New("it holds decimals: write them as DOUBLE or as text")
	}
	switch column.PhysicalType() {
	case parquet.Types.Boolean:
		return batches(func(v bool) string { return strconv.FormatBool(v) }), nil
	case parquet.Types.Int32:
		if isDate {
			return batches(func(v int32) string { return time.Unix(int64(v)*86400, 0).UTC().Format(time.DateOnly) }), nil
		}
		return batches(func(v int32) string { return strconv.Itoa(int(v)) }), nil
	case parquet.Types.Int64:
		if at != nil {
			unit := time.Nanosecond
			switch at.TimeUnit() {
			case schema.TimeUnitMillis:
				unit = time.Millisecond
			case schema.TimeUnitMicros:
				unit = time.Microsecond
			}
			return batches(func(v int64) string { return time.Unix(0, v*int64(unit)).UTC().Format(time.RFC3339) }), nil
		}
		return batches(func(v int64) string { return strconv.FormatInt(v, 10) }), nil
	case parquet.Types.Float:
		return batches(func(v float32) string { return strconv.FormatFloat(float64(v), 'f', -1, 32) }), nil
	case parquet.Types.Double:
		return batches(func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }), nil
	case parquet.Types.ByteArray:
		known := map[string]string{} // most columns hold few different texts
		return batches(func(v parquet.ByteArray) string {
			text, ok := known[string(v)]
			if !ok {
				text = string(v)
				if len(known) < 1000 {
					known[text] = text
				}
			}
			return text
		}), nil
	}
	return nil, fmt.Errorf("it is of the type %s: write it as text", column.PhysicalType())
}

func batches[T any](text func(T) string) batchReader {
	values := make([]T, levelsAtATime)
	return func(chunk file.ColumnChunkReader, definition, repetition []int16, cells []string) (int64, []string, error) {
		typed, ok := chunk.(interface {
			ReadBatch(int64, []T, []int16, []int16) (int64, int, error)
		})
		if !ok {
			return 0, cells, errors.New("its values are not of the type that its header says")
		}
		total, n, err := typed.ReadBatch(levelsAtATime, values, definition, repetition)
		for _, v := range values[:n] {
			cells = append(cells, text(v))
		}
		return total, cells, err
	}
}
