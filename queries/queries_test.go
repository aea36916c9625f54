package queries

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet/file"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

func TestEveryFileIsInTheCatalogue(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		name, isSQL := strings.CutSuffix(e.Name(), ".sql")
		if !isSQL {
			continue
		}
		n++
		q, err := Find(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasSuffix(q.Question, "?") {
			t.Errorf("%s asks no question: %q", name, q.Question)
		}
	}
	if got := len(Catalogue()); got != n || n == 0 {
		t.Errorf("the catalogue has %d queries, the folder %d files", got, n)
	}
}

// The header of a file is what the server says of it: names, types, order.
func TestReturnsAreWhatTheHeadersSay(t *testing.T) {
	db := warehousetest.New(t)
	for _, q := range Catalogue() {
		t.Run(q.Name, func(t *testing.T) {
			var args []any
			for _, p := range q.Params {
				value := p.Default
				switch value {
				case OnlyBusiness:
					value = "any"
				case LatestWindow:
					value = "2026-03-01"
				}
				args = append(args, clickhouse.Named(p.Name, value))
			}
			rows, err := db.AnalystQuery(t.Context(), q.SQL, args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var got []Column
			for _, c := range rows.ColumnTypes() {
				// How a table merges a column, and how it stores one, are no part of the answer.
				typ := c.DatabaseTypeName()
				if inner, ok := strings.CutPrefix(typ, "SimpleAggregateFunction("); ok {
					_, typ, _ = strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
				}
				for m := wrapped.FindStringSubmatch(typ); m != nil && m[1] == "LowCardinality"; m = wrapped.FindStringSubmatch(typ) {
					typ = m[2]
				}
				got = append(got, Column{c.Name(), typ})
			}
			if len(got) != len(q.Returns) {
				t.Fatalf("returns %v, the header says %v", got, q.Returns)
			}
			for i := range got {
				if got[i] != q.Returns[i] {
					t.Errorf("column %d is %v, the header says %v", i+1, got[i], q.Returns[i])
				}
			}
		})
	}
}

func TestParseFailures(t *testing.T) {
	good := "-- q: what?\n-- grain: one row\n-- reads: t\n-- params: a String\n--         b Date = 2026-03-01\n-- returns: x UInt8\n-- units: none\nSELECT {a:String}, {b:Date}\n"
	q, err := parse("q", good)
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Params) != 2 || !q.Params[0].Required || q.Params[1] != (Param{Name: "b", Type: "Date", Default: "2026-03-01"}) {
		t.Errorf("params = %+v", q.Params)
	}
	f := func(name, old, new, want string) {
		t.Helper()
		_, err := parse(name, strings.Replace(good, old, new, 1))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "queries/"+name+".sql") {
			t.Errorf("%q -> %q as %s: error %v, want one with %q", old, new, name, err, want)
		}
	}
	f("other", "", "", "header has the lines")
	f("q", "-- q: what?\n", "", "header has the lines")
	f("q", "-- grain: one row\n", "", "header has the lines")
	f("q", "-- units: none", "-- units:", "is empty")
	f("q", "-- units: none", "-- grain: two", "twice")
	f("q", "a String", "a", "cannot read the parameter")
	f("q", "{a:String}", "{z:String}", "does not declare")
	f("q", "{a:String}", "{a:Date}", "declares String")
	f("q", "{a:String}, ", "", "does not use")
	f("q", "x UInt8", "x", "cannot read the column")
	f("q", "SELECT {a:String}, {b:Date}\n", "", "no statement")
}

func TestServerValue(t *testing.T) {
	f := func(typ, text, want string) {
		t.Helper()
		got, err := serverValue(Param{Name: "p", Type: typ}, text)
		if err != nil || got != want {
			t.Errorf("%s %q = %q, %v; want %q", typ, text, got, err, want)
		}
	}
	f("String", `a'b\c`, `a'b\c`)
	f("Date", "2026-03-01", "2026-03-01")
	f("DateTime64(3, 'UTC')", "2026-03-01T08:00:00+08:00", "2026-03-01 00:00:00.000")
	f("DateTime64(3, 'UTC')", "2026-03-01", "2026-03-01 00:00:00.000")
	f("DateTime", "2026-03-01 10:11:12", "2026-03-01 10:11:12")
	f("UInt16", "24", "24")
	f("Nullable(Float64)", "0.5", "0.5")
	f("LowCardinality(String)", "x", "x")
	f("Map(String, String)", "{'a':'b'}", "{'a':'b'}") // the server judges it

	fail := func(typ, text, want string) {
		t.Helper()
		_, err := serverValue(Param{Name: "p", Type: typ}, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %q: error %v, want one with %q", typ, text, err, want)
		}
	}
	fail("Date", "1 March", "a date like 2026-03-01")
	fail("Date", "2026-02-30", "a date like")
	fail("DateTime64(3, 'UTC')", "yesterday", "a UTC time like")
	fail("UInt16", "-1", "a whole number of type UInt16")
	fail("UInt16", "65536", "a whole number of type UInt16")
	fail("Float64", "many", "a number")
	fail("Bool", "1", "true or false")
}

// insert puts rows into a table; a value that a test does not name has its default.
func insert(t *testing.T, db *warehouse.DB, table, columns, values string) {
	t.Helper()
	if err := db.Exec(t.Context(), "INSERT INTO "+table+" ("+columns+") VALUES "+values); err != nil {
		t.Fatal(err)
	}
}

// insertEvents inserts (business_id, contact_id, message_id, event_type, event_time, ingested_at, channel, copies).
func insertEvents(t *testing.T, db *warehouse.DB, values string) {
	t.Helper()
	const insert = `
INSERT INTO event_log (business_id, contact_id, message_id, event_type, event_time, ingest_delay_ms, channel, copies)
SELECT business_id, contact_id, message_id, event_type, event_time, dateDiff('ms', event_time, ingested_at), channel, copies
FROM VALUES('business_id String, contact_id UUID, message_id UInt64, event_type String,
    event_time DateTime64(3, ''UTC''), ingested_at DateTime64(3, ''UTC''), channel String, copies UInt64', `
	if err := db.Exec(t.Context(), insert+values+")"); err != nil {
		t.Fatal(err)
	}
}

const (
	engagementColumns = "business_id, window_from, window_to, cutoff, channel, market, outcome, exposure_from, exposure_to, contacts, messages, outcomes, suppressed, rate, lower, upper"
	optOutColumns     = "business_id, window_from, window_to, cutoff, market, dose_from, dose_to, contacts, person_days, opt_outs, suppressed, rate, lower, upper"
)

func text(t *testing.T, db *warehouse.DB, name string, params map[string]string, format Format) string {
	t.Helper()
	var out strings.Builder
	if err := NewRunner(db).Run(t.Context(), name, params, format, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDefaultsAndFormats(t *testing.T) {
	db := warehousetest.New(t)
	insert(t, db, "frequency_opt_out", optOutColumns, `
		('north', '2026-03-01', '2026-04-01', '2026-03-31 23:00:00', 'all', 1, 1, 400, 9000, 9, 0, 0.001, 0.0005, 0.002),
		('north', '2026-03-01', '2026-05-01', '2026-04-30 23:00:00', 'all', 1, 1, 500, 10000, 12, 0, 0.0012, 0.0007, 0.0021),
		('north', '2026-03-01', '2026-05-01', '2026-04-30 23:00:00', 'all', 11, 65535, 12, 90, 1, 1, NULL, NULL, NULL),
		('north', '2026-04-01', '2026-05-01', '2026-04-30 23:00:00', 'all', 1, 1, 300, 5000, 7, 0, 0.0014, 0.0006, 0.003)`)

	want := `market  dose_from  dose_to  identification  contacts  person_days  opt_outs  suppressed    rate   lower   upper  design_effect  cutoff
all             1        1  crude                500        10000        12           0  0.0012  0.0007  0.0021              —  2026-04-30T23:00:00.000Z
all            11    65535  crude                 12           90         1           1       —       —       —              —  2026-04-30T23:00:00.000Z
`
	if got := text(t, db, "frequency_opt_out", nil, Table); got != want {
		t.Errorf("table of the longest window that ends last =\n%s\nwant\n%s", got, want)
	}
	want = `"market","dose_from","dose_to","identification","contacts","person_days","opt_outs","suppressed","rate","lower","upper","design_effect","cutoff"
"all",1,1,"crude",300,5000,7,0,0.0014,0.0006,0.003,,"2026-04-30T23:00:00.000Z"
`
	if got := text(t, db, "frequency_opt_out", map[string]string{"from": "2026-04-01"}, CSV); got != want {
		t.Errorf("csv =\n%s\nwant\n%s", got, want)
	}
	want = `{"market":"all","dose_from":1,"dose_to":1,"identification":"crude","contacts":400,"person_days":9000,"opt_outs":9,"suppressed":0,"rate":0.001,"lower":0.0005,"upper":0.002,"design_effect":null,"cutoff":"2026-03-31T23:00:00.000Z"}
`
	if got := text(t, db, "frequency_opt_out", map[string]string{"to": "2026-04-01", "business": ""}, JSON); got != want {
		t.Errorf("json =\n%s\nwant\n%s", got, want)
	}
	if got := text(t, db, "frequency_opt_out", map[string]string{"market": "PH"}, Table); !strings.HasSuffix(got, "cutoff\n(no rows)\n") {
		t.Errorf("table without rows = %q", got)
	}
}

func TestQuestionsThatCannotBeAnswered(t *testing.T) {
	db := warehousetest.New(t)
	ask := NewRunner(db)
	f := func(want error, hint, name string, params map[string]string, format Format) {
		t.Helper()
		var out strings.Builder
		err := ask.Run(t.Context(), name, params, format, &out)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s %v: error %v, want %v with %q", name, params, err, want, hint)
		}
		if out.Len() > 0 {
			t.Errorf("%s %v wrote %q beside the error", name, params, out.String())
		}
	}
	f(ErrNoData, "send or import events first", "frequency_opt_out", nil, CSV)
	insertEvents(t, db, `('north', '00000000-0000-0000-0000-00000000000c', 3, 'send', '2026-03-01 10:00:00', '2026-03-01 10:00:01', 'whatsapp', 1)`)
	f(ErrNoData, "run the job", "frequency_opt_out", nil, CSV)
	insert(t, db, "frequency_opt_out", optOutColumns, `('north', '2026-03-01', '2026-04-01', '2026-03-31 23:00:00', 'all', 1, 1, 400, 9000, 9, 0, 0.001, 0.0005, 0.002)`)
	f(ErrWindow, "2026-03-01 to 2026-04-01", "frequency_opt_out", map[string]string{"from": "2026-03-02"}, CSV)
	f(ErrUnknownQuery, "frequency_engagement, ", "frequency", nil, CSV)
	f(ErrParam, `no parameter "channel"; there are business, from, to, market`, "frequency_opt_out", map[string]string{"channel": "sms"}, CSV)
	f(ErrParam, `no parameter "x"; there are none`, "runs", map[string]string{"x": ""}, CSV)
	f(ErrParam, "a date like", "frequency_opt_out", map[string]string{"from": "March"}, CSV)
	f(ErrFormat, "table, csv, json", "frequency_opt_out", nil, "xml")
	insertEvents(t, db, `('south', '00000000-0000-0000-0000-00000000000c', 3, 'send', '2026-03-01 10:00:00', '2026-03-01 10:00:01', 'whatsapp', 1)`)
	f(ErrBusiness, `"north", "south"`, "frequency_opt_out", nil, CSV)
	if got := text(t, db, "frequency_opt_out", map[string]string{"business": "south", "from": "2026-03-01", "to": "2026-04-01"}, CSV); strings.Count(got, "\n") != 1 {
		t.Errorf("a window named in full is not looked up: %q", got)
	}
}

func TestRunSQL(t *testing.T) {
	db := warehousetest.New(t)
	ask := NewRunner(db)
	run := func(sql string, params map[string]string, format Format) (string, error) {
		var out strings.Builder
		err := ask.RunSQL(t.Context(), sql, params, format, &out)
		return out.String(), err
	}
	const odd = "a\\b'c\nd\te\x1b[31m\u202e{x:String}"
	if got, err := run("SELECT {odd:String} AS odd, toUInt64(18446744073709551615) AS big;\n", map[string]string{"odd": odd}, JSON); err != nil ||
		got != `{"odd":"a\\b'c\nd\te\u001B[31m`+"\u202e"+`{x:String}","big":18446744073709551615}`+"\n" {
		t.Errorf("json = %s, %v", got, err)
	}
	if got, err := run("SELECT {odd:String} AS odd, [1, 2] AS list", map[string]string{"odd": odd}, Table); err != nil ||
		got != "odd                        list\na\\b'c\uFFFDd\uFFFDe\uFFFD[31m\uFFFD{x:String}  [1,2]\n" {
		t.Errorf("table = %q, %v", got, err)
	}
	if _, err := run("SELECT {odd:String}", nil, CSV); !errors.Is(err, ErrParam) {
		t.Errorf("a missing value: %v", err)
	}
	if _, err := run(" ; ", nil, CSV); !errors.Is(err, ErrParam) {
		t.Errorf("an empty statement: %v", err)
	}
	for _, sql := range []string{
		"INSERT INTO runs (job) VALUES ('x')", "DROP TABLE runs", "SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')", "SELECT 1 INTO OUTFILE '/tmp/x'",
	} {
		if got, err := run(sql, nil, CSV); err == nil {
			t.Errorf("the analyst ran %q: %q", sql, got)
		}
	}
	var n uint64
	if err := db.QueryRow(t.Context(), "SELECT count() FROM runs").Scan(&n); err != nil || n != 0 {
		t.Errorf("runs has %d rows, %v", n, err)
	}
}

func TestLongTablesAreCutAndSayBySoMuch(t *testing.T) {
	db := warehousetest.New(t)
	var out strings.Builder
	if err := NewRunner(db).RunSQL(t.Context(), "SELECT number FROM numbers(5003)", nil, Table, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 5002 || !strings.HasSuffix(got, "  4999\n(3 more rows; csv and json have them all)\n") {
		t.Errorf("the table has %d lines and ends %q", strings.Count(got, "\n"), got[len(got)-60:])
	}
}

// Three facts, one of them three times over several inserts, and one that came a day and a bit too late.
func TestArrivals(t *testing.T) {
	db := warehousetest.New(t)
	const a, b = "'00000000-0000-0000-0000-00000000000a'", "'00000000-0000-0000-0000-00000000000b'"
	insertEvents(t, db, `('north', `+a+`, 1, 'send', '2026-03-01 10:00:00', '2026-03-01 10:00:01', 'whatsapp', 2)`)
	insertEvents(t, db, `('north', `+b+`, 1, 'send', '2026-03-03 10:00:00', '2026-03-03 10:00:01', 'whatsapp', 1)`)
	insertEvents(t, db, `('north', `+a+`, 1, 'open', '2026-03-02 09:59:59', '2026-03-03 10:00:02', 'whatsapp', 1)`)
	insertEvents(t, db, `('north', `+b+`, 1, 'open', '2026-03-02 10:00:00', '2026-03-03 10:00:02', 'whatsapp', 1)`)
	insertEvents(t, db, `('north', `+a+`, 1, 'send', '2026-03-01 10:00:00', '2026-03-09 10:00:01', 'whatsapp', 1)`)
	insertEvents(t, db, `('north', `+a+`, 1, 'click', '2026-04-01 00:00:00', '2026-04-01 10:00:01', 'whatsapp', 1)`)
	insertEvents(t, db, `('south', `+a+`, 1, 'click', '2026-03-01 00:00:00', '2026-04-01 10:00:01', 'whatsapp', 1)`)
	want := `"channel","event_type","arrived","unique_events","duplicates","late","first_event_at","last_event_at"
"whatsapp","open",2,2,0,1,"2026-03-02T09:59:59.000Z","2026-03-02T10:00:00.000Z"
"whatsapp","send",4,2,2,0,"2026-03-01T10:00:00.000Z","2026-03-03T10:00:00.000Z"
`
	got := text(t, db, "arrivals", map[string]string{"business": "north", "from": "2026-03-01", "to": "2026-04-01"}, CSV)
	if got != want {
		t.Errorf("arrivals =\n%s\nwant\n%s", got, want)
	}
}

func TestFreshnessAndWindows(t *testing.T) {
	db := warehousetest.New(t)
	event := func(id, at, arrived string) {
		insertEvents(t, db, `('north', '`+id+`', 1, 'send', '`+at+`', '`+arrived+`', 'sms', 1)`)
	}
	event("00000000-0000-0000-0000-00000000000a", "2026-03-01 10:00:00", "2026-03-05 10:00:00")
	event("00000000-0000-0000-0000-00000000000b", "2030-01-01 00:00:00", "2026-03-06 10:00:00") // a wrong clock
	insert(t, db, "frequency_engagement", engagementColumns, `('north', '2026-03-01', '2026-03-02', '2026-03-01 09:00:00', 'all', 'all', 'reply', 1, 1, 40, 100, 9, 0, 0.09, 0.05, 0.15)`)
	want := `{"business_id":"north","events":2,"cutoff":"2026-03-01T10:00:00.000Z","last_ingested_at":"2026-03-06T10:00:00.000Z","future_events":1,"computed_to":"2026-03-01T09:00:00.000Z"}` + "\n"
	if got := text(t, db, "freshness", nil, JSON); got != want {
		t.Errorf("freshness = %s want %s", got, want)
	}
	insertEvents(t, db, `('south', '00000000-0000-0000-0000-00000000000c', 3, 'send', '2026-03-01 10:00:00', '2026-03-01 10:00:01', 'sms', 1)`)
	if got := text(t, db, "freshness", map[string]string{"business": "south"}, JSON); !strings.Contains(got, `"computed_to":null`) {
		t.Errorf("freshness before the first run = %s", got)
	}
	var windows []window
	if err := NewRunner(db).Select(t.Context(), &windows, "windows", nil); err != nil {
		t.Fatal(err)
	}
	if len(windows) != 1 || windows[0].Business != "north" || windows[0].EngagementCells != 1 || !windows[0].To.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("windows = %+v", windows)
	}
}

// What programs read has the rows that people see.
func TestBinaryFormats(t *testing.T) {
	db := warehousetest.New(t)
	const sql = "SELECT number AS n, toLowCardinality(concat('c', toString(number))) AS name, if(number = 1, NULL, number / 3) AS rate FROM numbers(3) ORDER BY n"
	ask := func(format Format) []byte {
		t.Helper()
		var out bytes.Buffer
		if err := NewRunner(db).RunSQL(t.Context(), sql, nil, format, &out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	stream, err := ipc.NewReader(bytes.NewReader(ask(Arrow)))
	if err != nil || !stream.Next() {
		t.Fatalf("arrow: %v", err)
	}
	defer stream.Release()
	text, err := stream.Record().MarshalJSON()
	if want := `[{"n":0,"name":"c0","rate":0},{"n":1,"name":"c1","rate":null},{"n":2,"name":"c2","rate":0.6666666666666666}]`; err != nil || strings.Join(strings.Fields(string(text)), "") != want {
		t.Errorf("arrow: %s, %v", text, err)
	}

	rows, err := file.NewParquetReader(bytes.NewReader(ask(Parquet)))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	column, err := rows.RowGroup(0).Column(2)
	if err != nil {
		t.Fatal(err)
	}
	rates, defined := make([]float64, 3), make([]int16, 3)
	n, values, err := column.(*file.Float64ColumnChunkReader).ReadBatch(3, rates, defined, nil)
	if err != nil || n != 3 || values != 2 || rates[0] != 0 || rates[1] != 2./3 || defined[1] != 0 {
		t.Errorf("parquet: %v of %v, %v", rates, defined, err)
	}
}

// A person reads no sixteen digits; a program does.
func TestTablesRoundFractions(t *testing.T) {
	for number, want := range map[string]string{
		"0.005642622443186705": "0.0056426", "6.399057947201227": "6.3991", "-0.01253611": "-0.012536", "0.25": "0.25",
		"3459.895294520963": "3459.9", "1234567.891": "1234568", "1.0200000000000001e-06": "1.02e-06", "inf": "inf", "—": "—", "4999": "4999",
	} {
		if got := short(number); got != want {
			t.Errorf("%s is written %s, want %s", number, got, want)
		}
	}
}
