package stats

import (
	"fmt"
	"math"
)

// Dose is what is known of one number of sends in a window.
type Dose struct {
	Sends      float64
	Contacts   uint64
	Outcomes   uint64  // engagements and opt-outs seen
	Engagement float64 // engagements per contact and window
	OptOut     float64 // opt-outs per contact and window, in [0,1]
	OptOutMost float64 // upper limit of OptOut, for the budget
}

// DoseCurve holds the doses in ascending order and the covariance of their estimates: of all engagements, and
// behind them of all opt-outs, so twice as many rows and columns as doses.
type DoseCurve struct {
	Doses      []Dose
	Covariance [][]float64
}

// Values are what the business says outcomes are worth, in one currency. They have no defaults.
type Values struct {
	Engagement float64 // gain of one engagement
	OptOut     float64 // loss by one opt-out
	Message    float64 // cost of one message
	Budget     float64 // greatest opt-out rate the business accepts; 1 accepts any
}

// A dose is a candidate from so many contacts and outcomes on.
const (
	CandidateContacts = 200
	CandidateOutcomes = 20
)

// Advice says whether a dose is recommended, and if none is, why.
type Advice int

const (
	// Recommended: the dose is the smallest of those that may be the best, and surely keeps the budget.
	Recommended Advice = iota + 1
	// TooLittleData: fewer than two doses have enough contacts and outcomes to compare.
	TooLittleData
	// CannotTellApart: every candidate may be the best.
	CannotTellApart
	// OverBudget: the smallest dose that may be the best seems to cost more opt-outs than agreed.
	OverBudget
	// BudgetUnsure: it seems to keep the budget, but too little is known of it to be sure.
	BudgetUnsure
)

// DoseUtility is what a dose is worth.
type DoseUtility struct {
	Utility, StdError float64
	Candidate         bool    // enough contacts and outcomes
	Behind            float64 // standard errors by which it lies behind the best; valid if Candidate
	Plausible         bool    // it may be the best
	WithinBudget      bool
}

// Recommendation is the comparison of all doses with the best.
type Recommendation struct {
	Advice   Advice
	Doses    []DoseUtility // as the curve's
	Best     int           // index of the candidate of greatest utility; valid unless TooLittleData
	Smallest int           // index of the smallest that may be the best, which is recommended or none; valid unless TooLittleData
	Critical float64       // plausible doses lie less than so many standard errors behind the best
}

// Optimum finds the doses that may have the greatest utility
//
//	Engagement * engagements - OptOut * opt-outs - Message * sends
//
// and recommends the smallest of them, if its opt-outs surely keep the budget. A greater dose is never recommended in its
// place: small doses often have few contacts, so what is not known of them would speak for more messages. A dose may be
// the best unless it lies behind the best of the sample by at least the Bonferroni quantile z of 1 - .05/(K-1) among K candidates.
// ErrShape if doses do not ascend, the covariance has the wrong size or is not symmetric, or a value is
// negative or not finite. Source: Hsu 1981, multiple comparison with the best.
func Optimum(curve DoseCurve, values Values) (Recommendation, error) {
	if err := curve.check(values); err != nil {
		return Recommendation{}, err
	}
	r := Recommendation{Doses: make([]DoseUtility, len(curve.Doses))}
	candidates := 0
	for i, d := range curve.Doses {
		u := DoseUtility{
			Utility:      values.Engagement*d.Engagement - values.OptOut*d.OptOut - values.Message*d.Sends,
			StdError:     math.Sqrt(max(0, curve.covariance(values, i, i))),
			Candidate:    d.Contacts >= CandidateContacts && d.Outcomes >= CandidateOutcomes,
			WithinBudget: d.OptOutMost <= values.Budget,
		}
		if u.Candidate {
			if candidates == 0 || u.Utility > r.Doses[r.Best].Utility {
				r.Best = i
			}
			candidates++
		}
		r.Doses[i] = u
	}
	if candidates < 2 {
		r.Advice = TooLittleData
		return r, nil
	}
	r.Critical = normalQuantile(1 - .05/float64(candidates-1))
	plausible := 0
	for i := range r.Doses {
		u := &r.Doses[i]
		if !u.Candidate {
			continue
		}
		u.Behind, u.Plausible = curve.behind(values, r, i)
		if !u.Plausible {
			continue
		}
		if plausible == 0 {
			r.Smallest = i
		}
		plausible++
	}
	switch {
	case plausible == candidates:
		r.Advice = CannotTellApart
	case r.Doses[r.Smallest].WithinBudget:
		r.Advice = Recommended
	case curve.Doses[r.Smallest].OptOut <= values.Budget:
		r.Advice = BudgetUnsure
	default:
		r.Advice = OverBudget
	}
	return r, nil
}

// behind compares dose i with the best of r. Where both have no error at all, only an equal utility may be the best,
// and the distance, which then has no measure, is 0.
func (c DoseCurve) behind(values Values, r Recommendation, i int) (float64, bool) {
	gap := r.Doses[r.Best].Utility - r.Doses[i].Utility
	variance := c.covariance(values, i, i) + c.covariance(values, r.Best, r.Best) - 2*c.covariance(values, i, r.Best)
	if gap == 0 || variance <= 0 {
		return 0, gap == 0
	}
	distance := gap / math.Sqrt(variance)
	return distance, distance < r.Critical
}

// covariance returns the covariance of the utilities of doses i and j.
func (c DoseCurve) covariance(values Values, i, j int) float64 {
	k := len(c.Doses)
	v, w := values.Engagement, values.OptOut
	return v*v*c.Covariance[i][j] + w*w*c.Covariance[k+i][k+j] - v*w*(c.Covariance[i][k+j]+c.Covariance[k+i][j])
}

func (c DoseCurve) check(values Values) error {
	for _, v := range []float64{values.Engagement, values.OptOut, values.Message, values.Budget} {
		if !finite(v) || v < 0 {
			return fmt.Errorf("values of outcomes must be finite and not negative: %w", ErrShape)
		}
	}
	if len(c.Covariance) != 2*len(c.Doses) {
		return fmt.Errorf("covariance of %d rows for %d doses: %w", len(c.Covariance), len(c.Doses), ErrShape)
	}
	for i, row := range c.Covariance {
		if len(row) != len(c.Covariance) || !finite(row...) || row[i] < 0 {
			return fmt.Errorf("covariance row %d: %w", i, ErrShape)
		}
		for j := range i {
			if row[j] != c.Covariance[j][i] {
				return fmt.Errorf("covariance row %d is not column %d: %w", i, i, ErrShape)
			}
		}
	}
	for i, d := range c.Doses {
		if !finite(d.Sends, d.Engagement, d.OptOut, d.OptOutMost) || (i > 0 && d.Sends <= c.Doses[i-1].Sends) {
			return fmt.Errorf("dose %d: %w", i, ErrShape)
		}
	}
	return nil
}

// Sensitivity repeats the recommendation with half and with twice the loss by an opt-out, and with half and twice the gain of an
// engagement. Where sends cost nothing, half the gain is the same as twice the loss.
type Sensitivity struct{ Given, Half, Double, HalfValue, DoubleValue Recommendation }

// OptimumSensitivity returns the recommendation with its sensitivity; errors as Optimum.
func OptimumSensitivity(curve DoseCurve, values Values) (s Sensitivity, err error) {
	for _, c := range []struct {
		optOut, engagement float64
		into               *Recommendation
	}{{1, 1, &s.Given}, {.5, 1, &s.Half}, {2, 1, &s.Double}, {1, .5, &s.HalfValue}, {1, 2, &s.DoubleValue}} {
		scaled := values
		scaled.OptOut *= c.optOut
		scaled.Engagement *= c.engagement
		if *c.into, err = Optimum(curve, scaled); err != nil {
			return Sensitivity{}, err
		}
	}
	return s, nil
}
