package transform

import (
	"context"
	"fmt"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// shownShares returns the shares of a question that may be shown, by segment and column.
func (q *questionSums) shownShares() map[*segmentSums]map[int]*surveyCell {
	shown := map[*segmentSums]map[int]*surveyCell{}
	cells, _ := q.estimates()
	for _, c := range cells {
		if c.statistic != "share" || c.why != "" {
			continue
		}
		if shown[c.in] == nil {
			shown[c.in] = map[int]*surveyCell{}
		}
		shown[c.in][c.option] = c
	}
	return shown
}

// surveyComparison is a row of survey_comparisons, without the survey's part.
type surveyComparison struct {
	kind            string
	in, other       string // segments
	option, another int    // columns
	base            uint64
	difference      *stats.SurveyDifference
	test            *stats.RaoScott
	p               float64
}

// family are comparisons whose p-values are adjusted together.
type family struct {
	name, adjustment, dimension string
	adjust                      func([]float64) ([]float64, error)
	comparisons                 []surveyComparison
}

func holm(name, dimension string) *family {
	return &family{name: name, adjustment: "holm", dimension: dimension, adjust: stats.Holm}
}

func benjaminiHochberg(name, dimension string) *family {
	return &family{name: name, adjustment: "benjamini_hochberg", dimension: dimension, adjust: stats.BenjaminiHochberg}
}

func fillSurveyComparisons(ctx context.Context, r *run, m model, staging string, w Window) error {
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	err = r.eachQuestion(ctx, m, func(s *surveyOf, q *questionSums) error {
		shown := q.shownShares()
		var families []*family
		if q.question.kind != "scale" { // the categories of a scale have an order to compare
			families = q.compareOptions(shown)
		}
		for _, f := range append(families, q.compareSegments(shown)...) {
			if err := f.append(batch, s, q.question); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return batch.Send()
}

// compareOptions compares any two options within a segment, paired: one family for each segment.
func (q *questionSums) compareOptions(shown map[*segmentSums]map[int]*surveyCell) (families []*family) {
	for _, in := range q.segments {
		if in.dimension == "market_age" || len(shown[in]) < 2 {
			continue
		}
		f := holm("pairs of options of "+q.question.id+in.inWords(), in.dimension)
		n := len(in.weights)
		s := q.survey(q.columnsOf(in))
		for a := 1; a < n; a++ {
			for b := a + 1; b < n; b++ {
				if shown[in][a] == nil || shown[in][b] == nil {
					continue
				}
				first, _ := s.Quotient(unit(n, a), unit(n, 0))
				second, _ := s.Quotient(unit(n, b), unit(n, 0))
				if d, ok := s.Difference(first, second); ok {
					f.comparisons = append(f.comparisons, surveyComparison{kind: "options", in: in.name, option: a, another: b, base: in.respondents[0], difference: &d, p: d.P})
				}
			}
		}
		families = append(families, f)
	}
	return families
}

func (d domain) inWords() string {
	switch {
	case d.name == "":
		return ""
	case d.dimension == "all":
		return ", " + d.name
	}
	return ", " + d.dimension + " " + d.name
}

// compareSegments compares each market, and each segment of a named group, with the rest, and ages with each other, and tests
// whether the segments of a dimension differ at all.
func (q *questionSums) compareSegments(shown map[*segmentSums]map[int]*surveyCell) (families []*family) {
	for segments := range runsOf(q.segments, func(a, b *segmentSums) bool { return a.dimension == b.dimension }) {
		dimension := segments[0].dimension
		if dimension == "all" || dimension == "market_age" || len(segments) < 2 {
			continue
		}
		of := " of " + q.question.id
		independence := holm("options"+of+", any difference by "+dimension, dimension)
		pairs := benjaminiHochberg("options"+of+", each "+dimension+" with the rest", dimension)
		if dimension == "age" {
			pairs = benjaminiHochberg("options"+of+", pairs of ages", dimension)
		}
		for option := 1; option <= len(q.question.options); option++ {
			if test, n, ok := q.independence(segments, option); ok && q.all(shown, segments, option) {
				independence.comparisons = append(independence.comparisons, surveyComparison{kind: "independence", option: option, base: n, test: &test, p: test.P})
			}
			if dimension == "age" {
				pairs.comparisons = append(pairs.comparisons, q.pairsOf(shown, segments, option)...)
			} else if q.all(shown, q.segments[:1], option) {
				pairs.comparisons = append(pairs.comparisons, q.rests(shown, segments, option)...)
			}
		}
		families = append(families, independence, pairs)
	}
	return families
}

func (q *questionSums) all(shown map[*segmentSums]map[int]*surveyCell, segments []*segmentSums, option int) bool {
	for _, in := range segments {
		if shown[in][option] == nil {
			return false
		}
	}
	return true
}

// sideBySide returns base and option of each segment, in columns 2i and 2i+1.
func sideBySide(segments []*segmentSums, option int) (columns []surveyColumn) {
	for _, in := range segments {
		columns = append(columns, surveyColumn{in, 0}, surveyColumn{in, option})
	}
	return columns
}

// independence tests by Rao and Scott whether the share of an option differs between the segments.
func (q *questionSums) independence(segments []*segmentSums, option int) (test stats.RaoScott, respondents uint64, ok bool) {
	s := q.survey(sideBySide(segments, option))
	cells := make([][][]float64, 2) // chosen, not chosen
	for i, in := range segments {
		chosen, not := unit(2*len(segments), 2*i+1), unit(2*len(segments), 2*i)
		not[2*i+1] = -1
		cells[0], cells[1] = append(cells[0], chosen), append(cells[1], not)
		respondents += in.respondents[0]
	}
	test, err := s.Independence(cells, respondents)
	return test, respondents, err == nil && s.DF >= 1
}

func (q *questionSums) pairsOf(shown map[*segmentSums]map[int]*surveyCell, segments []*segmentSums, option int) (found []surveyComparison) {
	for i, a := range segments {
		for _, b := range segments[i+1:] {
			if shown[a][option] == nil || shown[b][option] == nil {
				continue
			}
			s := q.survey(sideBySide([]*segmentSums{a, b}, option))
			first, _ := s.Quotient(unit(4, 1), unit(4, 0))
			second, _ := s.Quotient(unit(4, 3), unit(4, 2))
			if d, ok := s.Difference(first, second); ok {
				found = append(found, surveyComparison{kind: "segments", in: a.name, other: b.name, option: option,
					base: a.respondents[0] + b.respondents[0], difference: &d, p: d.P})
			}
		}
	}
	return found
}

// rests compares each segment with all others of its dimension together.
func (q *questionSums) rests(shown map[*segmentSums]map[int]*surveyCell, segments []*segmentSums, option int) (found []surveyComparison) {
	n := 2 * len(segments)
	s := q.survey(sideBySide(segments, option))
	var base uint64
	var bases, options []int
	for i, in := range segments {
		base += in.respondents[0]
		bases, options = append(bases, 2*i), append(options, 2*i+1)
	}
	for i, in := range segments {
		if shown[in][option] == nil || base-in.respondents[0] < fewestAsked {
			continue
		}
		of, chosen := unit(n, bases...), unit(n, options...)
		of[2*i], chosen[2*i+1] = 0, 0
		own, _ := s.Quotient(unit(n, 2*i+1), unit(n, 2*i))
		rest, ok := s.Quotient(chosen, of)
		if !ok {
			continue
		}
		if d, ok := s.Difference(own, rest); ok {
			found = append(found, surveyComparison{kind: "rest", in: in.name, option: option, base: base, difference: &d, p: d.P})
		}
	}
	return found
}

func (f *family) append(batch driver.Batch, s *surveyOf, q *surveyQuestion) error {
	var p []float64
	for _, c := range f.comparisons {
		p = append(p, min(1, c.p))
	}
	adjusted, err := f.adjust(p)
	if err != nil {
		return fmt.Errorf("adjust %s: %w", f.name, err)
	}
	for i, c := range f.comparisons {
		var value, stdError, lower, upper, statistic, numerator *float64
		df := 0.0
		if d := c.difference; d != nil {
			value, stdError, df = &d.Value, &d.StdError, d.DF
			if d.HasInterval {
				lower, upper = &d.Lower, &d.Upper
			}
		} else {
			statistic, numerator, df = &c.test.F, &c.test.DF1, c.test.DF2
		}
		number := func(column int) uint16 {
			if column == 0 {
				return 0
			}
			return q.options[column-1].Number
		}
		if err := batch.Append(s.Business, s.ID, s.From, s.To, c.kind, f.dimension, c.in, c.other, s.markets, q.id, q.measures,
			number(c.option), number(c.another), c.base, value, stdError, df, lower, upper, statistic, numerator,
			p[i], adjusted[i], f.adjustment, f.name, uint32(len(p))); err != nil {
			return err
		}
	}
	return nil
}

// fillSurveyRanks ranks what people could choose several of: pains, uses.
func fillSurveyRanks(ctx context.Context, r *run, m model, staging string, w Window) error {
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	err = r.eachQuestion(ctx, m, func(s *surveyOf, q *questionSums) error {
		if q.question.exclusive() {
			return nil
		}
		shown := q.shownShares()
		for _, in := range q.segments {
			if err := q.appendRanks(batch, in, shown[in]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return batch.Send()
}

func (q *questionSums) appendRanks(batch driver.Batch, in *segmentSums, shown map[int]*surveyCell) error {
	n := len(in.weights)
	s := q.survey(q.columnsOf(in))
	var quotients []stats.Quotient
	var columns []int
	var values []float64
	for k := 1; k < n; k++ {
		if shown[k] == nil || q.question.options[k-1].Exclusive == 1 {
			continue
		}
		quotient, _ := s.Quotient(unit(n, k), unit(n, 0))
		quotients, columns, values = append(quotients, quotient), append(columns, k), append(values, quotient.Value)
	}
	if len(quotients) < 2 {
		return nil
	}
	covariance := make([][]float64, len(quotients))
	for i, a := range quotients {
		for _, b := range quotients {
			covariance[i] = append(covariance[i], s.Covariance(a, b))
		}
	}
	ranks, _, err := stats.Ranks(values, covariance)
	if err != nil {
		return err
	}
	for i, k := range columns {
		rank := uint16(1)
		for _, other := range values {
			if other > values[i] {
				rank++
			}
		}
		option := q.question.options[k-1]
		limits, ok := shown[k].mean.Logit()
		if !ok {
			limits, _ = shown[k].mean.KornGraubard(true)
		}
		of := q.of
		if err := batch.Append(of.Business, of.ID, of.From, of.To, in.dimension, in.name, of.markets, q.question.id, q.question.measures,
			option.Number, option.Label, option.Pain, in.respondents[0], values[i], limits.Lower, limits.Upper,
			rank, uint16(ranks[i].Best), uint16(ranks[i].Worst), uint16(len(columns))); err != nil {
			return err
		}
	}
	return nil
}
