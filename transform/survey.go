package transform

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// surveyOf is one survey that was imported.
type surveyOf struct {
	Business   string    `ch:"business_id"`
	ID         string    `ch:"survey_id"`
	Population string    `ch:"population"`
	Synthetic  uint8     `ch:"synthetic"`
	From       time.Time `ch:"answered_from"`
	To         time.Time `ch:"answered_to"` // the day after the last

	questions []*surveyQuestion // by position
	markets   string            // how several are put together
	strata    []string
	units     []uint64 // sampling units by stratum
}

type surveyQuestion struct {
	id       string
	position uint16
	kind     string // single, multiple, scale, open
	measures string
	options  []surveyOption // ascending by number
}

type surveyOption struct {
	Number    uint16
	Label     string
	Position  uint16
	Exclusive uint8
	Pain      string
	Score     *float64
}

func (q *surveyQuestion) exclusive() bool { return q.kind == "single" || q.kind == "scale" }

// column returns the column of an option, from 1; 0 for the base and for an option that the question does not have.
func (q *surveyQuestion) column(option uint16) int {
	i, _ := slices.BinarySearchFunc(q.options, option, func(o surveyOption, n uint16) int { return cmp.Compare(o.Number, n) })
	if i == len(q.options) || q.options[i].Number != option {
		return 0
	}
	return i + 1
}

// surveys reads what was imported, ordered.
func (r *run) surveys(ctx context.Context) ([]*surveyOf, error) {
	var all []surveyOf
	err := r.db.Select(ctx, &all, `
SELECT business_id, survey_id, population, synthetic, answered_from, answered_to + 1 AS answered_to
FROM surveys
ORDER BY business_id, survey_id`)
	if err != nil {
		return nil, fmt.Errorf("list the surveys: %w", err)
	}
	var rows []struct {
		Business string   `ch:"business_id"`
		Survey   string   `ch:"survey_id"`
		Question string   `ch:"question_id"`
		Position uint16   `ch:"position"`
		Type     string   `ch:"type"`
		Measures string   `ch:"measures"`
		Option   uint16   `ch:"option"`
		Label    string   `ch:"option_label"`
		Place    uint16   `ch:"option_position"`
		None     uint8    `ch:"exclusive"`
		Pain     string   `ch:"pain"`
		Score    *float64 `ch:"score"`
	}
	err = r.db.Select(ctx, &rows, `
SELECT business_id, survey_id, question_id, position, type, measures, option, option_label, option_position, exclusive, pain, score
FROM survey_questions
WHERE type IN ('single', 'multiple', 'scale')
ORDER BY business_id, survey_id, position, question_id, option`)
	if err != nil {
		return nil, fmt.Errorf("list the questions: %w", err)
	}
	var found []*surveyOf
	for i := range all {
		s := &all[i]
		found = append(found, s)
		for _, row := range rows {
			if row.Business != s.Business || row.Survey != s.ID {
				continue
			}
			if n := len(s.questions); n == 0 || s.questions[n-1].id != row.Question {
				s.questions = append(s.questions, &surveyQuestion{id: row.Question, position: row.Position, kind: row.Type, measures: row.Measures})
			}
			q := s.questions[len(s.questions)-1]
			q.options = append(q.options, surveyOption{row.Option, row.Label, row.Place, row.None, row.Pain, row.Score})
		}
	}
	return found, nil
}

func fillSurveySums(ctx context.Context, r *run, m model, staging string, w Window) error {
	surveys, err := r.surveys(ctx)
	if err != nil {
		return err
	}
	for _, s := range surveys {
		ids, multiple, wide := []string{}, []string{}, []string{}
		for _, q := range s.questions {
			ids = append(ids, q.id)
			if !q.exclusive() {
				multiple = append(multiple, q.id)
			}
			if q.options[len(q.options)-1].Number > 63 { // the bits of a number
				wide = append(wide, q.id)
			}
		}
		if err := r.insert(ctx, m, staging, w,
			clickhouse.Named("business", s.Business), clickhouse.Named("survey", s.ID),
			clickhouse.Named("questions", ids), clickhouse.Named("multiple", multiple), clickhouse.Named("wide", wide),
		); err != nil {
			return fmt.Errorf("survey %s: %w", s.ID, err)
		}
	}
	return nil
}

// surveyRow is a row of survey_sums, weights as shares of the heaviest.
type surveyRow struct {
	Business    string  `ch:"business_id"`
	Survey      string  `ch:"survey_id"`
	Markets     string  `ch:"markets"`
	Question    string  `ch:"question_id"`
	Stratum     string  `ch:"stratum"`
	Cluster     string  `ch:"cluster"`
	Dimension   string  `ch:"dimension"`
	Market      string  `ch:"market"`
	Age         string  `ch:"age"`
	Segment     string  `ch:"segment"`
	Option      uint16  `ch:"option"`
	Other       uint16  `ch:"other_option"`
	Respondents uint64  `ch:"respondents"`
	Weight      float64 `ch:"weight"`
	Squares     float64 `ch:"weight_squares"`
}

// eachQuestion reads the sums that a model asks for and hands on each question that anybody answered, in the order of
// business, survey and position.
func (r *run) eachQuestion(ctx context.Context, m model, do func(*surveyOf, *questionSums) error) error {
	surveys, err := r.surveys(ctx)
	if err != nil {
		return err
	}
	var rows []surveyRow
	if err := r.selectModel(ctx, &rows, m, Window{}); err != nil {
		return err
	}
	of := map[[3]string][]surveyRow{}
	for part := range runsOf(rows, func(a, b surveyRow) bool {
		return a.Business == b.Business && a.Survey == b.Survey && a.Question == b.Question
	}) {
		of[[3]string{part[0].Business, part[0].Survey, part[0].Question}] = part
	}
	for _, s := range surveys {
		s.draw(of[[3]string{s.Business, s.ID, ""}])
		for _, q := range s.questions {
			answers := of[[3]string{s.Business, s.ID, q.id}]
			if len(answers) == 0 {
				continue
			}
			if err := do(s, newQuestionSums(s, q, answers)); err != nil {
				return fmt.Errorf("survey %s, question %s: %w", s.ID, q.id, err)
			}
		}
	}
	return nil
}

// draw reads the design: all respondents by stratum and cluster, in this order.
func (s *surveyOf) draw(rows []surveyRow) {
	cluster := ""
	for _, row := range rows {
		if row.Dimension != "cell" {
			continue
		}
		s.markets = row.Markets
		if n := len(s.strata); n == 0 || s.strata[n-1] != row.Stratum {
			s.strata, s.units, cluster = append(s.strata, row.Stratum), append(s.units, 0), ""
		}
		switch {
		case row.Cluster == "":
			s.units[len(s.units)-1] += row.Respondents
		case row.Cluster != cluster:
			s.units[len(s.units)-1]++
			cluster = row.Cluster
		}
	}
}

// domain names a group of respondents. Dimension `all` has one, whose name says how markets are put together.
type domain struct{ dimension, name, market, age string }

func marketSegment(market string) domain { return domain{"market", market, market, ""} }
func ageSegment(age string) domain       { return domain{"age", age, "", age} }

// unitSums is what the sampling units of one stratum add up to in one segment: column 0 is the base, the others are options.
type unitSums struct {
	units    uint64
	totals   []float64
	products [][]float64
}

func newUnitSums(columns int) *unitSums {
	b := &unitSums{totals: make([]float64, columns), products: make([][]float64, columns)}
	for k := range b.products {
		b.products[k] = make([]float64, columns)
	}
	return b
}

// segmentSums are those of one domain, over its respondents and by stratum.
type segmentSums struct {
	domain
	respondents []uint64 // by column
	weights     []float64
	squares     []float64
	strata      map[int]*unitSums
}

// crossing is two segments of one dimension that share sampling units of a stratum.
type crossing struct {
	first, second domain // first is before second
	stratum       int
}

// questionSums are those of one question.
type questionSums struct {
	of       *surveyOf
	question *surveyQuestion
	segments []*segmentSums // ordered; all comes first
	crossed  map[crossing]*unitSums

	index map[domain]*segmentSums
}

func newQuestionSums(s *surveyOf, q *surveyQuestion, rows []surveyRow) *questionSums {
	sums := &questionSums{of: s, question: q, crossed: map[crossing]*unitSums{}, index: map[domain]*segmentSums{}}
	for unit := range runsOf(rows, func(a, b surveyRow) bool { return a.Stratum == b.Stratum && a.Cluster == b.Cluster }) {
		stratum, ok := slices.BinarySearch(s.strata, unit[0].Stratum)
		if !ok {
			continue // the import replaced the survey just now
		}
		if unit[0].Cluster == "" {
			sums.addRespondents(stratum, unit)
		} else {
			sums.addCluster(stratum, unit)
		}
	}
	sums.segments = slices.Collect(maps.Values(sums.index))
	slices.SortFunc(sums.segments, func(a, b *segmentSums) int {
		return cmp.Or(cmp.Compare(dimensionOrder(a.dimension), dimensionOrder(b.dimension)), cmp.Compare(a.dimension, b.dimension), cmp.Compare(a.name, b.name))
	})
	return sums
}

var dimensionNames = []string{"all", "market", "age", "market_age"}

func dimensionOrder(dimension string) int {
	if i := slices.Index(dimensionNames, dimension); i >= 0 {
		return i
	}
	return len(dimensionNames)
}

// within returns the segments that a row counts in. Respondents whose market or age nobody knows are in no segment of it.
func (s *surveyOf) within(row surveyRow) []domain {
	if row.Dimension != "cell" {
		if row.Segment == "" {
			return nil
		}
		return []domain{{dimension: row.Dimension, name: row.Segment}}
	}
	all := domain{dimension: "all"}
	if s.markets == "mean of markets" {
		all.name = s.markets
	}
	in := []domain{all}
	if row.Market != "" {
		in = append(in, marketSegment(row.Market))
	}
	if row.Age != "" {
		in = append(in, ageSegment(row.Age))
	}
	if row.Market != "" && row.Age != "" {
		in = append(in, domain{"market_age", row.Market + " / " + row.Age, row.Market, row.Age})
	}
	return in
}

func (q *questionSums) sumsOf(s domain) *segmentSums {
	found, ok := q.index[s]
	if !ok {
		n := len(q.question.options) + 1
		found = &segmentSums{s, make([]uint64, n), make([]float64, n), make([]float64, n), map[int]*unitSums{}}
		q.index[s] = found
	}
	return found
}

func (s *segmentSums) of(stratum int) *unitSums {
	b, ok := s.strata[stratum]
	if !ok {
		b = newUnitSums(len(s.weights))
		s.strata[stratum] = b
	}
	return b
}

func (s *segmentSums) count(column int, row surveyRow) {
	s.respondents[column] += row.Respondents
	s.weights[column] += row.Weight
	s.squares[column] += row.Squares
}

// addRespondents adds rows whose respondents are sampling units each.
func (q *questionSums) addRespondents(stratum int, rows []surveyRow) {
	for _, row := range rows {
		first, second := q.question.column(row.Option), q.question.column(row.Other)
		if (first == 0) != (row.Option == 0) || (second == 0) != (row.Other == 0) {
			continue // an option that the mapping does not name
		}
		for _, in := range q.of.within(row) {
			sums := q.sumsOf(in)
			b := sums.of(stratum)
			if first != second {
				b.products[first][second] += row.Squares
				b.products[second][first] += row.Squares
				continue
			}
			sums.count(first, row)
			b.totals[first] += row.Weight
			b.products[first][first] += row.Squares
			if first == 0 {
				b.units += row.Respondents
			} else { // who chose an option is in the base
				b.products[0][first] += row.Squares
				b.products[first][0] += row.Squares
			}
		}
	}
}

// addCluster adds the rows of one sampling unit.
func (q *questionSums) addCluster(stratum int, rows []surveyRow) {
	totals := map[domain][]float64{}
	var order []domain
	for _, row := range rows {
		column := q.question.column(row.Option)
		if (column == 0) != (row.Option == 0) {
			continue
		}
		for _, in := range q.of.within(row) {
			sums := q.sumsOf(in)
			sums.count(column, row)
			if totals[in] == nil {
				totals[in] = make([]float64, len(sums.weights))
				order = append(order, in)
			}
			totals[in][column] += row.Weight
		}
	}
	slices.SortFunc(order, func(a, b domain) int {
		return cmp.Or(cmp.Compare(a.dimension, b.dimension), cmp.Compare(a.name, b.name))
	})
	for i, in := range order {
		b := q.index[in].of(stratum)
		b.units++
		add(b, totals[in], totals[in])
		if in.dimension == "market_age" {
			continue // never compared
		}
		for _, other := range order[i+1:] {
			if other.dimension != in.dimension {
				break
			}
			key := crossing{in, other, stratum}
			if q.crossed[key] == nil {
				q.crossed[key] = newUnitSums(len(totals[in]))
			}
			q.crossed[key].units++
			add(q.crossed[key], totals[in], totals[other])
		}
	}
}

func add(b *unitSums, first, second []float64) {
	for k, x := range first {
		b.totals[k] += x
		for l, y := range second {
			b.products[k][l] += x * y
		}
	}
}

// surveyColumn is a column of a segment.
type surveyColumn struct {
	in     *segmentSums
	column int
}

// survey puts columns together. The domain is that of all their segments, which are of one dimension.
func (q *questionSums) survey(columns []surveyColumn) stats.Survey {
	var segments []*segmentSums
	for _, c := range columns {
		if !slices.Contains(segments, c.in) {
			segments = append(segments, c.in)
		}
	}
	var strata []stats.Stratum
	for h, units := range q.of.units {
		s := stats.Stratum{Units: units, Totals: make([]float64, len(columns)), Products: make([][]float64, len(columns))}
		for _, in := range segments {
			if b := in.strata[h]; b != nil {
				s.InDomain += b.units
			}
		}
		if s.InDomain == 0 {
			continue
		}
		switch {
		case len(segments) == 2:
			if shared, _ := q.shared(segments[0], segments[1], h); shared != nil {
				s.InDomain -= shared.units
			}
		case len(segments) > 2:
			s.InDomain = min(s.InDomain, q.segments[0].strata[h].units)
		}
		for k, a := range columns {
			s.Products[k] = make([]float64, len(columns))
			b := a.in.strata[h]
			if b == nil {
				continue
			}
			s.Totals[k] = b.totals[a.column]
			for l, other := range columns {
				if a.in == other.in {
					s.Products[k][l] = b.products[a.column][other.column]
				} else if shared, turned := q.shared(a.in, other.in, h); shared != nil && turned {
					s.Products[k][l] = shared.products[other.column][a.column]
				} else if shared != nil {
					s.Products[k][l] = shared.products[a.column][other.column]
				}
			}
		}
		strata = append(strata, s)
	}
	return stats.NewSurvey(strata)
}

// shared returns what the common sampling units of two segments add up to, nil if there are none; turned: the other way
// round.
func (q *questionSums) shared(a, b *segmentSums, stratum int) (found *unitSums, turned bool) {
	if len(q.crossed) == 0 {
		return nil, false
	}
	if found = q.crossed[crossing{a.domain, b.domain, stratum}]; found != nil {
		return found, false
	}
	return q.crossed[crossing{b.domain, a.domain, stratum}], true
}

// surveyOf returns all columns of one segment.
func (q *questionSums) columnsOf(in *segmentSums) []surveyColumn {
	columns := make([]surveyColumn, len(in.weights))
	for k := range columns {
		columns[k] = surveyColumn{in, k}
	}
	return columns
}

// unit is a combination of n columns that takes one of them.
func unit(n int, columns ...int) []float64 {
	c := make([]float64, n)
	for _, k := range columns {
		c[k] = 1
	}
	return c
}
