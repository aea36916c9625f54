package survey_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/survey"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// All share a warehouse: making one takes longer than what they do with it.
func TestSurveys(t *testing.T) {
	db := warehousetest.New(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *warehouse.DB)
	}{
		{"FormsAgree", testFormsAgree},
		{"RejectedRows", testRejectedRows},
		{"FilesRefused", testFilesRefused},
		{"Weights", testWeights},
		{"Pseudonyms", testPseudonyms},
		{"Masculinity", testMasculinity},
		{"Inspect", testInspect},
		{"Durations", testDurations},
	} {
		for _, table := range tables {
			if err := db.Exec(t.Context(), "TRUNCATE TABLE "+table); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(test.name, func(t *testing.T) { test.run(t, db) })
	}
}

var tables = []string{"surveys", "survey_questions", "survey_respondents", "survey_answers", "survey_margins"}

var key = bytes.Repeat([]byte{7}, 32)

// load imports files under a mapping, and puts the survey in place if it can be.
func load(t *testing.T, db *warehouse.DB, mapping string, files ...string) (survey.Result, error) {
	t.Helper()
	m, err := survey.ReadMapping("mapping.yaml", strings.NewReader(mapping))
	if err != nil {
		return survey.Result{}, err
	}
	pseudonym, err := ingest.NewPseudonymizer(key)
	if err != nil {
		t.Fatal(err)
	}
	stage, err := db.StageSurvey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stage.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var in []survey.File
	for i, text := range files {
		in = append(in, survey.File{Name: fmt.Sprintf("file%d", i+1), In: strings.NewReader(text)})
	}
	result, err := survey.Import(t.Context(), m, in, survey.Options{Pseudonym: pseudonym, To: stage})
	if err != nil {
		return result, err
	}
	return result, stage.Replace(t.Context(), string(m.Business), string(m.Survey))
}

func mustLoad(t *testing.T, db *warehouse.DB, mapping string, files ...string) survey.Result {
	t.Helper()
	result, err := load(t, db, mapping, files...)
	if err != nil {
		t.Fatalf("%v\n%v", err, result.Problems)
	}
	return result
}

// dump is all that is stored of surveys.
func dump(t *testing.T, db *warehouse.DB) string {
	t.Helper()
	var all strings.Builder
	for _, table := range tables {
		rows, err := db.QueryFormat(t.Context(), "TabSeparatedWithNames", "SELECT * FROM "+table+" ORDER BY ALL")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, rows); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return all.String()
}

// count answers a query for one number.
func count(t *testing.T, db *warehouse.DB, sql string) (n uint64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// people is how the mappings below begin.
const people = `
survey: shop
business: acme
population: customers who agreed to be asked
respondent: id
date: {column: day}
`

// The same answers in every form that they are exported in.
func testFormsAgree(t *testing.T, db *warehouse.DB) {
	const options = `
    options:
      - {code: ask, label: "To ask"}
      - {code: order, label: "To order, or book"}
      - {code: none, label: "None", exclusive: true}
`
	mapping := func(head, often, why, said string) string {
		return people + head + `
weight: weight
market: {column: market, values: {Philippines: PH, Indonesia: ID}}
questions:
  - use: frequency
    ` + often + `
  - id: why
    type: multiple
    wording: Why?
    base: all
    ` + why + options + `
  - id: said
    type: open
    wording: What else?
    base: all
    ` + said + "\n"
	}
	packed := mapping("", "column: often", "column: why\n    separator: \";\"", "column: said")
	const packedFile = `id,day,weight,market,often,why,said
a,2026-05-01,1.5,Philippines,Daily,"To ask;To order, or book",
b,2026-05-02,0.5,Indonesia,Weekly,None,"It was ""fine"",
thanks"
c,2026-05-03,1,Philippines,,To ask;None,hm
d,2026-05-03,2,Indonesia,Never,,
`
	wideColumns := "columns: {why_1: ask, why_2: order, why_3: none}"
	const wideFile = `id,day,weight,market,often,why_1,why_2,why_3,said
a,2026-05-01T08:00:00,1.5,Philippines,daily,1,1,0,
b,2026-05-02T09:30:00,0.5,Indonesia,weekly,0,0,1,"It was ""fine"",
thanks"
c,2026-05-03 10:00,1,Philippines,,1,0,1,hm
d,2026-05-03 11:00,2,Indonesia,never,,,,
`
	if result := mustLoad(t, db, packed, packedFile); result.Files[0] != (survey.FileCount{Name: "file1", Rows: 4, Accepted: 4}) ||
		fmt.Sprint(result.Questions) != "[{frequency 4 3 []} {why 4 3 [{exclusive_violated 1}]} {said 4 2 []}]" {
		t.Errorf("%+v", result)
	}
	want := dump(t, db)
	if strings.Count(want, "\n") != 1+1+1+12+1+4+1+12+1+1-1 {
		t.Fatalf("stored:\n%s", want)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, packedFile)
	z.Close()
	rows := strings.SplitAfter(packedFile, "\n")

	f := func(what, mapping string, files ...string) {
		t.Helper()
		mustLoad(t, db, mapping, files...)
		if got := dump(t, db); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
		}
	}
	f("the same again", packed, packedFile)
	f("gzip, with a byte order mark", packed, zipped.String())
	f("a byte order mark and Windows' line ends", packed, "\xef\xbb\xbf"+strings.Replace(packedFile, "said\n", "said\r\n", 1))
	f("two files, the last rows first", packed, rows[0]+rows[5], rows[0]+rows[4]+rows[1]+strings.Join(rows[2:4], ""))
	f("columns of options, labels of codes", mapping("", "column: often", wideColumns, "column: said"), wideFile)
	f("labels where chosen, empty where not", mapping("", "column: often", wideColumns, "column: said"),
		strings.NewReplacer("daily,1,1,0", `Daily,To ask,"To order, or book",`, "weekly,0,0,1", "Weekly,,,None", "1,0,1,hm", "To ask,,None,hm", "never", "NEVER").Replace(wideFile))
	f("codes of the tool, and words for not asked", mapping("missing: [\"-99\", NA]",
		"column: often\n    values: {2: daily, 4: weekly, 8: never}", wideColumns+"\n    selected: [\"2\"]\n    not_selected: [\"1\"]", "column: said"),
		strings.NewReplacer("daily,1,1,0", "2,2,2,1", "weekly,0,0,1", "4.0,1,1,2", ",,1,0,1,hm", ",-99,2,1,2,hm", "never,,,,", "8,NA,-99,,").Replace(wideFile))
	spoken := strings.Replace(mapping("csv: {decimal: \",\"}", "column: often", "column: why\n    separator: \"|\"", "column: said"), "column: day", "column: day, order: dmy", 1)
	f("semicolons, decimal commas, dates as spoken", spoken,
		`id;day;weight;market;often;why;said
a;1.5.2026;1,5;Philippines;Daily;To ask|To order, or book;
b;2.5.2026;0,5;Indonesia;Weekly;None;"It was ""fine"",
thanks"
c;03/05/2026;1;Philippines;;To ask|None;hm
d;3-5-2026;2;Indonesia;Never;;
;;;;;;
`)
	f("three header rows", mapping("csv: {header_rows: 3}", "column: often", wideColumns, "column: said"),
		strings.Replace(wideFile, "\n", "\nId,Day,W,M,How often?,Why? - Ask,Why? - Order,Why? - None,\"What\nelse?\"\n"+`"{""ImportId"":""QID1""}",,,,,,,,`+"\n", 1))
	f("options below the question", mapping("csv: {header_rows: 2, separator: tab}", "column: often",
		`columns: {"Why / Ask": ask, "Why / Order": order, "Why / None": none}`, "column: said"),
		tabbed(strings.Replace(wideFile, "why_1,why_2,why_3,said\n", "Why,,,said\n,,,,,Ask,Order,None,\n", 1)))
	lines := `{"id":"a","day":"2026-05-01","weight":1.5,"market":"Philippines","often":"Daily","why":["To ask","To order, or book"],"said":null,"more":{"x":[1]}}
{"id":"b","day":"2026-05-02","weight":5e-1,"market":"Indonesia","often":"weekly","why":["None"],"said":"It was \"fine\",\nthanks"}

{"id":"c","day":"2026-05-03","weight":1,"market":"Philippines","why":"To ask;None","said":"hm"}
{"id":"d","day":"2026-05-03","weight":2,"market":"Indonesia","often":"never","why":[]}
`
	f("NDJSON", packed, lines)
	f("Parquet", packed, parquetFile(t))
}

// tabbed writes a CSV with tabs.
func tabbed(text string) string {
	cells, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma = '\t'
	w.WriteAll(cells)
	return out.String()
}

// parquetFile holds the answers of TestFormsAgree, in two row groups, with lists of options.
func parquetFile(t *testing.T) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	str := schema.StringLogicalType{}
	leaf := func(name string, repetition parquet.Repetition, logical schema.LogicalType, physical parquet.Type) schema.Node {
		node, err := schema.NewPrimitiveNodeLogical(name, repetition, logical, physical, -1, -1)
		must(err)
		return node
	}
	why, err := schema.ListOf(leaf("element", parquet.Repetitions.Optional, str, parquet.Types.ByteArray), parquet.Repetitions.Optional, -1)
	must(err)
	why, err = schema.NewGroupNodeLogical("why", parquet.Repetitions.Optional, schema.FieldList{why.Field(0)}, schema.ListLogicalType{}, -1)
	must(err)
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{
		leaf("id", parquet.Repetitions.Required, str, parquet.Types.ByteArray),
		leaf("day", parquet.Repetitions.Required, schema.DateLogicalType{}, parquet.Types.Int32),
		leaf("weight", parquet.Repetitions.Required, schema.NoLogicalType{}, parquet.Types.Double),
		leaf("market", parquet.Repetitions.Optional, str, parquet.Types.ByteArray),
		leaf("often", parquet.Repetitions.Optional, str, parquet.Types.ByteArray),
		leaf("said", parquet.Repetitions.Optional, str, parquet.Types.ByteArray),
		why,
	}, -1)
	must(err)
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root)
	const may1 = 20574 // days from 1970
	texts := func(values ...string) (bytes []parquet.ByteArray) {
		for _, v := range values {
			bytes = append(bytes, parquet.ByteArray(v))
		}
		return bytes
	}
	for _, g := range []struct {
		id, market, often, said          []parquet.ByteArray
		oftenLevels, saidLevels          []int16
		day                              []int32
		weight                           []float64
		why                              []parquet.ByteArray
		whyDefinition, whyRepetition, on []int16
	}{
		{
			id: texts("a", "b"), day: []int32{may1, may1 + 1}, weight: []float64{1.5, .5}, market: texts("Philippines", "Indonesia"), on: []int16{1, 1},
			often: texts("Daily", "Weekly"), oftenLevels: []int16{1, 1}, said: texts("It was \"fine\",\nthanks"), saidLevels: []int16{0, 1},
			why: texts("To ask", "To order, or book", "None"), whyDefinition: []int16{3, 3, 3}, whyRepetition: []int16{0, 1, 0},
		},
		{
			id: texts("c", "d"), day: []int32{may1 + 2, may1 + 2}, weight: []float64{1, 2}, market: texts("Philippines", "Indonesia"), on: []int16{1, 1},
			often: texts("Never"), oftenLevels: []int16{0, 1}, said: texts("hm"), saidLevels: []int16{1, 0},
			why: texts("To ask", "None"), whyDefinition: []int16{3, 3, 0}, whyRepetition: []int16{0, 1, 0},
		},
	} {
		rows := w.AppendRowGroup()
		next := func() file.ColumnChunkWriter {
			column, err := rows.NextColumn()
			must(err)
			return column
		}
		text := func(values []parquet.ByteArray, definition, repetition []int16) {
			_, err := next().(*file.ByteArrayColumnChunkWriter).WriteBatch(values, definition, repetition)
			must(err)
		}
		text(g.id, nil, nil)
		_, err := next().(*file.Int32ColumnChunkWriter).WriteBatch(g.day, nil, nil)
		must(err)
		_, err = next().(*file.Float64ColumnChunkWriter).WriteBatch(g.weight, nil, nil)
		must(err)
		text(g.market, g.on, nil)
		text(g.often, g.oftenLevels, nil)
		text(g.said, g.saidLevels, nil)
		text(g.why, g.whyDefinition, g.whyRepetition)
		must(rows.Close())
	}
	must(w.Close())
	return out.String()
}

const small = people + `
most_rejected: 0.9
age: {column: age, number: years, bands: [18, 35]}
weight: weight
questions:
  - id: good
    type: single
    wording: Good?
    base: all
    column: good
    options: [{code: "1", label: "Yes"}, {code: "2", label: "No"}]
    shown: {column: asked}
  - id: what
    type: multiple
    wording: What?
    base: all
    columns: {w1: a, w2: none}
    options: [{code: a}, {code: none, exclusive: true}]
`

const smallHead = "id,day,age,weight,asked,good,w1,w2\n"

func testRejectedRows(t *testing.T, db *warehouse.DB) {
	text := smallHead +
		"a,2026-05-01,20,1,1,Yes,1,0\n" +
		"b,1/5/2026,20,1,1,Yes,1,0\n" +
		"c,2026-05-01,17,1,1,Yes,1,0\n" +
		"d,2026-05-01,20,0,1,Yes,1,0\n" +
		"e,2026-05-01,20,\"1,5\",1,Sure,maybe,0\n" +
		"f,2026-05-01,20,1,1\n" +
		",2026-05-01,20,1,1,Yes,1,0\n" +
		"a,2026-05-02,20,1,1,Yes,1,0\n" +
		"g,2026-05-01,20,1,1,mail@example.com,1,0\n" +
		"h,2026-02-30,20,1,1,Sure,1,0\n" +
		"i,2026-05-01,200,NaN,1,2,1,0\n" +
		"j,2026-05-01,20,1,1,\"Ye\"s\",1,0\n" +
		"k,2026-05-01,50,2.5,0,2,1,1\n" +
		"l,2026-05-01,50,2.5,0,,0,0\n" +
		"m,2026-05-01,,1,1,1,,\n" +
		"n,2026-05-01,20,1,maybe,1,1,0\n"
	result := mustLoad(t, db, small, text)
	var got []string
	for _, p := range result.Problems {
		got = append(got, p.Error())
	}
	want := []string{
		`file1: row 3: column "day": it is no date such as 2026-05-31; of dates such as 31/5/2026 say the order in the mapping: dmy, mdy or ymd`,
		`file1: row 4: column "age": it is below the first band, 18: add a band, or leave the respondent out of the file`,
		`file1: row 5: column "weight": a weight must be above 0: leave out respondents who do not count`,
		`file1: row 6: column "weight": it is no number; if the comma is its decimal mark, write decimal: "," under csv in the mapping`,
		`file1: rows 6, 11: column "good": "Sure" is no option of question good: add it to its values or to missing, or mend the cell`,
		`file1: row 6: column "w1": "maybe" says neither chosen nor not chosen: list it under selected or not_selected of question what, or under missing`,
		`file1: row 7: it has 5 cells and the header 8: put cells that hold the separator in quotes`,
		`file1: row 8: column "id": the respondent's id is empty: give each respondent one`,
		`file1: row 9 (before: 2): column "id": the respondent was there before; the first row counts: remove one of the two`,
		`file1: row 10: column "good": what looks like an address or a number is no option of question good: add it to its values or to missing, or mend the cell`,
		`file1: row 11: column "day": it is no date such as 2026-05-31; of dates such as 31/5/2026 say the order in the mapping: dmy, mdy or ymd`,
		`file1: row 12: column "weight": it is no number: mend it`,
		`file1: row 12: column "age": it is no age of 0 to 130: mend it, or list it under missing`,
		`file1: row 13: extraneous or missing " in quoted-field: a quote inside a cell is written twice, and the cell in quotes`,
		`file1: row 17: column "asked": "maybe" says neither that question good was shown nor that it was not: list under yes what says that it was`,
	}
	want[0] = strings.Replace(want[0], "row 3", "rows 3, 11", 1)
	want = slices.Delete(want, 10, 11) // the same mistake is told once
	if !slices.Equal(got, want) {
		t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if result.Files[0] != (survey.FileCount{Name: "file1", Rows: 16, Accepted: 4, Rejected: 12}) || result.Respondents != 4 || result.Rejected != 12 {
		t.Errorf("%+v", result)
	}
	if q := fmt.Sprint(result.Questions); q != "[{good 2 2 [{answered_not_shown 1}]} {what 4 2 [{exclusive_violated 1} {nothing_chosen 1}]}]" {
		t.Error(q)
	}
	if n := count(t, db, "SELECT count() FROM survey_answers WHERE answered AND NOT shown OR shown AND NOT answered AND length(options) > 0"); n != 0 {
		t.Errorf("%d answers are in a base that they are not of", n)
	}
	if n := count(t, db, "SELECT count() FROM surveys WHERE rejected = 12 AND respondents = 4"); n != 1 {
		t.Error("the survey does not say how many rows it lacks")
	}

	// Too many, and nothing changes: not even where other rows are good.
	before := dump(t, db)
	_, err := load(t, db, strings.Replace(small, "most_rejected: 0.9\n", "", 1), text)
	if err == nil || !strings.HasSuffix(err.Error(), "too many rows are rejected: 12 of 16, above the share of 0.01; nothing is stored: mend them, or say in the mapping that most_rejected may be larger") {
		t.Error(err)
	}
	if dump(t, db) != before {
		t.Error("a refused import changed the survey")
	}
	// Without the bad rows it replaces what was there, and only of this survey.
	mustLoad(t, db, strings.Replace(small, "survey: shop", "survey: o'ther \\ one", 1), smallHead+"z,2026-05-01,20,1,1,Yes,1,0\n")
	mustLoad(t, db, small, smallHead+"b,2026-05-01,20,1,1,Yes,1,0\n")
	if n := count(t, db, "SELECT count() FROM survey_respondents"); n != 2 {
		t.Errorf("%d respondents", n)
	}
	if n := count(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'staging%'"); n != 0 {
		t.Errorf("%d stages are left", n)
	}
}

func testFilesRefused(t *testing.T, db *warehouse.DB) {
	row := "a,2026-05-01,20,1,1,Yes,1,0\n"
	f := func(want, mapping string, files ...string) {
		t.Helper()
		_, err := load(t, db, mapping, files...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant: %s", err, want)
		}
	}
	f("file1: the file is empty", small, "")
	f("the file is UTF-16: save it as CSV UTF-8", small, "\xff\xfei\x00d\x00")
	f("the file is a workbook or a zip archive: save the sheet as CSV UTF-8, or unpack it", small, "PK\x03\x04rest")
	f("the header is not UTF-8", small, "id,caf\xe9\n")
	f("read Parquet", small, "PAR1 and no more")
	f("the files hold no respondents", small, smallHead)
	f(`the file has no column "w1"; it has "id", "day", "age", "weight", "asked", "good", "w2"`, small, strings.Replace(smallHead, ",w1", "", 1)+row)
	f(`column "good" is there twice, as column 6 and 7 of the file: rename one`, small, strings.Replace(smallHead, "w1", "good", 1)+row)
	f(`no row has a key ["w1"]: mend the mapping, or leave the question out of it`, small,
		`{"id":"a","day":"2026-05-01","age":20,"weight":1,"asked":true,"good":1,"w2":true}`)
	domain := strings.Replace(small, "weight: weight\n", "weight: weight\ndomains: {who: {column: name}}\n", 1)
	head := strings.Replace(smallHead, "id,", "name,id,", 1)
	many := head
	for i := range 1100 {
		many += fmt.Sprintf("name %d,%d,%s", i, i, row[2:])
	}
	result, err := load(t, db, domain, many)
	if err != nil || len(result.Problems) != 1 || result.Problems[0].Count != 101 || !strings.Contains(result.Problems[0].Error(), `column "name": it has more than 1000 different values, which is no group`) {
		t.Errorf("%v %v", err, result.Problems)
	}
	result, err = load(t, db, domain, head+"ann@example.com,a"+row[1:]+"x,b"+row[1:])
	if err != nil || result.Rejected != 1 || !strings.Contains(result.Problems[0].Error(), "it looks like an address or a phone number, which is no category") {
		t.Errorf("%v %v", err, result.Problems)
	}
}

func TestMappingRefused(t *testing.T) {
	_, err := survey.ReadMapping("m.yaml", strings.NewReader(`
survey: s
date: {column: day, value: 2026-05-01}
csv: {separator: ";;", header_rows: 7, decimal: x}
age: {column: age, number: years}
market: {value: PH, column: m}
domains: {all: {column: x}}
contact: {column: phone}
most_rejected: 2
trim: 0.5
questions:
  - {use: moods}
  - {id: a, type: single, wording: A?, base: all, options: [{code: x}], separator: ";"}
  - {id: a, type: guess, wording: A?, base: all, recall_days: -1, options_order: odd, nothing: perhaps}
  - {id: m, type: multiple, wording: M?, options: [{code: x}, {code: x, score: 1}, {label: L}], columns: {c1: x, c2: y}, values: {q: z}}
  - {id: o, type: open, column: t, wording: O?, base: all, options: [{code: x}]}
  - {id: s, type: scale, column: c, wording: S?, base: all, options: [{code: x}, {code: y, exclusive: true}], store: true}
  - {id: p, type: single, column: c, wording: P?, base: all, measures: moods, options: [{code: x, pain: ache}, {code: y, label: X}]}
  - {id: t, type: scale, column: c, wording: S?, base: all, scale: {from: 5, to: 1}}
  - {use: pains, columns: {p1: slow_reply, p2: what}, shown: {yes: [1]}}
margins:
  - {by: shoe, targets: {40: 1}}
  - {by: age, targets: {18-34: -1}}
  - {by: age}
`))
	want := `m.yaml: the mapping cannot be used:
business is missing: whose survey it is
population is missing: in words, who could be asked: reports print it
respondent is missing: the column with the respondents' ids
csv: separator ";;" is not one character, nor tab
csv: header_rows 7 is not 1, 2 or 3
csv: decimal "x" is neither . nor ,
date: name the column, or with value one day such as 2026-05-15 for all
market: give a column, or one value for all, not both
domains: all is a name that Drumbeat uses itself
age: a number needs bands, such as [18, 25, 35, 45, 55, 65], and no values
contact: it needs a column and a consent column: nobody is joined to the log who has not agreed
most_rejected 2 is not a share from 0 to below 1
question: use "moods" is no shipped question; there are business_uses, comment, expected_reply, frequency, intent, matters, pains, preference, trend, uses
question a: a question of type single has its answer in one column
question a: it has 1 options
question a: the id is there twice
question a: recall_days -1 is not 0 to 3660
question a: options_order "odd" is neither fixed nor randomised
question a: nothing "perhaps" is neither missing nor answer
question a: type "guess" is none of single, multiple, scale, open
question a: nothing, selected and not_selected are for type multiple
question a: it has 0 options
question m: base is missing: in words, who was asked
question m: option x is there twice
question m: option x: score is for type scale
question m: option 3 has no code
question m: values: "z" is the code of no option
question m: columns: "y" is the code of no option
question m: columns: option  has no column: it would look as if nobody chose it; name its column, or list the options of this survey
question o: an open question has its text in one column, and no options
question s: store is for open questions
question s: option x: an option of a scale needs a score
question s: option y: exclusive is for type multiple, where else it is one of several
question s: option y: an option of a scale needs a score
question p: measures "moods" is nothing that Drumbeat knows; there are business_uses, comment, expected_reply, frequency, intent, matters, pains, preference, trend, uses
question p: option x: pain "ache" is none that is observed; there are failed_delivery, irrelevant, message_after_opt_out, night_message, no_reply, nudged, repeat_contact, slow_reply, too_many_messages, window_expired
question p: option y: another one has its label
question t: scale needs type scale, from below to, and no options
question pains: shown: column is missing
question pains: columns: "what" is the code of no option
trim 0.5 is not above 1: weights above so many times the median are cut
margin shoe: the mapping names no column for "shoe"
margin age: the target "-1" of 18-34 is no number from 0
margin age: it is there twice
margin age: targets are missing`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	f := func(want, mapping string) {
		t.Helper()
		if _, err := survey.ReadMapping("m.yaml", strings.NewReader(mapping)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant: %s", err, want)
		}
	}
	f("m.yaml: [1:1] unknown field \"surveys\"", "surveys: x\n")
	f("a text or a number is wanted here, not a mapping", "survey: {a: b}\n")
	f("pairs such as \"1\": daily are wanted here", "age: {values: [1]}\n")
}

const raked = people + `
market: {column: market}
age: {column: age}
questions:
  - {id: q, type: single, column: q, wording: Q?, base: all, options: [{code: "0"}, {code: "1"}]}
`

// The example of ten respondents in transform/stats, and what cannot be raked.
func testWeights(t *testing.T, db *warehouse.DB) {
	file := "id,day,market,age,w,q\n"
	for i, market := range strings.Fields("A A A A B B B C C C") {
		file += fmt.Sprintf("%d,2026-05-01,%s,%s,3,%d\n", i, market, strings.Fields("y y o o y o o y y o")[i], i%2)
	}
	margins := "margins:\n  - by: market\n    targets: {A: 5, B: 3, C: 2}\n  - by: age\n    targets: {y: 5.5, o: 4.5}\n"
	weights := func() (list []float64) {
		rows := []struct {
			W float64 `ch:"final_weight"`
		}{}
		if err := db.Select(t.Context(), &rows, "SELECT final_weight FROM survey_respondents ORDER BY respondent_id"); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			list = append(list, r.W)
		}
		return list
	}
	result := mustLoad(t, db, raked+margins, file)
	w := result.Weighting
	if math.Abs(w.EffectFinal-1.078574236) > 1e-9 || math.Abs(w.EffectiveSize-9.271499048) > 1e-8 || w.EffectDesign != 1 || w.Rounds < 2 || w.Gap >= 1e-10 ||
		math.Abs(w.Least-.547436835058) > 1e-9 || math.Abs(w.Most-1.425514408201) > 1e-9 {
		t.Errorf("%+v", w)
	}
	if n := count(t, db, "SELECT count() FROM survey_margins WHERE dimension IN ('market', 'age')"); n != 5 {
		t.Errorf("%d targets", n)
	}
	plain := weights()
	// Weights in any scale, and rows in any order, give the same.
	scaled := mustLoad(t, db, raked+margins+"weight: w\n", file).Weighting
	for i, weight := range weights() {
		if math.Abs(weight-plain[i]) > 1e-12 {
			t.Errorf("respondent %d weighs %v, unscaled %v", i, weight, plain[i])
		}
	}
	if math.Abs(scaled.EffectFinal-w.EffectFinal) > 1e-12 {
		t.Errorf("design effect %v", scaled.EffectFinal)
	}
	lines := strings.SplitAfter(strings.TrimSpace(file)+"\n", "\n")[:11]
	slices.Reverse(lines[1:])
	mustLoad(t, db, raked+margins, strings.Join(lines, ""))
	if !slices.Equal(weights(), plain) {
		t.Error("the order of rows changes weights")
	}
	crossed := mustLoad(t, db, raked+"margins:\n  - by: [market, age]\n    targets: {A / y: 1, A / o: 1, B / y: 1, B / o: 1, C / y: 1, C / o: 1}\n", file).Weighting
	if crossed.Rounds != 2 || math.Abs(crossed.Most-1) > 1e-12 {
		t.Errorf("%+v", crossed)
	}
	trimmed := mustLoad(t, db, raked+margins+"trim: 1.2\n", file).Weighting
	if trimmed.Trimmed == 0 || trimmed.EffectFinal == trimmed.EffectRaked {
		t.Errorf("%+v", trimmed)
	}

	before := dump(t, db)
	f := func(margins, want string) {
		t.Helper()
		if _, err := load(t, db, raked+margins, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant: %s", err, want)
		}
	}
	f("margins:\n  - by: market\n    targets: {A: 5, B: 3, D: 2, E: 0}\n  - by: age\n    targets: {y: 5.5, o: 0}\n", `weights cannot be raked to the margins:
margin market: 3 respondents are in "C", which has no target: give it one, or put them into another category
margin market: nobody is in "D", whose target is 2: merge it with another category
margin age: 5 respondents are in "o", whose target is 0: leave them out of the file, or merge it with another category
margins add to different totals: market 10, age 5.5: give all targets in one scale, such as people`)
	contradiction := strings.ReplaceAll(file, ",y,", ",A,")
	_, err := load(t, db, raked+"margins:\n  - by: market\n    targets: {A: 5, B: 5}\n  - by: age\n    targets: {A: 4, o: 6}\n",
		regexp.MustCompile(`,[ABC],[Ao],`).ReplaceAllStringFunc(contradiction, func(s string) string {
			if strings.HasPrefix(s, ",A") {
				return ",A,A,"
			}
			return ",B,o,"
		}))
	if err == nil || !strings.Contains(err.Error(), `raking did not converge in 100 rounds: market "A" is off by -20%, market "B" is off by +20%: the margins contradict each other or cells are empty: check the targets, or merge small categories`) {
		t.Error(err)
	}
	if dump(t, db) != before {
		t.Error("a survey that could not be raked changed the stored one")
	}
}

// Of a respondent nothing is kept that says who it is; who agreed meets the contact of the log.
func testPseudonyms(t *testing.T, db *warehouse.DB) {
	const mapping = people + `
cluster: house
contact: {column: phone, consent: {column: ok, yes: ["yes"]}}
questions:
  - {use: comment, column: said}
  - {id: kept, type: open, column: said, wording: And?, base: all, store: true}
`
	result := mustLoad(t, db, mapping, `id,day,house,phone,ok,said
ann.smith,2026-05-01,12 Elm Road,+63 917 555 0142,yes,Call me Annie
bob.brown,2026-05-01,12 Elm Road,+63 917 555 0143,no,
cay.clark,2026-05-01,,n/a,yes,
`)
	if result.Contacts != 1 || result.ContactsUnread != 1 || result.Respondents != 3 {
		t.Errorf("%+v", result)
	}
	stored := dump(t, db)
	for _, personal := range []string{"ann.smith", "bob.brown", "Elm", "5550142", "555 0142", "5550143"} {
		if strings.Contains(stored, personal) {
			t.Errorf("%q is stored", personal)
		}
	}
	if n := strings.Count(stored, "Call me Annie"); n != 1 {
		t.Errorf("the text is stored %d times, want once, where the mapping says so", n)
	}
	address, err := ingest.ParseAddress(ingest.Phone, "+639175550142")
	if err != nil {
		t.Fatal(err)
	}
	pseudonym, err := ingest.NewPseudonymizer(key)
	if err != nil {
		t.Fatal(err)
	}
	contact := pseudonym.Seal(&ingest.Draft{Event: ingest.Event{BusinessID: "acme"}, Address: address}).ContactID
	if n := count(t, db, fmt.Sprintf("SELECT count() FROM survey_respondents WHERE contact_id = '%s'", contact)); n != 1 {
		t.Errorf("%d respondents are the contact of the log, want 1", n)
	}
	if n := count(t, db, "SELECT count() FROM survey_respondents WHERE cluster != '' GROUP BY cluster"); n != 2 {
		t.Errorf("%d respondents share a cluster, want 2", n)
	}
	if n := count(t, db, "SELECT toUInt64(max(characters)) FROM survey_answers WHERE question_id = 'comment' AND text = ''"); n != 13 {
		t.Errorf("%d characters", n)
	}
}

// The survey of FiveThirtyEight: 108 shares that R's package survey 4.1-1 computed, and the percentages that were printed.
func testMasculinity(t *testing.T, db *warehouse.DB) {
	folder := os.Getenv("DRUMBEAT_DATA")
	if folder == "" {
		t.Skip("DRUMBEAT_DATA does not name the folder of public data sets")
	}
	folder = filepath.Join(folder, "masculinity_survey")
	read := func(name string) []map[string]string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		cells, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]string
		for _, line := range cells[1:] {
			row := map[string]string{}
			for i, cell := range line {
				row[cells[0][i]] = cell
			}
			rows = append(rows, row)
		}
		return rows
	}
	mapping, err := os.ReadFile("testdata/masculinity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	responses, err := os.ReadFile(filepath.Join(folder, "responses.csv"))
	if err != nil {
		t.Fatal(err)
	}
	result := mustLoad(t, db, string(mapping), string(responses))
	if w := result.Weighting; result.Respondents != 1615 || math.Abs(w.EffectFinal-3.0694280210710) > 1e-12 || math.Abs(w.EffectiveSize-526.15666140836) > 1e-8 {
		t.Errorf("%+v", w)
	}
	groups := map[string]string{
		"all": "1", "age 18 - 34": "age = '18 - 34'", "age 35 - 64": "age = '35 - 64'", "age 65 and up": "age = '65 and up'",
		"White": "domains['race'] = 'White'", "Non-white": "domains['race'] = 'Non-white'",
	}
	expected := read("expected_r_survey.csv")
	if len(expected) != 108 {
		t.Fatalf("%d expected rows", len(expected))
	}
	printed := map[string]string{}
	for _, row := range read("published_percent.csv") {
		printed[row["item"]] = row["pub_all"]
	}
	for _, want := range expected {
		question, option := "sources", strings.TrimPrefix(want["item"], "src")
		if strings.HasPrefix(want["item"], "worry") {
			question, option = "worries", strings.TrimPrefix(want["item"], "worry")
		}
		where, ok := groups[want["group"]]
		if !ok {
			t.Fatalf("group %s", want["group"])
		}
		var got struct {
			N     uint64  `ch:"n"`
			Plain float64 `ch:"plain"`
			Share float64 `ch:"share"`
			Kish  float64 `ch:"kish"`
		}
		number, _ := strconv.Atoi(option)
		err := db.QueryRow(t.Context(), fmt.Sprintf(`
SELECT count() AS n, avg(has(options, %[1]d)) AS plain, sumIf(w, has(options, %[1]d)) / sum(w) AS share, pow(sum(w), 2) / sum(w * w) AS kish
FROM survey_answers AS a
INNER JOIN (SELECT respondent_id, final_weight AS w, age, domains FROM survey_respondents) AS r ON r.respondent_id = a.respondent_id
WHERE question_id = '%[2]s' AND answered AND %[3]s`, number, question, where)).ScanStruct(&got)
		if err != nil {
			t.Fatal(err)
		}
		if percent := strconv.Itoa(int(math.Round(100 * got.Share))); want["group"] == "all" && percent != printed[want["item"]] {
			t.Errorf("%s: %s%%, printed were %s%%", want["item"], percent, printed[want["item"]])
		}
		for name, value := range map[string]float64{"n": float64(got.N), "unweighted": got.Plain, "share": got.Share, "n_eff_kish": got.Kish} {
			x, err := strconv.ParseFloat(want[name], 64)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(value-x) > 1e-9*math.Max(1, x) {
				t.Errorf("%s, %s: %s %v, want %v", want["group"], want["item"], name, value, x)
			}
		}
	}
}

// What is proposed for a file can be imported once its blanks are filled in.
func testInspect(t *testing.T, db *warehouse.DB) {
	qualtrics := "ResponseId,EndDate,RecipientEmail,join,Age,wgt,Country,Q1,Q2_1,Q2_2,Q2_3,Q2_12,Q3,Q4,Q5\n" +
		"Response ID,End Date,Recipient Email,May we join?,Age,Weight,Country,How often?,Which? - I got no reply,Which? - The reply came too late,Which? - My issue was not solved,Which? - None of the above,How likely?,Which shops?,\"What\nelse?\"\n" +
		strings.TrimSuffix(strings.Repeat(`"{""ImportId"":""QID1""}",`, 15), ",") + "\n"
	for i := range 200 {
		chosen := []string{"1,,,", ",1,1,", ",,,1", "1,1,,"}[i%4]
		qualtrics += fmt.Sprintf("R_%d,5/%d/2026 10:00,p%d@example.com,%s,%d,%d.5,%s,%s,%s,%d,%s,\"Some words, %d of them\"\n", i, 1+i%28, i,
			[]string{"yes", "no"}[i%2], 18+i%60, 1+i%3, []string{"Philippines", "Indonesia"}[i%2],
			[]string{"Daily", "Weekly", "Monthly", "Never"}[i%4], chosen, 1+i%5, []string{"North", "North; South", "South", "East; North"}[i%4], i*7919)
	}
	fill := func(file string) string {
		t.Helper()
		var out strings.Builder
		if err := survey.Inspect(&out, "export.csv", strings.NewReader(file)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	proposed := fill(qualtrics)
	if strings.Contains(proposed, "@example.com") {
		t.Error("an address is shown")
	}
	for _, want := range []string{
		"separator: \",\"\n  header_rows: 3", "respondent: ResponseId", "date: {column: EndDate, order: mdy}", "weight: wgt", "number: years",
		"use: frequency", "use: pains", "Q2_2: slow_reply", "Q2_12: none", "contact: {column: RecipientEmail, consent: {column: join", "scale: {from: 1, to: 5}", "separator: \";\"",
		"wording: \"What else?\"",
	} {
		if !strings.Contains(proposed, want) {
			t.Errorf("%q is not in:\n%s", want, proposed)
		}
	}
	filled := strings.NewReplacer(`business: ""`, "business: acme", `population: ""`, "population: customers").Replace(proposed)
	result := mustLoad(t, db, filled, qualtrics)
	if result.Rejected != 0 || result.Respondents != 200 || len(result.Questions) != 5 {
		t.Errorf("%+v", result)
	}
	for _, q := range result.Questions {
		if q.Answered != 200 {
			t.Errorf("%+v", q)
		}
	}

	for _, file := range []string{parquetFile(t), `{"id":"a","day":"2026-05-01","weight":1,"market":"Philippines","often":"Daily","why":["To ask","To order, or book"]}
{"id":"b","day":"2026-05-02","weight":1.5,"market":"Indonesia","often":"Weekly","why":["To ask"]}
`} {
		proposed := fill(file)
		for _, want := range []string{"\nrespondent: id\ndate: {column: day}\nweight: weight\nmarket:\n  column: market\n", "type: multiple", "column: why\n    separator:", `label: "To order, or book"`} {
			if !strings.Contains(proposed, want) {
				t.Errorf("%q is not in:\n%s", want, proposed)
			}
		}
		if strings.Contains(proposed, "csv:") {
			t.Error("no CSV was inspected")
		}
	}

	monkey := "Respondent ID,Date Created,How do you pay?,,,Stars,Comments\n,,Card,Cash,None of the above,Response,Open-Ended Response\n"
	for i := range 100 {
		monkey += fmt.Sprintf("%d,%d/05/2026 09:15:00,%s,%d,\"A comment, number %d\"\n", 11000+i, 13+i%10, []string{"Card,,", "Card,Cash,", ",,None of the above"}[i%3], 1+i%5, i*31)
	}
	proposed = fill(monkey)
	filled = strings.NewReplacer(`business: ""`, "business: acme", `population: ""`, "population: customers").Replace(proposed)
	result = mustLoad(t, db, filled, monkey)
	if result.Rejected != 0 || len(result.Questions) != 3 || result.Questions[0].Answered != 100 || result.From != "2026-05-13" ||
		!strings.Contains(proposed, `"How do you pay? / Cash": cash`) || !strings.Contains(proposed, "exclusive: true") {
		t.Errorf("%+v\n%s", result, proposed)
	}
}

func TestShippedQuestions(t *testing.T) {
	mapping := people + "questions:\n"
	for _, name := range regexp.MustCompile(`(?m)^([a-z_]+):$`).FindAllStringSubmatch(survey.ShippedQuestions, -1) {
		mapping += "  - {use: " + name[1] + ", column: c"
		if strings.Contains(strings.SplitN(survey.ShippedQuestions, "\n"+name[1]+":", 2)[1][:30], "multiple") {
			mapping += ", separator: \";\""
		}
		mapping += "}\n"
	}
	m, err := survey.ReadMapping("shipped", strings.NewReader(mapping))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Questions) != 10 {
		t.Errorf("%d questions", len(m.Questions))
	}
}

// Seconds are kept where they are told, and a cell that is no duration is named.
func testDurations(t *testing.T, db *warehouse.DB) {
	mapping := people + `duration: took
most_rejected: 0.5
questions:
  - id: said
    type: open
    wording: What else?
    base: all
    column: said
`
	result := mustLoad(t, db, mapping, "id,day,took,said\na,2026-05-01,61.5,x\nb,2026-05-01,,x\nc,2026-05-01,-3,x\nd,2026-05-01,3 min,x\n")
	if result.Rejected != 2 || len(result.Problems) != 2 || result.Problems[0].Column != "took" || !strings.Contains(result.Problems[0].Err.Error(), "not negative") {
		t.Errorf("%d rejected: %v", result.Rejected, result.Problems)
	}
	if n := count(t, db, "SELECT count() FROM survey_respondents WHERE seconds IS NULL OR seconds = 61.5"); n != 2 {
		t.Errorf("%d durations are as told, want 2", n)
	}
}
