package survey

import (
	"errors"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

var (
	// Constant and repeated texts go as a dictionary.
	nameType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	idType   = &arrow.FixedSizeBinaryType{ByteWidth: 16}

	answerFields = []arrow.Field{
		{Name: "business_id", Type: nameType},
		{Name: "survey_id", Type: nameType},
		{Name: "question_id", Type: nameType},
		{Name: "respondent_id", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "shown", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "answered", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "characters", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "options", Type: arrow.ListOf(arrow.PrimitiveTypes.Uint16)},
		{Name: "flags", Type: arrow.ListOf(arrow.BinaryTypes.String)},
	}
	answerSchema     = arrow.NewSchema(answerFields, nil)
	answerTextSchema = arrow.NewSchema(append(slices.Clone(answerFields), arrow.Field{Name: "text", Type: arrow.BinaryTypes.String}), nil)

	respondentSchema = arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: nameType},
		{Name: "survey_id", Type: nameType},
		{Name: "respondent_id", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "answered_on", Type: arrow.PrimitiveTypes.Date32},
		{Name: "weight", Type: arrow.PrimitiveTypes.Float64},
		{Name: "final_weight", Type: arrow.PrimitiveTypes.Float64},
		{Name: "stratum", Type: nameType},
		{Name: "cluster", Type: arrow.BinaryTypes.String},
		{Name: "market", Type: nameType},
		{Name: "age", Type: nameType},
		{Name: "domains", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)},
		{Name: "contact_id", Type: idType, Nullable: true},
		{Name: "seconds", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)

	questionSchema = arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: arrow.BinaryTypes.String},
		{Name: "survey_id", Type: arrow.BinaryTypes.String},
		{Name: "question_id", Type: arrow.BinaryTypes.String},
		{Name: "position", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "type", Type: arrow.BinaryTypes.String},
		{Name: "measures", Type: arrow.BinaryTypes.String},
		{Name: "wording", Type: arrow.BinaryTypes.String},
		{Name: "base", Type: arrow.BinaryTypes.String},
		{Name: "recall_days", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "options_order", Type: arrow.BinaryTypes.String},
		{Name: "option", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "option_code", Type: arrow.BinaryTypes.String},
		{Name: "option_label", Type: arrow.BinaryTypes.String},
		{Name: "option_position", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "exclusive", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "pain", Type: arrow.BinaryTypes.String},
		{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)

	marginSchema = arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: arrow.BinaryTypes.String},
		{Name: "survey_id", Type: arrow.BinaryTypes.String},
		{Name: "dimension", Type: arrow.BinaryTypes.String},
		{Name: "category", Type: arrow.BinaryTypes.String},
		{Name: "target", Type: arrow.PrimitiveTypes.Float64},
	}, nil)

	surveySchema = arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: arrow.BinaryTypes.String},
		{Name: "survey_id", Type: arrow.BinaryTypes.String},
		{Name: "title", Type: arrow.BinaryTypes.String},
		{Name: "population", Type: arrow.BinaryTypes.String},
		{Name: "synthetic", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "respondents", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "rejected", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "answered_from", Type: arrow.PrimitiveTypes.Date32},
		{Name: "answered_to", Type: arrow.PrimitiveTypes.Date32},
		{Name: "weighted", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "raked", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "rake_rounds", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "rake_gap", Type: arrow.PrimitiveTypes.Float64},
		{Name: "trim", Type: arrow.PrimitiveTypes.Float64},
		{Name: "trimmed", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "effect_design", Type: arrow.PrimitiveTypes.Float64},
		{Name: "effect_raked", Type: arrow.PrimitiveTypes.Float64},
		{Name: "effect_final", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
)

// stream is a RecordReader of the records that come through a channel.
type stream struct {
	schema  *arrow.Schema
	records <-chan arrow.Record
	stopped <-chan struct{} // closed: what comes is not all there is
	record  arrow.Record
	err     error
}

var errBrokenOff = errors.New("the import broke off")

func (s *stream) Retain()               {}
func (s *stream) Release()              {}
func (s *stream) Schema() *arrow.Schema { return s.schema }
func (s *stream) Record() arrow.Record  { return s.record }
func (s *stream) Err() error            { return s.err }

func (s *stream) Next() bool {
	if s.record != nil {
		s.record.Release()
		s.record = nil
	}
	select {
	case record, ok := <-s.records:
		s.record = record
		return ok
	case <-s.stopped:
		s.err = errBrokenOff
		return false
	}
}

// batch is the answers of some respondents, by question.
type batch struct {
	ids     []uint64
	columns []answerColumn
	cells   int
}

type answerColumn struct {
	counts     []uint16 // options chosen, by respondent
	options    []uint16
	state      []uint8 // bits: shown, answered, then flags
	characters []uint32
	texts      []string
}

const (
	stateShown = 1 << iota
	stateAnswered
	stateFlags // the first of them
)

// answersAtATime is about what the warehouse stores as one block.
const answersAtATime = 1 << 20

func newBatch(questions int) *batch {
	b := &batch{columns: make([]answerColumn, questions)}
	rows := answersAtATime/max(1, questions) + 1
	b.ids = make([]uint64, 0, rows)
	for i := range b.columns {
		b.columns[i].counts, b.columns[i].state = make([]uint16, 0, rows), make([]uint8, 0, rows)
	}
	return b
}

func (b *batch) add(r *row, questions []*asked) {
	b.ids = append(b.ids, r.id)
	for i := range r.answers {
		a, c := &r.answers[i], &b.columns[i]
		state := uint8(a.flag) * stateFlags
		if a.shown {
			state |= stateShown
		}
		if a.answered {
			state |= stateAnswered
		}
		c.state = append(c.state, state)
		c.counts = append(c.counts, uint16(a.to-a.from))
		c.options = append(c.options, r.options[a.from:a.to]...)
		if questions[i].Type == "open" {
			c.characters = append(c.characters, a.characters)
			if questions[i].Store {
				c.texts = append(c.texts, a.text)
			}
		}
	}
	b.cells += len(b.columns) + len(r.options)/8
}

func (b *batch) full() bool { return b.cells >= answersAtATime }

func (b *batch) reset() {
	b.ids, b.cells = b.ids[:0], 0
	for i := range b.columns {
		c := &b.columns[i]
		c.counts, c.options, c.state, c.characters, c.texts = c.counts[:0], c.options[:0], c.state[:0], c.characters[:0], c.texts[:0]
	}
}

// answerRecords makes records of batches, in the order in which the warehouse keeps answers.
type answerRecords struct {
	schema    *arrow.Schema
	names     [3]arrow.Array // dictionaries: business, survey, questions
	questions []*asked
	byName    []int // questions by id
	starts    []int // of a question's options, by respondent
	order     []int
}

func newAnswerRecords(m *Mapping, questions []*asked) *answerRecords {
	a := &answerRecords{schema: answerSchema, questions: questions}
	ids := make([]string, len(questions))
	for i, q := range questions {
		ids[i] = string(q.ID)
		a.byName = append(a.byName, i)
		if q.Store {
			a.schema = answerTextSchema
		}
	}
	slices.SortFunc(a.byName, func(i, j int) int { return compareText(ids[i], ids[j]) })
	a.names = [3]arrow.Array{dictionary(string(m.Business)), dictionary(string(m.Survey)), dictionary(ids...)}
	return a
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func dictionary(texts ...string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(texts, nil)
	return b.NewArray()
}

// record returns the answers of a batch by question and respondent. The caller releases it.
func (a *answerRecords) record(b *batch) arrow.Record {
	people := len(b.ids)
	n := people * len(b.columns)
	a.order = a.order[:0]
	for i := range people {
		a.order = append(a.order, i)
	}
	slices.SortFunc(a.order, func(i, j int) int {
		switch {
		case b.ids[i] < b.ids[j]:
			return -1
		case b.ids[i] > b.ids[j]:
			return 1
		}
		return 0
	})
	total := 0
	for i := range b.columns {
		total += len(b.columns[i].options)
	}
	constant, question := make([]int32, n), make([]int32, 0, n)
	ids := make([]uint64, 0, n)
	shown, answered := make([]uint8, 0, n), make([]uint8, 0, n)
	characters := make([]uint32, n)
	offsets, options := make([]int32, 1, n+1), make([]uint16, 0, total)
	flagOffsets := make([]int32, 1, n+1)
	flags := array.NewStringBuilder(memory.DefaultAllocator)
	defer flags.Release()
	texts := array.NewStringBuilder(memory.DefaultAllocator)
	defer texts.Release()
	row := 0
	for _, q := range a.byName {
		c := &b.columns[q]
		a.starts = a.starts[:0]
		start := 0
		for _, count := range c.counts {
			a.starts = append(a.starts, start)
			start += int(count)
		}
		for _, i := range a.order {
			question = append(question, int32(q))
			ids = append(ids, b.ids[i])
			state := c.state[i]
			shown, answered = append(shown, state&stateShown), append(answered, state&stateAnswered/stateAnswered)
			options = append(options, c.options[a.starts[i]:a.starts[i]+int(c.counts[i])]...)
			offsets = append(offsets, int32(len(options)))
			for bit := range flagNames {
				if state/stateFlags&(1<<bit) != 0 {
					flags.Append(flagNames[bit])
				}
			}
			flagOffsets = append(flagOffsets, int32(flags.Len()))
			if len(c.characters) > 0 {
				characters[row] = c.characters[i]
			}
			if a.schema == answerTextSchema {
				text := ""
				if len(c.texts) > 0 {
					text = c.texts[i]
				}
				texts.Append(text)
			}
			row++
		}
	}
	optionValues, flagValues := plain(arrow.PrimitiveTypes.Uint16, arrow.Uint16Traits.CastToBytes(options), len(options)), flags.NewArray()
	columns := []arrow.Array{
		array.NewDictionaryArray(nameType, plain(arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(constant), n), a.names[0]),
		array.NewDictionaryArray(nameType, plain(arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(constant), n), a.names[1]),
		array.NewDictionaryArray(nameType, plain(arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(question), n), a.names[2]),
		plain(arrow.PrimitiveTypes.Uint64, arrow.Uint64Traits.CastToBytes(ids), n),
		plain(arrow.PrimitiveTypes.Uint8, shown, n),
		plain(arrow.PrimitiveTypes.Uint8, answered, n),
		plain(arrow.PrimitiveTypes.Uint32, arrow.Uint32Traits.CastToBytes(characters), n),
		list(arrow.PrimitiveTypes.Uint16, offsets, optionValues),
		list(arrow.BinaryTypes.String, flagOffsets, flagValues),
	}
	if a.schema == answerTextSchema {
		columns = append(columns, texts.NewArray())
	}
	return array.NewRecord(a.schema, columns, int64(n))
}

// plain is an array of the bytes as they are, which the garbage collector frees.
func plain(of arrow.DataType, bytes []byte, n int) arrow.Array {
	return array.MakeFromData(array.NewData(of, n, []*memory.Buffer{nil, memory.NewBufferBytes(bytes)}, nil, 0, 0))
}

func list(of arrow.DataType, offsets []int32, values arrow.Array) arrow.Array {
	return array.MakeFromData(array.NewData(arrow.ListOf(of), len(offsets)-1,
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}, []arrow.ArrayData{values.Data()}, 0, 0))
}

// rows returns a reader of one record; values are in the order of the schema's fields.
func rows(schema *arrow.Schema, values [][]any) (array.RecordReader, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range values {
		for i, value := range row {
			switch field := b.Field(i).(type) {
			case *array.StringBuilder:
				field.Append(string(value.(text)))
			case *array.Uint8Builder:
				var bit uint8
				if value.(bool) {
					bit = 1
				}
				field.Append(bit)
			case *array.Uint16Builder:
				field.Append(uint16(value.(int)))
			case *array.Uint32Builder:
				field.Append(uint32(value.(int)))
			case *array.Date32Builder:
				field.Append(arrow.Date32(value.(int32)))
			case *array.Float64Builder:
				if score, ok := value.(*float64); ok && score == nil {
					field.AppendNull()
				} else if ok {
					field.Append(*score)
				} else {
					field.Append(value.(float64))
				}
			}
		}
	}
	return array.NewRecordReader(schema, []arrow.Record{b.NewRecord()})
}
