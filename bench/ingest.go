package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/canonical"
	"drumbeat/simulate"
	"drumbeat/warehouse"
)

// lines returns the first n lines of a simulated world, of these event types.
func lines(n int, types ...string) []canonical.Line {
	var kept []canonical.Line
	for days := 30; len(kept) < n; days *= 2 {
		kept = kept[:0]
		for line := range simulate.New(simulate.Options{Seed: 1, Contacts: 500 + n/10, Days: days}).Lines() {
			if len(types) > 0 && !slices.Contains(types, line.EventType) {
				continue
			}
			if kept = append(kept, line); len(kept) == n {
				break
			}
		}
	}
	return kept
}

// ndjson is the lines as they are posted and imported.
func ndjson(events ...canonical.Line) ([]byte, error) {
	var out bytes.Buffer
	w := canonical.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// webhook is the post in which WhatsApp tells one status.
func webhook(l *canonical.Line) []byte {
	status := map[string]string{"send": "sent", "delivered": "delivered", "open": "read"}[l.EventType]
	pricing := ""
	if l.Category != "" {
		pricing = fmt.Sprintf(`,"pricing":{"billable":%t,"pricing_model":%q,"category":%q,"type":%q}`, l.Billable == "yes", l.PricingModel, l.Category, l.PricingType)
	}
	digits := strings.TrimPrefix(l.Address, "+")
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"100000000000001","changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550100","phone_number_id":%q},"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q,"biz_opaque_callback_data":%q%s}]},"field":"messages"}]}]}`,
		l.AccountID, l.MessageID, status, l.EventTime.Unix(), digits, l.CampaignID, pricing)
}

// naiveColumns are a line's fields as JSON has them.
func naiveColumns() string {
	var columns []string
	for field := range reflect.TypeFor[canonical.Line]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		kind := map[reflect.Kind]string{reflect.Uint32: "UInt32", reflect.Bool: "Bool", reflect.Map: "Map(String, String)"}[field.Type.Kind()]
		if field.Type == reflect.TypeFor[time.Time]() {
			kind = "DateTime64(3, 'UTC')"
		}
		columns = append(columns, name+" "+cmp.Or(kind, "String"))
	}
	return strings.Join(columns, ", ")
}

func (b *bench) ingest(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.singles, b.batches, b.storage} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// collector is collect as a contestant; it keeps how fast posts were acknowledged.
func (b *bench) collector(requests []request, senders, events int, acknowledged *[]float64) contestant {
	return b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
		acks, queryable, err := b.collect(ctx, db, requests, senders, events)
		*acknowledged = append(*acknowledged, acks)
		return queryable, err
	})
}

// asyncInsert is ClickHouse's own answer to many small posts.
func (b *bench) asyncInsert(bodies [][]byte, events int) contestant {
	return b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
		return clickHouse(ctx, db, b.Senders, bodies, events, "async_insert", "wait_for_async_insert")
	})
}

// singles measures posts of one event, as platforms send them when little happens at once.
func (b *bench) singles(ctx context.Context) error {
	events := lines(b.scaled(30_000), "send", "delivered", "open")
	requests := make([]request, len(events))
	for i := range events {
		body := webhook(&events[i])
		requests[i] = newRequest("/webhooks/whatsapp", "Content-Type: application/json\r\nX-Hub-Signature-256: "+simulate.Sign(body, appSecret)+"\r\n", body)
	}
	bodies := make([][]byte, b.scaled(1000)) // fewer: ClickHouse lets each wait
	for i := range bodies {
		var err error
		if bodies[i], err = ndjson(events[i]); err != nil {
			return err
		}
	}
	// Posts that wait at the same time share a sync of the disk, so the collector lives on many senders, as platforms
	// are. The embedded engine takes no more statements at a time than there are b.Senders.
	for _, r := range []struct {
		beside  string
		peer    contestant
		senders int
		goal    float64
	}{
		{"net/http, body discarded", func(ctx context.Context) (float64, error) { return b.discard(ctx, requests, manySenders) }, manySenders, 0.5},
		{"async_insert, wait", b.asyncInsert(bodies, len(bodies)), b.Senders, 40},
	} {
		var acknowledged []float64
		figures, err := b.alternate(ctx, b.collector(requests, r.senders, len(events), &acknowledged), r.peer)
		if err != nil {
			return err
		}
		b.add(compared(row{
			Name: fmt.Sprintf("one signed event a post, %d senders", r.senders), Value: figures[0].value, Unit: "events/s",
			Beside: r.beside, Goal: r.goal, Note: number(median(acknowledged)) + " acknowledged/s",
		}, figures[1]))
	}
	return nil
}

// manySenders is how many posts are under way at once where the peer takes as many.
const manySenders = 256

// batches measures posts of many events.
func (b *bench) batches(ctx context.Context) error {
	const perPost = 500
	events := lines(b.scaled(150_000))
	var requests []request
	var bodies [][]byte
	for batch := range slices.Chunk(events, perPost) {
		body, err := ndjson(batch...)
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
		requests = append(requests, newRequest("/v1/events", "Authorization: Bearer "+token+"\r\n", body))
	}
	var acknowledged []float64
	figures, err := b.alternate(ctx, b.collector(requests, b.Senders, len(events), &acknowledged), b.asyncInsert(bodies, len(events)))
	if err != nil {
		return err
	}
	b.add(compared(row{
		Name: fmt.Sprintf("%d events a post", perPost), Value: figures[0].value, Unit: "events/s",
		Beside: "async_insert, wait", Goal: 4, Note: number(median(acknowledged)) + " acknowledged/s",
	}, figures[1]))
	return nil
}

var merged = regexp.MustCompile(`^SimpleAggregateFunction\(\w+, (.*)\)$`)

// storage weighs the world's events, merged, in a table like event_log and in one with the same columns as plain
// strings, ordered by time. An import gives many events one ingested_at, which would compress to nothing;
// here each gets a delay of its own.
func (b *bench) storage(ctx context.Context) error {
	db, err := b.world(ctx)
	if err != nil {
		return err
	}
	var columns []struct{ Name, Type string }
	if err := db.Select(ctx, &columns, "SELECT name AS Name, type AS Type FROM system.columns WHERE database = currentDatabase() AND table = 'event_log' AND name != 'ingest_delay_ms' ORDER BY position"); err != nil {
		return fmt.Errorf("list the columns: %w", err)
	}
	plain := make([]string, len(columns))
	for i, c := range columns {
		if m := merged.FindStringSubmatch(c.Type); m != nil {
			c.Type = m[1]
		}
		if strings.HasSuffix(c.Name, "_id") || c.Name == "in_reply_to" {
			c.Type = "String" // as platforms name things
		}
		c.Type = strings.ReplaceAll(c.Type, "LowCardinality(String)", "String")
		plain[i] = fmt.Sprintf("CAST(%s AS %s) AS %[1]s", c.Name, c.Type)
	}
	for _, statement := range []string{
		"CREATE TABLE stored AS event_log",
		`INSERT INTO stored SELECT * REPLACE (300 + sipHash64(contact_id, message_id, event_type, event_id) % 3000 AS ingest_delay_ms)
		 FROM event_log FINAL SETTINGS max_partitions_per_insert_block = 0`,
		"CREATE TABLE plain ENGINE = MergeTree ORDER BY event_time AS SELECT " + strings.Join(plain, ", ") + " FROM stored",
		"OPTIMIZE TABLE stored FINAL",
		"OPTIMIZE TABLE plain FINAL",
	} {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("fill the tables to weigh: %w", err)
		}
	}
	perEvent := func(table string) (f figure) {
		f.err = db.QueryRow(ctx, "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = '"+table+"'").Scan(&f.value)
		return f
	}
	own, peer := perEvent("stored"), perEvent("plain")
	if own.err != nil {
		return fmt.Errorf("weigh the events: %w", own.err)
	}
	r := row{Name: "raw storage", Value: own.value, Unit: "bytes/event", Goal: 16, AtMost: true}
	b.add(alone(r))
	r.Name, r.Beside, r.Goal = "raw storage, beside naive", "Strings by time", 0.5
	b.add(compared(r, peer))
	return errors.Join(db.Exec(ctx, "DROP TABLE stored SYNC"), db.Exec(ctx, "DROP TABLE plain SYNC"))
}

// importing measures a file of events, in memory as a file just written would be.
func (b *bench) importing(ctx context.Context) error {
	n := b.scaled(200_000)
	text, err := ndjson(lines(n)...)
	if err != nil {
		return err
	}
	figures, err := b.alternate(ctx,
		b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
			started := time.Now()
			if err := importLines(ctx, db, bytes.NewReader(text)); err != nil {
				return 0, err
			}
			err := expect(ctx, db, "SELECT sum(copies) FROM event_log", n)
			return float64(n) / time.Since(started).Seconds(), err
		}),
		b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
			return clickHouse(ctx, db, 1, [][]byte{text}, n)
		}))
	if err != nil {
		return err
	}
	b.add(compared(row{
		Name: "import, validated and pseudonymised", Value: figures[0].value, Unit: "events/s",
		Beside: "INSERT FORMAT JSONEachRow", Goal: 1.5, Note: fmt.Sprintf("%s MB", number(float64(len(text))/1e6)),
	}, figures[1]))
	return nil
}

func importLines(ctx context.Context, db *warehouse.DB, in io.Reader) error {
	pseudonym, err := pseudonyms()
	if err != nil {
		return err
	}
	result, err := ingest.Import(ctx, "events", in, ingest.ImportOptions{
		BusinessID: business, Lines: canonical.NewDecoder(), Pseudonym: pseudonym, To: db, Refused: warehouse.RowsRefused,
	})
	if err == nil && result.Rejected > 0 {
		err = fmt.Errorf("%d lines of the simulated world rejected: %w", result.Rejected, result.Errors[0])
	}
	return err
}
