package transform

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"drumbeat/transform/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// messageRisk is the risk set of the n-th message, as opt_out_by_message returns it.
type messageRisk struct {
	Business      string    `ch:"business_id"`
	Cutoff        time.Time `ch:"cutoff"`
	Dimension     string    `ch:"dimension"`
	Segment       string    `ch:"segment"`
	Number        uint16    `ch:"number"`
	AtRisk        uint64    `ch:"at_risk"`
	Contacts      uint64    `ch:"contacts"`
	OptOuts       uint64    `ch:"opt_outs"`
	LeftOtherwise uint64    `ch:"left_otherwise"`
	Censored      uint64    `ch:"censored"`
	UnknownStart  uint64    `ch:"unknown_start"`
}

// fillOptOutByMessage adds hazard and survival to the risk sets of each segment.
func fillOptOutByMessage(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []messageRisk
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row messageRisk) bool { return row.Number > 1 && row.Contacts < fewestContacts })
	var staged [][]any
	for segment := range runsOf(rows, func(a, b messageRisk) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		var risk, events []uint64
		for _, row := range segment {
			if row.AtRisk > 0 { // all may be left out
				risk, events = append(risk, row.AtRisk), append(events, row.OptOuts)
			}
		}
		steps, err := stats.DiscreteHazard(risk, events)
		if err != nil {
			return fmt.Errorf("%s %q: %w", segment[0].Dimension, segment[0].Segment, err)
		}
		var optOuts uint64
		for i, row := range segment {
			optOuts += row.OptOuts
			var hazard, hazardLower, hazardUpper, survival, stdError, lower, upper *float64
			suppressed, survivalSuppressed := row.Contacts < fewestContacts || row.OptOuts < fewestOutcomes, row.Contacts < fewestContacts || optOuts < fewestOutcomes
			if !suppressed {
				hazard, hazardLower, hazardUpper = &steps[i].Rate, &steps[i].Wilson.Lower, &steps[i].Wilson.Upper
			}
			if !survivalSuppressed {
				survival = &steps[i].Share
				if steps[i].HasInterval {
					stdError, lower, upper = &steps[i].StdError, &steps[i].Survival.Lower, &steps[i].Survival.Upper
				}
			}
			staged = append(staged, []any{row.Business, w.From, w.To, row.Cutoff, row.Dimension, row.Segment, "crude", row.Number,
				row.AtRisk, row.Contacts, row.OptOuts, row.LeftOtherwise, row.Censored, row.UnknownStart,
				flag(suppressed), hazard, hazardLower, hazardUpper, flag(survivalSuppressed), survival, stdError, lower, upper})
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, identification, number,
at_risk, contacts, opt_outs, left_otherwise, censored, unknown_start,
suppressed, hazard, hazard_lower, hazard_upper, survival_suppressed, survival, survival_std_error, survival_lower, survival_upper`, staged)
}

// The causes that end a spell, in the order of lifeDay.Ended.
var causes = [...]string{"opt_out", "block", "unreachable"}

// lifeDay is what happens to the spells of a segment on the day-th day after they began. They are at risk from
// the day they enter to the day they end, both included.
type lifeDay struct {
	Day      uint16
	AtRisk   uint64
	Entered  uint64
	Censored uint64              // at the end of the day
	Ended    [len(causes)]uint64 // by cause, on the day
}

func (d lifeDay) ended() (n uint64) {
	for _, e := range d.Ended {
		n += e
	}
	return n
}

// timeSide is what enters and leaves on a day, as opt_out_by_time returns it.
type timeSide struct {
	Business     string    `ch:"business_id"`
	Cutoff       time.Time `ch:"cutoff"`
	Dimension    string    `ch:"dimension"`
	Segment      string    `ch:"segment"`
	Day          uint16    `ch:"spell_day"`
	Entered      uint64    `ch:"entered"`
	Ended        uint64    `ch:"ended"`
	OptOuts      uint64    `ch:"opt_outs"`
	Blocks       uint64    `ch:"blocks"`
	Unreachable  uint64    `ch:"unreachable"`
	UnknownStart uint64    `ch:"unknown_start"`
}

// life puts entries and ends together, day by day, from the first to the last with anybody at risk.
func life(sides []timeSide) (days []lifeDay) {
	var atRisk uint64
	for _, s := range sides {
		for n := len(days); n > 0 && atRisk > 0 && days[n-1].Day+1 < s.Day; n++ {
			days = append(days, lifeDay{Day: days[n-1].Day + 1, AtRisk: atRisk})
		}
		atRisk += s.Entered
		if atRisk == 0 {
			continue // all of this day are of unknown age
		}
		d := lifeDay{Day: s.Day, AtRisk: atRisk, Entered: s.Entered, Ended: [...]uint64{s.OptOuts, s.Blocks, s.Unreachable}}
		d.Censored = s.Ended - d.ended()
		days = append(days, d)
		atRisk -= s.Ended
	}
	return days
}

// wellFilled cuts the days to those from the first on with enough at risk, up to where they are too few: a curve through
// thinner days would rest on single persons. If no day has enough, nothing is left.
func wellFilled(days []lifeDay) []lifeDay {
	few := func(d lifeDay) bool { return d.AtRisk < fewestContacts }
	from := slices.IndexFunc(days, func(d lifeDay) bool { return !few(d) })
	if from < 0 {
		return nil
	}
	days = days[from:]
	for i, d := range days {
		if few(d) || d.Day != days[0].Day+uint16(i) {
			return days[:i]
		}
	}
	return days
}

// point is the cumulative incidence and the cumulative hazard of a cause at the end of a day.
type point struct {
	hazard                   float64
	cumulative, cumulativeSE float64
	incidence, stdError      float64
	interval                 stats.Interval
	hasInterval              bool
}

// incidence estimates, day by day, the share whom the causes of `of` have ended in the presence of all others.
// Of all causes it is 1 less the survival of Kaplan and Meier, with Greenwood's standard error; the limits are on the scale of
// log(-log). No day may have nobody at risk. Sources: Aalen 1978; Aalen and Johansen 1978; variance by the delta method,
// Marubini and Valsecchi 1995.
func incidence(days []lifeDay, of func(d lifeDay) uint64) []point {
	points := make([]point, len(days))
	survival, share, cumulative, variance := 1.0, 0.0, 0.0, 0.0
	var terms []struct{ share, g, h, k float64 } // of each day with an end
	for i, day := range days {
		r, d, dk := float64(day.AtRisk), float64(day.ended()), float64(of(day))
		cumulative += dk / r
		variance += dk / (r * r)
		share += survival * dk / r
		if d > 0 {
			g := 0.0
			if r > d {
				g = d / (r * (r - d))
			}
			terms = append(terms, struct{ share, g, h, k float64 }{share, g,
				survival * survival * (r - dk) * dk / (r * r * r), survival * dk / (r * r)})
		}
		survival *= (r - d) / r
		total := 0.0
		for _, t := range terms {
			left := share - t.share
			total += left*left*t.g + t.h - 2*left*t.k
		}
		p := point{hazard: dk / r, cumulative: cumulative, cumulativeSE: math.Sqrt(variance), incidence: share, stdError: math.Sqrt(max(0, total))}
		// 1 less the share, as log(-log) is of a survival.
		if p.incidence > 0 && p.incidence < 1 && p.stdError > 0 {
			stay := 1 - p.incidence
			half := stats.Z * p.stdError / (stay * math.Abs(math.Log(stay)))
			p.interval = stats.Interval{Lower: 1 - math.Pow(stay, math.Exp(-half)), Upper: 1 - math.Pow(stay, math.Exp(half))}
			p.hasInterval = true
		}
		points[i] = p
	}
	return points
}

// fillOptOutByTime turns entries and exits into the curves of all causes and of each.
func fillOptOutByTime(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []timeSide
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	var staged [][]any
	for sides := range runsOf(rows, func(a, b timeSide) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		s := sides[0]
		stage := func(cause string, from uint16, d lifeDay, of uint64, total uint64, p *point) {
			var hazard, cumulative, cumulativeSE, share, stdError, lower, upper *float64
			suppressed := p == nil || d.AtRisk < fewestContacts || total < fewestOutcomes
			if !suppressed {
				hazard, cumulative, cumulativeSE, share = &p.hazard, &p.cumulative, &p.cumulativeSE, &p.incidence
				if p.hasInterval {
					stdError, lower, upper = &p.stdError, &p.interval.Lower, &p.interval.Upper
				}
			}
			staged = append(staged, []any{s.Business, w.From, w.To, s.Cutoff, s.Dimension, s.Segment, "crude", cause, from, d.Day,
				d.AtRisk, d.Entered, d.Censored, of, s.UnknownStart,
				flag(suppressed), hazard, cumulative, cumulativeSE, share, stdError, lower, upper})
		}
		whole := life(sides)
		days := wellFilled(whole)
		if len(days) == 0 { // the row says so
			d := lifeDay{Day: s.Day}
			if len(whole) > 0 {
				d = whole[0]
			}
			stage("any", d.Day, d, d.ended(), 0, nil)
			continue
		}
		for i := -1; i < len(causes); i++ {
			cause, of := "any", lifeDay.ended
			if i >= 0 {
				cause, of = causes[i], func(d lifeDay) uint64 { return d.Ended[i] }
			}
			if i > 0 && !slices.ContainsFunc(days, func(d lifeDay) bool { return of(d) > 0 }) {
				continue // the sources tell of no such end
			}
			var total uint64
			points := incidence(days, of)
			for j, d := range days {
				total += of(d)
				stage(cause, days[0].Day, d, of(d), total, &points[j])
			}
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, identification, cause, from_day, spell_day,
at_risk, entered, censored, outcomes, unknown_start,
suppressed, hazard, cumulative_hazard, cumulative_hazard_std_error, incidence, incidence_std_error, incidence_lower, incidence_upper`, staged)
}

// horizons are the days over which the mean time stayed is given, from the first day of the curve.
var horizons = [...]uint16{30, 90}

// stayDay is a day of a curve, as days_stayed returns it.
type stayDay struct {
	Business  string    `ch:"business_id"`
	Cutoff    time.Time `ch:"cutoff"`
	Dimension string    `ch:"dimension"`
	Segment   string    `ch:"segment"`
	From      uint16    `ch:"from_day"`
	Day       uint16    `ch:"spell_day"`
	AtRisk    uint64    `ch:"at_risk"`
	Entered   uint64    `ch:"entered"`
	Outcomes  uint64    `ch:"outcomes"`
	Left      uint64    `ch:"left"`
}

// fillDaysStayed integrates the curves, and compares those of the two groups of initial dose.
func fillDaysStayed(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []stayDay
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	groups := map[string]map[string][]stayDay{} // by business and initial dose
	for _, d := range rows {
		if d.Dimension == "initial_dose" && d.AtRisk >= fewestContacts {
			if groups[d.Business] == nil {
				groups[d.Business] = map[string][]stayDay{}
			}
			groups[d.Business][d.Segment] = append(groups[d.Business][d.Segment], d)
		}
	}
	var staged [][]any
	for segment := range runsOf(rows, func(a, b stayDay) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		s := segment[0]
		var chiSquared, p *float64
		if s.Dimension == "initial_dose" {
			if x, ok := logRank(groups[s.Business]["up to 3"], groups[s.Business]["4 and more"]); ok {
				tail := distuv.ChiSquared{K: 1}.Survival(x)
				chiSquared, p = &x, &tail
			}
		}
		for _, horizon := range horizons {
			var mean, stdError, lower, upper *float64
			spells, outcomes, reached := uint64(0), uint64(0), false
			for i, d := range segment {
				if d.Day >= s.From+horizon {
					break
				}
				spells += d.Entered
				if i == 0 {
					spells = d.AtRisk
				}
				outcomes += d.Outcomes
				reached = d.Day == s.From+horizon-1
			}
			suppressed := true
			if reached && s.AtRisk >= fewestContacts && outcomes >= fewestOutcomes {
				value, se, err := meanStayed(segment, float64(horizon))
				if err != nil {
					return fmt.Errorf("%s %q: %w", s.Dimension, s.Segment, err)
				}
				suppressed, mean = false, &value
				// On the logit scale of the share of the horizon, so that no limit leaves it.
				share := value / float64(horizon)
				if se > 0 && share > 0 && share < 1 {
					centre, half := math.Log(share/(1-share)), stats.Z*se/(float64(horizon)*share*(1-share))
					low, high := float64(horizon)/(1+math.Exp(half-centre)), float64(horizon)/(1+math.Exp(-half-centre))
					stdError, lower, upper = &se, &low, &high
				}
			}
			staged = append(staged, []any{s.Business, w.From, w.To, s.Cutoff, s.Dimension, s.Segment, "crude", s.From, horizon,
				spells, outcomes, flag(suppressed), mean, stdError, lower, upper, chiSquared, p})
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, identification, from_day, horizon_days,
spells, outcomes, suppressed, mean_days, mean_std_error, mean_lower, mean_upper, log_rank, p_value`, staged)
}

// meanStayed returns the mean of the days stayed of the horizon and its standard error. Who leaves, leaves at the end of
// a day. The days must follow each other, and reach the horizon.
func meanStayed(days []stayDay, horizon float64) (mean, stdError float64, err error) {
	var risk, events []uint64
	for _, d := range days {
		risk, events = append(risk, d.AtRisk), append(events, d.Outcomes)
	}
	steps, err := stats.DiscreteHazard(risk, events)
	if err != nil {
		return 0, 0, err
	}
	curve := stats.Curve{Last: float64(len(days))}
	for i, step := range steps {
		if events[i] > 0 {
			curve.Steps = append(curve.Steps, stats.Step{Time: float64(i + 1), Risk: risk[i], Events: events[i], Survival: step.Survival})
		}
	}
	mean, stdError, ok := curve.RestrictedMean(horizon)
	if !ok {
		return 0, 0, stats.ErrShape
	}
	return mean, stdError, nil
}

// logRank compares the hazard of leaving in two groups, both in the order of days, on the days that both have; any other end
// is a censoring. False if nobody leaves on such a day. Sources: Mantel 1966; Peto and Peto 1972.
func logRank(a, b []stayDay) (chiSquared float64, ok bool) {
	excess, variance := 0.0, 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].Day < b[j].Day:
			i++
		case a[i].Day > b[j].Day:
			j++
		default:
			r1, r, d := float64(a[i].AtRisk), float64(a[i].AtRisk+b[j].AtRisk), float64(a[i].Left+b[j].Left)
			excess += float64(a[i].Left) - d*r1/r
			if r > 1 {
				variance += d * (r1 / r) * (1 - r1/r) * (r - d) / (r - 1)
			}
			i, j = i+1, j+1
		}
	}
	if variance <= 0 {
		return 0, false
	}
	return excess * excess / variance, true
}
