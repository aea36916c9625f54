package ingest

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// table is where events go.
const table = "event_log"

// column is one column of event_log: which of an event's keys it holds. The order here is the order in
// which rows are built; the warehouse goes by the names.
type column struct {
	name     string
	key      int
	nullable bool // a zero time is NULL
	half     bool // of an id: what it names is told apart within one contact, whose whole id stands beside it
	distance bool // of a time: milliseconds from the event's time
}

var columns = []column{
	{name: "business_id", key: 5},
	{name: "contact_id", key: 9},
	{name: "message_id", key: 10, half: true},
	{name: "event_type", key: 1},
	{name: "event_id", key: 12, half: true},
	{name: "event_time", key: 2},
	{name: "ingest_delay_ms", key: 3, distance: true},
	{name: "time_flag", key: 4},
	{name: "account_id", key: 6},
	{name: "channel", key: 7},
	{name: "provider", key: 8},
	{name: "in_reply_to", key: 11, half: true},
	{name: "kind", key: 13},
	{name: "text_chars", key: 14},
	{name: "method", key: 15},
	{name: "watermark", key: 16, nullable: true},
	{name: "author", key: 17},
	{name: "purpose", key: 18},
	{name: "category", key: 19},
	{name: "template_id", key: 20},
	{name: "campaign_id", key: 21},
	{name: "message_tag", key: 22},
	{name: "arm", key: 23},
	{name: "conversation_id", key: 24, half: true},
	{name: "scope", key: 25},
	{name: "promised_frequency", key: 26},
	{name: "expires_at", key: 27, nullable: true},
	{name: "reason", key: 28},
	{name: "market", key: 29},
	{name: "language", key: 30},
	{name: "zone", key: 31},
	{name: "pricing_type", key: 32},
	{name: "pricing_model", key: 33},
	{name: "billable", key: 34},
	{name: "error_code", key: 35},
	{name: "is_machine", key: 36},
	{name: "standby", key: 37},
	{name: "is_test", key: 38},
	{name: "attributes", key: 39},
}

var (
	// The warehouse's texts are few and repeated, and it keeps them as a dictionary too: what is told so it need
	// not look up row by row.
	textType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	idType   = &arrow.FixedSizeBinaryType{ByteWidth: 16}
	timeType = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	mapType  = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
)

// filler builds the values of one column.
type filler interface {
	kind() arrow.DataType
	add(field any) // a pointer to the type of the event's field
	array() arrow.Array
	release()
}

// newFiller returns the filler of a column.
func newFiller(c column, allocator memory.Allocator) filler {
	switch emptyEvent.fields()[c.key].(type) {
	case *string:
		return &texts{
			seen: map[string]int32{}, places: array.NewInt32Builder(allocator), distinct: array.NewStringBuilder(allocator),
		}
	case *ID:
		if c.half {
			return halves{array.NewUint64Builder(allocator)}
		}
		return ids{array.NewFixedSizeBinaryBuilder(allocator, idType)}
	case *time.Time:
		if c.distance {
			return distances{array.NewInt64Builder(allocator)}
		}
		return times{array.NewTimestampBuilder(allocator, timeType), c.nullable}
	case *uint32:
		return counts{array.NewUint32Builder(allocator)}
	case *bool:
		return flags{array.NewUint8Builder(allocator)}
	case *map[string]string:
		pairs := array.NewMapBuilderWithType(allocator, mapType)
		return attributes{pairs, pairs.KeyBuilder().(*array.StringBuilder), pairs.ItemBuilder().(*array.StringBuilder)}
	}
	panic("no column type for " + c.name)
}

type texts struct {
	seen     map[string]int32 // where in distinct a text is
	distinct *array.StringBuilder
	places   *array.Int32Builder
	run      []int32 // of the last rows, not yet in places
	last     string  // of the row before, as long as run is not empty
}

// maxRun is how many rows are gathered before they go to the builder at once.
const maxRun = 1024

func (t *texts) kind() arrow.DataType { return textType }

func (t *texts) add(field any) {
	text := *field.(*string)
	if n := len(t.run); n > 0 && n < maxRun && text == t.last {
		t.run = append(t.run, t.run[n-1])
		return
	}
	place, ok := t.seen[text]
	if !ok {
		place = int32(len(t.seen))
		text = strings.Clone(text) // it may be part of a whole record
		t.seen[text] = place
		t.distinct.Append(text)
	}
	if len(t.run) == maxRun {
		t.flush()
	}
	t.run, t.last = append(t.run, place), text
}

func (t *texts) flush() {
	t.places.AppendValues(t.run, nil)
	t.run, t.last = t.run[:0], ""
}

func (t *texts) array() arrow.Array {
	t.flush()
	places, distinct := t.places.NewArray(), t.distinct.NewArray()
	defer places.Release()
	defer distinct.Release()
	clear(t.seen)
	return array.NewDictionaryArray(textType, places, distinct)
}

func (t *texts) release() {
	t.places.Release()
	t.distinct.Release()
}

type ids struct{ *array.FixedSizeBinaryBuilder }

func (i ids) kind() arrow.DataType { return idType }
func (i ids) add(field any)        { i.Append(field.(*ID)[:]) }
func (i ids) array() arrow.Array   { return i.NewArray() }
func (i ids) release()             { i.Release() }

type halves struct{ *array.Uint64Builder }

func (h halves) kind() arrow.DataType { return arrow.PrimitiveTypes.Uint64 }
func (h halves) add(field any)        { h.Append(binary.BigEndian.Uint64(field.(*ID)[8:])) }
func (h halves) array() arrow.Array   { return h.NewArray() }
func (h halves) release()             { h.Release() }

type distances struct{ *array.Int64Builder }

func (d distances) kind() arrow.DataType { return arrow.PrimitiveTypes.Int64 }
func (d distances) add(field any)        { d.Append(*field.(*int64)) }
func (d distances) array() arrow.Array   { return d.NewArray() }
func (d distances) release()             { d.Release() }

type times struct {
	*array.TimestampBuilder
	nullable bool
}

func (t times) kind() arrow.DataType { return timeType }

func (t times) add(field any) {
	if at := field.(*time.Time); t.nullable && at.IsZero() {
		t.AppendNull()
	} else {
		t.Append(arrow.Timestamp(at.UnixMilli()))
	}
}

func (t times) array() arrow.Array { return t.NewArray() }
func (t times) release()           { t.Release() }

type counts struct{ *array.Uint32Builder }

func (c counts) kind() arrow.DataType { return arrow.PrimitiveTypes.Uint32 }
func (c counts) add(field any)        { c.Append(*field.(*uint32)) }
func (c counts) array() arrow.Array   { return c.NewArray() }
func (c counts) release()             { c.Release() }

type flags struct{ *array.Uint8Builder }

func (f flags) kind() arrow.DataType { return arrow.PrimitiveTypes.Uint8 }

func (f flags) add(field any) {
	var bit uint8
	if *field.(*bool) {
		bit = 1
	}
	f.Append(bit)
}

func (f flags) array() arrow.Array { return f.NewArray() }
func (f flags) release()           { f.Release() }

type attributes struct {
	*array.MapBuilder
	names, texts *array.StringBuilder
}

func (a attributes) kind() arrow.DataType { return mapType }

func (a attributes) add(field any) {
	pairs := *field.(*map[string]string)
	a.Append(true)
	if len(pairs) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(pairs)) { // a batch built again must be the same batch
		a.names.Append(name)
		a.texts.Append(pairs[name])
	}
}

func (a attributes) array() arrow.Array { return a.NewArray() }
func (a attributes) release()           { a.Release() }

var schema = func() *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		f := newFiller(c, memory.DefaultAllocator)
		fields[i] = arrow.Field{Name: c.name, Type: f.kind(), Nullable: c.nullable}
		f.release()
	}
	return arrow.NewSchema(fields, nil)
}()

// rows builds Arrow records of events. Release it when done; it can be filled again after each
// record.
type rows struct {
	fillers []filler // of columns
	n       int
}

func newRows(allocator memory.Allocator) *rows {
	r := &rows{}
	for _, c := range columns {
		r.fillers = append(r.fillers, newFiller(c, allocator))
	}
	return r
}

func (r *rows) add(e *Event) {
	fields := e.fields()
	delay := e.IngestedAt.UnixMilli() - e.Time.UnixMilli()
	for i := range columns {
		if columns[i].distance {
			r.fillers[i].add(&delay)
			continue
		}
		r.fillers[i].add(fields[columns[i].key])
	}
	r.n++
}

// record returns what was added and empties r. The caller releases it.
func (r *rows) record() arrow.Record {
	arrays := make([]arrow.Array, len(r.fillers))
	for i, f := range r.fillers {
		arrays[i] = f.array()
		defer arrays[i].Release()
	}
	n := r.n
	r.n = 0
	return array.NewRecord(schema, arrays, int64(n))
}

func (r *rows) release() {
	for _, f := range r.fillers {
		f.release()
	}
}

// insert stores a record as one insert under token.
func insert(ctx context.Context, to Inserter, record arrow.Record, token string) error {
	reader, err := array.NewRecordReader(record.Schema(), []arrow.Record{record})
	if err != nil {
		return err
	}
	defer reader.Release()
	return to.Insert(ctx, table, reader, token)
}

// insertAgain stores a record that insert has just stored, if an earlier attempt under its token may have got to the
// warehouse. ClickHouse notes a token before the rows that it stands for are in their place: killed in between, it
// takes them for stored from then on. So the rows are told once more without the token; the same facts merge, and
// these copies of them count as none.
func insertAgain(ctx context.Context, to Inserter, record arrow.Record) error {
	none := array.NewUint64Builder(memory.DefaultAllocator)
	defer none.Release()
	none.AppendValues(make([]uint64, record.NumRows()), nil)
	copies := none.NewArray()
	defer copies.Release()
	fields := append(slices.Clone(record.Schema().Fields()), arrow.Field{Name: "copies", Type: copies.DataType()})
	again := array.NewRecord(arrow.NewSchema(fields, nil), append(slices.Clone(record.Columns()), copies), record.NumRows())
	defer again.Release()
	return insert(ctx, to, again, "")
}
