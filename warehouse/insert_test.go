package warehouse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// one returns a reader of one record.
func one(t *testing.T, record arrow.Record) array.RecordReader {
	t.Helper()
	reader, err := array.NewRecordReader(record.Schema(), []arrow.Record{record})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Release)
	return reader
}

// fromJSON builds a record of one column named v from a JSON list of its values.
func fromJSON(t *testing.T, dataType arrow.DataType, values string) arrow.Record {
	t.Helper()
	column, _, err := array.FromJSON(memory.DefaultAllocator, dataType, strings.NewReader(values))
	if err != nil {
		t.Fatal(err)
	}
	defer column.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: dataType, Nullable: true}}, nil)
	record := array.NewRecord(schema, []arrow.Array{column}, int64(column.Len()))
	t.Cleanup(record.Release)
	return record
}

// The loader builds Arrow columns by this table.
func TestInsertArrowTypes(t *testing.T) {
	db := warehousetest.Empty(t)
	dictionary := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	uuid := &arrow.FixedSizeBinaryType{ByteWidth: 16}
	ms := &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	const uuidBytes = `"ASNFZ4mrze8BI0VniavN7w=="` // 0123456789abcdef, twice
	f := func(column string, dataType arrow.DataType, value, want string) {
		t.Run(fmt.Sprintf("%s <- %s", column, dataType), func(t *testing.T) {
			t.Helper()
			if err := db.Exec(t.Context(), "CREATE OR REPLACE TABLE t (v "+column+") ENGINE = MergeTree ORDER BY tuple()"); err != nil {
				t.Fatal(err)
			}
			if err := db.Insert(t.Context(), "t", one(t, fromJSON(t, dataType, "["+value+"]")), ""); err != nil {
				t.Fatal(err)
			}
			var got string
			if err := db.QueryRow(t.Context(), "SELECT ifNull(toString(v), 'NULL') FROM t").Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	f("FixedString(16)", uuid, `"YWJjZGVmZ2hpamtsbW5vcA=="`, "abcdefghijklmnop")
	f("UUID", uuid, uuidBytes, "01234567-89ab-cdef-0123-456789abcdef")
	f("SimpleAggregateFunction(max, UUID)", uuid, uuidBytes, "01234567-89ab-cdef-0123-456789abcdef")
	f("UUID", arrow.BinaryTypes.String, `"01234567-89ab-cdef-0123-456789abcdef"`, "01234567-89ab-cdef-0123-456789abcdef")
	f("DateTime64(3, 'UTC')", ms, "1700000000123", "2023-11-14 22:13:20.123")
	f("DateTime64(3, 'UTC')", arrow.FixedWidthTypes.Timestamp_us, "1700000000123456", "2023-11-14 22:13:20.123")
	f("SimpleAggregateFunction(min, DateTime64(3, 'UTC'))", ms, "1700000000123", "2023-11-14 22:13:20.123")
	f("SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC')))", ms, "null", "NULL")
	f("Nullable(DateTime64(3, 'UTC'))", ms, "1700000000123", "2023-11-14 22:13:20.123")
	f("Date", arrow.FixedWidthTypes.Date32, `"2024-02-29"`, "2024-02-29")
	f("LowCardinality(String)", dictionary, `"a"`, "a")
	f("LowCardinality(String)", arrow.BinaryTypes.String, `"a"`, "a")
	f("SimpleAggregateFunction(max, LowCardinality(String))", dictionary, `"a"`, "a")
	f("SimpleAggregateFunction(max, LowCardinality(String))", arrow.BinaryTypes.String, `"a"`, "a")
	f("String", arrow.BinaryTypes.String, `"é"`, "é")
	f("String", arrow.BinaryTypes.Binary, `"YQ=="`, "a")
	f("String", dictionary, `"a"`, "a")
	f("Nullable(String)", arrow.BinaryTypes.String, "null", "NULL")
	f("UInt8", arrow.FixedWidthTypes.Boolean, "true", "1")
	f("UInt8", arrow.PrimitiveTypes.Uint8, "1", "1")
	f("Bool", arrow.FixedWidthTypes.Boolean, "true", "true")
	f("SimpleAggregateFunction(max, UInt8)", arrow.FixedWidthTypes.Boolean, "true", "1")
	f("SimpleAggregateFunction(max, UInt32)", arrow.PrimitiveTypes.Uint32, "7", "7")
	f("UInt64", arrow.PrimitiveTypes.Uint64, "9007199254740991", "9007199254740991")
	f("Float64", arrow.PrimitiveTypes.Float64, "0.5", "0.5")
	f("Nullable(Float64)", arrow.PrimitiveTypes.Float64, "null", "NULL")
	f("Decimal(18, 6)", &arrow.Decimal128Type{Precision: 18, Scale: 6}, `"1.5"`, "1.5")
	f("Array(String)", arrow.ListOf(arrow.BinaryTypes.String), `["a","b"]`, "['a','b']")
	f("Map(LowCardinality(String), String)", arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String), `[{"key":"k","value":"v"}]`, "{'k':'v'}")
	f("Map(LowCardinality(String), String)", arrow.MapOf(dictionary, arrow.BinaryTypes.String), `[{"key":"k","value":"v"}]`, "{'k':'v'}")
	f("SimpleAggregateFunction(max, Map(String, String))", arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String), `[{"key":"k","value":"v"}]`, "{'k':'v'}")
	f("Enum8('a' = 1, 'b' = 2)", arrow.BinaryTypes.String, `"b"`, "b")
	f("IPv6", arrow.BinaryTypes.String, `"::1"`, "::1")
	// Null in a column that is not Nullable becomes its default.
	f("LowCardinality(String)", arrow.BinaryTypes.String, "null", "")
	f("UUID", uuid, "null", "00000000-0000-0000-0000-000000000000")
}

func numbers(t *testing.T, from, n int) array.RecordReader {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(from + i))
	}
	record := b.NewRecord()
	t.Cleanup(record.Release)
	return one(t, record)
}

func TestInsertTokenDropsRepetition(t *testing.T) {
	db := warehousetest.Empty(t)
	for _, statement := range []string{
		"CREATE TABLE t (v Int64) ENGINE = MergeTree ORDER BY v SETTINGS non_replicated_deduplication_window = 100",
		"CREATE TABLE sums (k UInt8, total SimpleAggregateFunction(sum, Int64)) ENGINE = AggregatingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100",
		"CREATE MATERIALIZED VIEW sums_from_t TO sums AS SELECT 1 AS k, sum(v) AS total FROM t",
	} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	insert := func(from int, token string, wantRows uint64, wantTotal int64) {
		t.Helper()
		if err := db.Insert(t.Context(), "t", numbers(t, from, 100), token); err != nil {
			t.Fatal(err)
		}
		var rows uint64
		var total int64
		if err := db.QueryRow(t.Context(), "SELECT count(), (SELECT sum(total) FROM sums) FROM t").Scan(&rows, &total); err != nil {
			t.Fatal(err)
		}
		if rows != wantRows || total != wantTotal {
			t.Errorf("after token %q: %d rows and a total of %d, want %d and %d", token, rows, total, wantRows, wantTotal)
		}
	}
	insert(0, "a", 100, 4950)
	insert(0, "a", 100, 4950)
	insert(0, "b", 200, 9900) // the same rows under another token are other rows
	insert(0, "", 300, 14850)
	insert(0, "", 400, 19800) // without a token nothing is dropped
	insert(0, "a", 400, 19800)
}

func TestInsertErrors(t *testing.T) {
	db := warehousetest.Empty(t)
	if err := db.Exec(t.Context(), "CREATE TABLE t (v Int64, CONSTRAINT small CHECK v < 1000) ENGINE = MergeTree ORDER BY v"); err != nil {
		t.Fatal(err)
	}
	f := func(name, table string, records array.RecordReader, retryable, refused bool) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			err := db.Insert(t.Context(), table, records, "token")
			if err == nil {
				t.Fatal("Insert succeeded")
			}
			t.Log(err)
			if got := warehouse.Retryable(err); got != retryable {
				t.Errorf("Retryable = %v, want %v", got, retryable)
			}
			if got := warehouse.RowsRefused(err); got != refused {
				t.Errorf("RowsRefused = %v, want %v", got, refused)
			}
		})
	}
	f("constraint", "t", numbers(t, 950, 100), false, true)
	f("no table", "nothing", numbers(t, 0, 1), false, false)
	f("wrong type", "t", one(t, fromJSON(t, arrow.BinaryTypes.String, `["x"]`)), false, true)
	broken := &breaking{RecordReader: numbers(t, 0, 10)}
	f("reader fails", "t", broken, false, false)
	if err := db.Insert(t.Context(), "t", broken, ""); !errors.Is(err, errBroken) {
		t.Errorf("Insert = %v, want the reader's error", err)
	}
	var rows uint64
	if err := db.QueryRow(t.Context(), "SELECT count() FROM t").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows (%v), want none", rows, err)
	}
}

// breaking fails after its first record.
type breaking struct {
	array.RecordReader
}

var errBroken = errors.New("broken")

func (b *breaking) Err() error { return errBroken }
