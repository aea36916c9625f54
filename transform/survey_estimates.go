package transform

import (
	"context"
	"slices"

	"drumbeat/transform/stats"
)

// Reasons why a figure of a survey is not shown.
const (
	whyFewAsked = "n<30"
	whySmall    = "count below 10"
	whyWide     = "interval too wide"
	whyProtects = "protects a count below 10"
	whyLonely   = "every stratum has a single sampling unit"
)

const (
	fewestAsked = 30
	// Counts below this and above 0 may tell of single persons.
	smallCount = 10
)

// surveyCell is one figure of a segment.
type surveyCell struct {
	in         *segmentSums
	statistic  string
	option     int   // its column; 0 of a mean
	columns    []int // whose respondents count in it
	mean       stats.SurveyMean
	n, base    uint64
	lonely     bool
	why        string
	complement bool
	fewDegrees bool
}

// estimates computes and withholds the figures of a question, and returns how many respondents each segment has, nil where
// that is withheld.
func (q *questionSums) estimates() (cells []*surveyCell, bases map[*segmentSums]*uint64) {
	for _, in := range q.segments {
		cells = append(cells, q.estimate(in)...)
	}
	return cells, q.withhold(cells)
}

func (q *questionSums) estimate(in *segmentSums) (cells []*surveyCell) {
	n := len(in.weights)
	s := q.survey(q.columnsOf(in))
	share := func(statistic string, option int, columns []int) {
		c := &surveyCell{in: in, statistic: statistic, option: option, columns: columns, base: in.respondents[0], lonely: s.Lonely}
		of := stats.Respondents{N: in.respondents[0], Weight: in.weights[0], WeightSquares: in.squares[0]}
		for _, k := range columns {
			c.n += in.respondents[k]
			of.ValueSquares += in.weights[k]
		}
		quotient, ok := s.Quotient(unit(n, columns...), unit(n, 0))
		if !ok {
			return
		}
		var err error
		if c.mean, err = s.Mean(quotient, of); err != nil {
			c.why = whyLonely
		} else {
			shown := c.mean.Present()
			c.fewDegrees = c.mean.DF < 8
			c.complement = shown == stats.Flagged
			if shown == stats.Suppressed {
				c.why = whyWide
			}
		}
		if c.base < fewestAsked {
			c.why = whyFewAsked
		}
		if c.n > 0 && c.n < smallCount {
			c.why = whySmall
		}
		cells = append(cells, c)
	}
	for k := 1; k < n; k++ {
		share("share", k, []int{k})
	}
	if q.question.exclusive() && q.question.measures == "frequency" {
		order := q.ordered()
		for p := 2; p < len(order); p++ { // the first is a category itself, and everybody is in the last
			share("at_least", order[p-1], order[:p])
		}
	}
	if q.question.kind == "scale" {
		if c := q.meanScore(in, s); c != nil {
			cells = append(cells, c)
		}
	}
	return cells
}

// ordered returns the columns of the options by their position.
func (q *questionSums) ordered() []int {
	var order []int
	for k := range q.question.options {
		order = append(order, k+1)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(q.question.options[a-1].Position) - int(q.question.options[b-1].Position)
	})
	return order
}

// meanScore is the mean of those who chose an option with a score; nil if none has one.
func (q *questionSums) meanScore(in *segmentSums, s stats.Survey) *surveyCell {
	n := len(in.weights)
	c := &surveyCell{in: in, statistic: "mean", lonely: s.Lonely}
	numerator, denominator := make([]float64, n), make([]float64, n)
	var of stats.Respondents
	for k := 1; k < n; k++ {
		score := q.question.options[k-1].Score
		if score == nil {
			continue
		}
		c.columns = append(c.columns, k)
		numerator[k], denominator[k] = *score, 1
		of.N += in.respondents[k]
		of.Weight += in.weights[k]
		of.WeightSquares += in.squares[k]
		of.ValueSquares += in.weights[k] * *score * *score
	}
	quotient, ok := s.Quotient(numerator, denominator)
	if !ok {
		return nil
	}
	c.n, c.base = of.N, of.N
	var err error
	if c.mean, err = s.Mean(quotient, of); err != nil {
		c.why = whyLonely
	}
	c.fewDegrees = c.mean.DF < 8
	if c.base < fewestAsked {
		c.why = whyFewAsked
	}
	return c
}

func fillSurveyEstimates(ctx context.Context, r *run, m model, staging string, w Window) error {
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	err = r.eachQuestion(ctx, m, func(s *surveyOf, q *questionSums) error {
		cells, bases := q.estimates()
		for _, c := range cells {
			if err := batch.Append(c.row(s, q.question, bases[c.in])...); err != nil {
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

// row returns the columns of survey_estimates.
func (c *surveyCell) row(s *surveyOf, q *surveyQuestion, base *uint64) []any {
	option := surveyOption{Label: "mean"}
	if c.option > 0 {
		option = q.options[c.option-1]
	}
	label := option.Label
	if c.statistic == "at_least" {
		label = "at least " + label
	}
	var n, df *uint64
	var value, stdError, lower, upper, kgLower, kgUpper, effect, effective, kish *float64
	flags := []string{}
	if c.why == "" {
		n = &c.n
		value, stdError, kish = &c.mean.Value, &c.mean.StdError, &c.mean.Kish
		degrees := uint64(c.mean.DF)
		df = &degrees
		limits, ok := stats.Interval{}, false
		if c.statistic == "mean" {
			if ok = c.mean.Varies; ok {
				limits = c.mean.Limits()
			}
		} else {
			kg, has := c.mean.KornGraubard(true)
			if has {
				kgLower, kgUpper = &kg.Lower, &kg.Upper
			}
			if limits, ok = c.mean.Logit(); !ok {
				limits, ok = kg, has
			}
		}
		if ok {
			lower, upper = &limits.Lower, &limits.Upper
		}
		if c.mean.Varies {
			effect = &c.mean.DesignEffect
			worth := float64(c.mean.N) / c.mean.DesignEffect
			if c.statistic != "mean" {
				worth = c.mean.Value * (1 - c.mean.Value) / (c.mean.StdError * c.mean.StdError)
			}
			effective = &worth
		}
		if c.complement {
			flags = append(flags, "complement")
		}
		if c.fewDegrees {
			flags = append(flags, "df<8")
		}
		if c.lonely {
			flags = append(flags, "single_unit_stratum")
		}
	}
	if c.statistic == "mean" && c.why != "" {
		base = nil
	} else if c.statistic == "mean" {
		base = &c.base
	}
	return []any{
		s.Business, s.ID, s.From, s.To, c.in.dimension, c.in.name, s.markets, q.id, q.position, q.measures, c.statistic,
		option.Number, option.Position, label, option.Pain,
		n, base, value, stdError, df, lower, upper, kgLower, kgUpper, effect, effective, kish, c.why, flags, s.Synthetic,
	}
}
