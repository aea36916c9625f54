package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"drumbeat/ingest"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// File is one of a survey's files. Name stands for it in errors. Parquet needs io.ReaderAt and io.Seeker, or memory for all of it.
type File struct {
	Name string
	In   io.Reader
}

// Options of an import; both are required.
type Options struct {
	Pseudonym *ingest.Pseudonymizer
	To        ingest.Inserter // takes the rows of the survey's tables, which hold nothing else of the survey
}

// Result tells what became of the files.
type Result struct {
	Files          []FileCount
	Problems       []Problem // what was wrong with rejected rows, by first occurrence
	MoreProblems   int       // rejected rows with problems of yet other kinds
	Rejected       int       // rows of all files
	Respondents    int
	From, To       string // first and last day of an answer
	Questions      []QuestionCount
	Weighting      Weighting
	Contacts       int // respondents who agreed and are joined to the log
	ContactsUnread int // who agreed, but whose address is none
}

// FileCount counts rows: Rows = Accepted + Rejected.
type FileCount struct {
	Name                     string
	Rows, Accepted, Rejected int
}

// QuestionCount counts respondents.
type QuestionCount struct {
	ID              string
	Shown, Answered int
	Flags           []FlagCount // those that occur
}

// FlagCount counts the answers with a flag.
type FlagCount struct {
	Name string
	N    int
}

// Problem is one thing that is wrong, with rows where it is.
type Problem struct {
	File   string
	Column string // empty: the row as a whole
	Err    error
	Rows   []string // the first ones
	Count  int      // of all rows
}

func (p Problem) Error() string {
	rows := "row " + p.Rows[0]
	if len(p.Rows) > 1 {
		rows = "rows " + strings.Join(p.Rows, ", ")
	}
	if more := p.Count - len(p.Rows); more > 0 {
		rows += fmt.Sprintf(" and %d more", more)
	}
	column := ""
	if p.Column != "" {
		column = fmt.Sprintf("column %q: ", p.Column)
	}
	return fmt.Sprintf("%s: %s: %s%v", p.File, rows, column, p.Err)
}

// ErrTooManyRejected says that so many rows are unreadable that the others are not the sample any more.
var ErrTooManyRejected = errors.New("too many rows are rejected")

// respondents are what was accepted, by column.
type respondents struct {
	ids      []uint64
	days     []int32
	weights  []float64
	seconds  []float64 // NaN: not told; nil: of nobody
	final    []float64
	clusters []uint64
	groups   [][]int32
	contacts []ingest.ID
}

// Import reads the files of a survey, weighs its respondents and inserts all its rows. A rejected row takes no other
// with it, as long as there are not too many; the result names them. After an error what was inserted is not the survey:
// put it in place only if there is none.
func Import(ctx context.Context, m *Mapping, files []File, opts Options) (Result, error) {
	p, err := newPlan(m, opts.Pseudonym)
	if err != nil {
		return Result{}, err
	}
	im := &importer{plan: p, opts: opts, seen: map[uint64]place{}, problems: map[string]int{}}
	im.people.groups = make([][]int32, len(p.groups))
	for _, q := range p.questions {
		im.result.Questions = append(im.result.Questions, QuestionCount{ID: string(q.ID)})
	}
	im.flags = make([][8]int, len(p.questions))
	err = im.answers(ctx, files)
	im.result.ContactsUnread = p.contactsUnread
	if err == nil {
		err = im.enough()
	}
	if err == nil {
		err = im.finish(ctx)
	}
	if err != nil {
		err = fmt.Errorf("import survey %s: %w", m.Survey, err)
	}
	return im.result, err
}

// place is where a respondent was.
type place struct{ file, row int32 }

type importer struct {
	*plan
	opts     Options
	result   Result
	people   respondents
	seen     map[uint64]place
	problems map[string]int // to result.Problems
	flags    [][8]int       // by question and flag
}

// answers reads all files and inserts the answers while it does.
func (im *importer) answers(ctx context.Context, files []File) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	records := newAnswerRecords(im.m, im.questions)
	to, stopped := make(chan arrow.Record, 1), make(chan struct{})
	var inserts sync.WaitGroup
	var insertErr error
	inserts.Go(func() {
		insertErr = im.opts.To.Insert(ctx, "survey_answers", &stream{schema: records.schema, records: to, stopped: stopped}, "")
		if insertErr != nil {
			cancel(insertErr)
		}
	})
	// One batch is read while another becomes a record.
	batches, empty := make(chan *batch), make(chan *batch, 2)
	inserts.Go(func() {
		defer close(to)
		for b := range batches {
			record := records.record(b)
			b.reset()
			empty <- b
			select {
			case to <- record:
			case <-ctx.Done():
			case <-stopped:
			}
		}
	})
	empty <- newBatch(len(im.questions))
	empty <- newBatch(len(im.questions))
	err := im.readAll(ctx, files, batches, empty)
	if err != nil {
		close(stopped)
	}
	close(batches)
	inserts.Wait()
	if insertErr != nil && !errors.Is(insertErr, errBrokenOff) {
		return insertErr
	}
	return err
}

func (im *importer) readAll(ctx context.Context, files []File, full chan<- *batch, empty <-chan *batch) error {
	b := <-empty
	flush := func() error {
		select {
		case full <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		b = <-empty
		return nil
	}
	for i, file := range files {
		im.result.Files = append(im.result.Files, FileCount{Name: file.Name})
		t, err := open(file.In, im.m.CSV, im.m.wanted())
		if err == nil {
			err = im.bind(t.columns())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
		for {
			more, err := im.step(t, int32(i), b)
			if err != nil {
				return fmt.Errorf("%s: %w", file.Name, err)
			}
			if b.full() || !more && i == len(files)-1 && len(b.ids) > 0 {
				if err := flush(); err != nil {
					return err
				}
			}
			if !more {
				break
			}
		}
		if absent := t.unseen(); len(absent) > 0 && im.result.Files[i].Rows > 0 {
			return fmt.Errorf("%s: no row has a key %q: mend the mapping, or leave the question out of it", file.Name, absent)
		}
	}
	return nil
}

// step reads one row. False at the end of the table.
func (im *importer) step(t table, file int32, b *batch) (more bool, err error) {
	cells, row, err := t.next()
	count := &im.result.Files[file]
	var bad rowError
	switch {
	case errors.Is(err, io.EOF):
		return false, nil
	case errors.As(err, &bad):
		count.Rows++
		im.reject(file, row, "", bad.error, "")
		count.Rejected++
		im.result.Rejected++
		return true, nil
	case err != nil:
		return false, fmt.Errorf("read after row %d: %w", row, err)
	}
	if blank(cells) { // spreadsheets leave such rows behind
		return true, nil
	}
	count.Rows++
	unread := im.contactsUnread
	im.read(cells)
	r := &im.row
	note := ""
	if first, ok := im.seen[r.id]; ok && len(r.mistakes) == 0 {
		note = fmt.Sprintf(" (before: %d)", first.row)
		if first.file != file {
			note = fmt.Sprintf(" (before: %s, row %d)", im.result.Files[first.file].Name, first.row)
		}
		r.mistakes = append(r.mistakes, cellError{string(im.m.Respondent), errors.New("the respondent was there before; the first row counts: remove one of the two")})
	}
	if len(r.mistakes) > 0 {
		for _, mistake := range r.mistakes {
			im.reject(file, row, mistake.column, mistake.error, note)
		}
		im.contactsUnread = unread
		count.Rejected++
		im.result.Rejected++
		return true, nil
	}
	count.Accepted++
	im.accept(place{file, int32(row)})
	b.add(r, im.questions)
	return true, nil
}

func blank(cells []string) bool {
	for _, cell := range cells {
		if cell != "" {
			return false
		}
	}
	return true
}

const (
	problemsKept   = 50
	rowsOfAProblem = 5
)

// reject takes down what is wrong with a row.
func (im *importer) reject(file int32, row int, column string, err error, note string) {
	key := strconv.Itoa(int(file)) + "\x00" + column + "\x00" + err.Error()
	i, ok := im.problems[key]
	if !ok {
		if len(im.result.Problems) == problemsKept {
			im.result.MoreProblems++
			return
		}
		i = len(im.result.Problems)
		im.problems[key] = i
		im.result.Problems = append(im.result.Problems, Problem{File: im.result.Files[file].Name, Column: column, Err: err})
	}
	problem := &im.result.Problems[i]
	problem.Count++
	if len(problem.Rows) < rowsOfAProblem {
		problem.Rows = append(problem.Rows, strconv.Itoa(row)+note)
	}
}

// accept keeps what a row says beside answers.
func (im *importer) accept(at place) {
	r, people := &im.row, &im.people
	im.seen[r.id] = at
	people.ids = append(people.ids, r.id)
	people.days = append(people.days, r.day)
	people.weights = append(people.weights, r.weight)
	if im.duration >= 0 {
		people.seconds = append(people.seconds, r.seconds)
	}
	if im.cluster >= 0 {
		people.clusters = append(people.clusters, r.cluster)
	}
	for i, category := range r.groups {
		people.groups[i] = append(people.groups[i], category)
	}
	if im.contact >= 0 {
		people.contacts = append(people.contacts, r.contact)
		if r.contact != (ingest.ID{}) {
			im.result.Contacts++
		}
	}
	for i := range r.answers {
		a, q := &r.answers[i], &im.result.Questions[i]
		if a.shown {
			q.Shown++
		}
		if a.answered {
			q.Answered++
		}
		if a.flag != 0 {
			for bit := range flagNames {
				if a.flag&(1<<bit) != 0 {
					im.flags[i][bit]++
				}
			}
		}
	}
}

// enough refuses what is not the sample any more.
func (im *importer) enough() error {
	read := im.result.Rejected + len(im.people.ids)
	if share := float64(im.result.Rejected) / float64(max(1, read)); share > im.m.MostRejected {
		return fmt.Errorf("%w: %d of %d, above the share of %v; nothing is stored: mend them, or say in the mapping that most_rejected may be larger", ErrTooManyRejected, im.result.Rejected, read, im.m.MostRejected)
	}
	if len(im.people.ids) == 0 {
		return errors.New("the files hold no respondents")
	}
	return nil
}

// finish weighs the respondents and inserts all but the answers.
func (im *importer) finish(ctx context.Context) error {
	people := im.sorted()
	result := &im.result
	result.Respondents = len(people.ids)
	for i := range result.Questions {
		for bit, n := range im.flags[i][:len(flagNames)] {
			if n > 0 {
				result.Questions[i].Flags = append(result.Questions[i].Flags, FlagCount{flagNames[bit], n})
			}
		}
	}
	from, to := slices.Min(people.days), slices.Max(people.days)
	result.From, result.To = arrow.Date32(from).FormattedString(), arrow.Date32(to).FormattedString()
	var err error
	if result.Weighting, err = im.weigh(&people); err != nil {
		return err
	}
	if err := im.insertRespondents(ctx, &people); err != nil {
		return err
	}
	w, m := result.Weighting, im.m
	trim := 0.0
	if len(m.Margins) > 0 {
		trim = m.Trim
	}
	for _, t := range []struct {
		table  string
		schema *arrow.Schema
		rows   [][]any
	}{
		{"survey_questions", questionSchema, im.questionRows()},
		{"survey_margins", marginSchema, im.marginRows()},
		{"surveys", surveySchema, [][]any{{
			m.Business, m.Survey, m.Title, m.Population, m.Synthetic, result.Respondents, result.Rejected, from, to,
			w.Weighted, len(w.Margins) > 0, w.Rounds, w.Gap, trim, w.Trimmed, w.EffectDesign, w.EffectRaked, w.EffectFinal,
		}}},
	} {
		reader, err := rows(t.schema, t.rows)
		if err != nil {
			return err
		}
		if err := im.opts.To.Insert(ctx, t.table, reader, ""); err != nil {
			return err
		}
	}
	return nil
}

// sorted are the respondents in the order of their ids.
func (im *importer) sorted() respondents {
	order := make([]int, len(im.people.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(im.people.ids[a], im.people.ids[b]) })
	people := respondents{
		ids: reordered(im.people.ids, order), days: reordered(im.people.days, order), weights: reordered(im.people.weights, order),
		seconds:  reordered(im.people.seconds, order),
		clusters: reordered(im.people.clusters, order), contacts: reordered(im.people.contacts, order),
	}
	for _, g := range im.people.groups {
		people.groups = append(people.groups, reordered(g, order))
	}
	return people
}

func reordered[T any](values []T, order []int) []T {
	if len(values) == 0 {
		return nil
	}
	out := make([]T, len(order))
	for i, at := range order {
		out[i] = values[at]
	}
	return out
}

const respondentsAtATime = 1 << 16

func (im *importer) insertRespondents(ctx context.Context, people *respondents) error {
	names := map[string]arrow.Array{"business": dictionary(string(im.m.Business)), "survey": dictionary(string(im.m.Survey))}
	for _, g := range im.groups[:3] {
		names[g.name] = dictionary(g.categories...)
	}
	var records []arrow.Record
	for from := 0; from < len(people.ids); from += respondentsAtATime {
		records = append(records, im.respondentRecord(people, from, min(from+respondentsAtATime, len(people.ids)), names))
	}
	reader, err := array.NewRecordReader(respondentSchema, records)
	if err != nil {
		return err
	}
	return im.opts.To.Insert(ctx, "survey_respondents", reader, "")
}

func (im *importer) respondentRecord(people *respondents, from, to int, names map[string]arrow.Array) arrow.Record {
	n := to - from
	named := func(name string, places []int32) arrow.Array {
		return array.NewDictionaryArray(nameType, plain(arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(places), n), names[name])
	}
	constant := make([]int32, n)
	clusters := array.NewStringBuilder(memory.DefaultAllocator)
	defer clusters.Release()
	groups := array.NewMapBuilderWithType(memory.DefaultAllocator, arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String))
	defer groups.Release()
	keys, values := groups.KeyBuilder().(*array.StringBuilder), groups.ItemBuilder().(*array.StringBuilder)
	contacts := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, idType)
	defer contacts.Release()
	seconds := array.NewFloat64Builder(memory.DefaultAllocator)
	defer seconds.Release()
	for i := from; i < to; i++ {
		if people.seconds == nil || math.IsNaN(people.seconds[i]) {
			seconds.AppendNull()
		} else {
			seconds.Append(people.seconds[i])
		}
		if people.clusters == nil || people.clusters[i] == 0 {
			clusters.Append("")
		} else {
			clusters.Append(strconv.FormatUint(people.clusters[i], 16))
		}
		groups.Append(true)
		for k, g := range im.groups[3:] {
			keys.Append(g.name)
			values.Append(g.categories[people.groups[3+k][i]])
		}
		if people.contacts == nil || people.contacts[i] == (ingest.ID{}) {
			contacts.AppendNull()
		} else {
			contacts.Append(people.contacts[i][:])
		}
	}
	return array.NewRecord(respondentSchema, []arrow.Array{
		named("business", constant), named("survey", constant),
		plain(arrow.PrimitiveTypes.Uint64, arrow.Uint64Traits.CastToBytes(people.ids[from:to]), n),
		plain(arrow.FixedWidthTypes.Date32, arrow.Int32Traits.CastToBytes(people.days[from:to]), n),
		plain(arrow.PrimitiveTypes.Float64, arrow.Float64Traits.CastToBytes(people.weights[from:to]), n),
		plain(arrow.PrimitiveTypes.Float64, arrow.Float64Traits.CastToBytes(people.final[from:to]), n),
		named("stratum", people.groups[2][from:to]),
		clusters.NewArray(),
		named("market", people.groups[0][from:to]),
		named("age", people.groups[1][from:to]),
		groups.NewArray(),
		contacts.NewArray(),
		seconds.NewArray(),
	}, int64(n))
}

func (im *importer) questionRows() (rows [][]any) {
	for i, q := range im.questions {
		row := func(option int, o Option) {
			rows = append(rows, []any{
				im.m.Business, im.m.Survey, q.ID, i + 1, q.Type, q.Measures, q.Wording, q.Base, q.RecallDays, q.OptionsOrder,
				option, o.Code, o.Label, option, o.Exclusive, o.Pain, o.Score,
			})
		}
		for k, o := range q.Options {
			row(k+1, o)
		}
		if q.Type == "open" {
			row(0, Option{})
		}
	}
	return rows
}

func (im *importer) marginRows() (rows [][]any) {
	for _, m := range im.m.Margins {
		for _, t := range m.Targets {
			target, _ := strconv.ParseFloat(t.value, 64) // the mapping was checked
			rows = append(rows, []any{im.m.Business, im.m.Survey, text(m.name()), text(t.key), target})
		}
	}
	return rows
}
