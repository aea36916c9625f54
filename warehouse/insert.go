package warehouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// Insert writes Arrow records into the columns of the table that their fields name; other columns get
// their defaults. It returns once the server has stored the rows, or not.
//
// Rows reach the table in blocks of about a million; a failure may leave earlier blocks in it. If token is not
// empty, an insert of the same rows under the same token does nothing when it was stored before, also in
// tables that materialized views feed; the tables need the setting non_replicated_deduplication_window.
//
// See [Retryable] and [RowsRefused] for its errors; they quote no row. Insert does not release the reader.
func (db *DB) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	if token == "" {
		token = rand.Text() // else the server goes by the hash of the rows, and drops those that are alike
	}
	settings := clickhouse.Settings{
		"async_insert":                                       0,
		"max_partitions_per_insert_block":                    0, // a backfill may span years
		"optimize_on_insert":                                 0, // copies merge in the background: six times as fast
		"insert_deduplication_token":                         token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
	}
	statement := "INSERT INTO " + quote(table) + " (" + columns(records.Schema()) + ")"

	body, encoder := io.Pipe()
	encoded := make(chan error, 1)
	go func() {
		err := encode(encoder, records)
		encoder.CloseWithError(err)
		encoded <- err
	}()
	err := db.writerHTTP.InsertFormat(clickhouse.Context(ctx, clickhouse.WithSettings(settings)), "ArrowStream", statement, body)
	body.CloseWithError(errStopped)
	if encodeErr := <-encoded; encodeErr != nil && !errors.Is(encodeErr, errStopped) {
		err = encodeErr // what the server says about a torn stream is a consequence
	}
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, quotingNoRow(err))
	}
	return nil
}

var errStopped = errors.New("the server takes no more")

func columns(schema *arrow.Schema) string {
	names := make([]string, schema.NumFields())
	for i, field := range schema.Fields() {
		names[i] = quote(field.Name)
	}
	return strings.Join(names, ", ")
}

// encode ends the stream only after the last record: what breaks off before is refused by the server.
func encode(w io.Writer, records array.RecordReader) error {
	stream := ipc.NewWriter(w, ipc.WithSchema(records.Schema()))
	for records.Next() {
		if err := stream.Write(records.Record()); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	if err := records.Err(); err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	return stream.Close()
}
