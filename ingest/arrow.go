package ingest

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// table is where events go.
const table = "event_log"

// column is one column of event_log and how an event fills it. The order here is the order in
// which rows are built; the warehouse goes by the names.
type column struct {
	name     string
	kind     arrow.DataType
	nullable bool
	add      func(to array.Builder, e *Event)
}

var (
	textType = arrow.BinaryTypes.String
	idType   = &arrow.FixedSizeBinaryType{ByteWidth: 16}
	timeType = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	flagType = arrow.PrimitiveTypes.Uint8
)

var columns = []column{
	textColumn("business_id", func(e *Event) string { return e.BusinessID }),
	idColumn("contact_id", func(e *Event) *ID { return &e.ContactID }),
	keyColumn("message_id", func(e *Event) *ID { return &e.MessageID }),
	textColumn("event_type", func(e *Event) string { return string(e.Type) }),
	keyColumn("event_id", func(e *Event) *ID { return &e.EventID }),
	timeColumn("event_time", false, func(e *Event) time.Time { return e.Time }),
	{name: "ingest_delay_ms", kind: arrow.PrimitiveTypes.Int64, add: func(to array.Builder, e *Event) {
		to.(*array.Int64Builder).Append(e.IngestedAt.UnixMilli() - e.Time.UnixMilli())
	}},
	textColumn("time_flag", func(e *Event) string { return e.TimeFlag }),
	textColumn("account_id", func(e *Event) string { return e.AccountID }),
	textColumn("channel", func(e *Event) string { return e.Channel }),
	textColumn("provider", func(e *Event) string { return e.Provider }),
	keyColumn("in_reply_to", func(e *Event) *ID { return &e.InReplyTo }),
	textColumn("kind", func(e *Event) string { return e.Kind }),
	{name: "text_chars", kind: arrow.PrimitiveTypes.Uint32, add: func(to array.Builder, e *Event) {
		to.(*array.Uint32Builder).Append(e.TextChars)
	}},
	textColumn("method", func(e *Event) string { return e.Method }),
	timeColumn("watermark", true, func(e *Event) time.Time { return e.Watermark }),
	textColumn("author", func(e *Event) string { return e.Author }),
	textColumn("purpose", func(e *Event) string { return e.Purpose }),
	textColumn("category", func(e *Event) string { return e.Category }),
	textColumn("template_id", func(e *Event) string { return e.TemplateID }),
	textColumn("campaign_id", func(e *Event) string { return e.CampaignID }),
	textColumn("message_tag", func(e *Event) string { return e.MessageTag }),
	textColumn("arm", func(e *Event) string { return e.Arm }),
	keyColumn("conversation_id", func(e *Event) *ID { return &e.ConversationID }),
	textColumn("scope", func(e *Event) string { return e.Scope }),
	textColumn("promised_frequency", func(e *Event) string { return e.PromisedFrequency }),
	timeColumn("expires_at", true, func(e *Event) time.Time { return e.ExpiresAt }),
	textColumn("reason", func(e *Event) string { return e.Reason }),
	textColumn("market", func(e *Event) string { return e.Market }),
	textColumn("language", func(e *Event) string { return e.Language }),
	textColumn("zone", func(e *Event) string { return e.Zone }),
	textColumn("pricing_type", func(e *Event) string { return e.PricingType }),
	textColumn("pricing_model", func(e *Event) string { return e.PricingModel }),
	textColumn("billable", func(e *Event) string { return e.Billable }),
	textColumn("error_code", func(e *Event) string { return e.ErrorCode }),
	flagColumn("is_machine", func(e *Event) bool { return e.IsMachine }),
	flagColumn("standby", func(e *Event) bool { return e.Standby }),
	flagColumn("is_test", func(e *Event) bool { return e.IsTest }),
	{name: "attributes", kind: arrow.MapOf(textType, textType), add: func(to array.Builder, e *Event) {
		entries := to.(*array.MapBuilder)
		entries.Append(true)
		if len(e.Attributes) == 0 {
			return
		}
		keys := make([]string, 0, len(e.Attributes))
		for key := range e.Attributes {
			keys = append(keys, key)
		}
		slices.Sort(keys) // a batch built again must be the same batch
		for _, key := range keys {
			entries.KeyBuilder().(*array.StringBuilder).Append(key)
			entries.ItemBuilder().(*array.StringBuilder).Append(e.Attributes[key])
		}
	}},
}

func textColumn(name string, of func(*Event) string) column {
	return column{name: name, kind: textType, add: func(to array.Builder, e *Event) {
		to.(*array.StringBuilder).Append(of(e))
	}}
}

func idColumn(name string, of func(*Event) *ID) column {
	return column{name: name, kind: idType, add: func(to array.Builder, e *Event) {
		to.(*array.FixedSizeBinaryBuilder).Append(of(e)[:])
	}}
}

// keyColumn keeps half of an id: what it names is told apart within one contact, whose whole id stands beside it.
func keyColumn(name string, of func(*Event) *ID) column {
	return column{name: name, kind: arrow.PrimitiveTypes.Uint64, add: func(to array.Builder, e *Event) {
		to.(*array.Uint64Builder).Append(binary.BigEndian.Uint64(of(e)[8:]))
	}}
}

func timeColumn(name string, nullable bool, of func(*Event) time.Time) column {
	return column{name: name, kind: timeType, nullable: nullable, add: func(to array.Builder, e *Event) {
		at := of(e)
		if nullable && at.IsZero() {
			to.AppendNull()
			return
		}
		to.(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMilli()))
	}}
}

func flagColumn(name string, of func(*Event) bool) column {
	return column{name: name, kind: flagType, add: func(to array.Builder, e *Event) {
		var bit uint8
		if of(e) {
			bit = 1
		}
		to.(*array.Uint8Builder).Append(bit)
	}}
}

var schema = func() *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.kind, Nullable: c.nullable}
	}
	return arrow.NewSchema(fields, nil)
}()

// rows builds Arrow records of events. Release it when done; it can be filled again after each
// record.
type rows struct {
	builder *array.RecordBuilder
	fields  []array.Builder
	n       int
}

func newRows(allocator memory.Allocator) *rows {
	b := array.NewRecordBuilder(allocator, schema)
	return &rows{builder: b, fields: b.Fields()}
}

func (r *rows) add(e *Event) {
	for i := range columns {
		columns[i].add(r.fields[i], e)
	}
	r.n++
}

// record returns what was added and empties r. The caller releases it.
func (r *rows) record() arrow.Record {
	r.n = 0
	return r.builder.NewRecord()
}

func (r *rows) release() { r.builder.Release() }

// insert stores a record as one insert under token.
func insert(ctx context.Context, to Inserter, record arrow.Record, token string) error {
	reader, err := array.NewRecordReader(schema, []arrow.Record{record})
	if err != nil {
		return err
	}
	defer reader.Release()
	return to.Insert(ctx, table, reader, token)
}
