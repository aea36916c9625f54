package stats

import (
	"errors"
	"math"
	"testing"
)

// The hazards of six messages, by message number.
func sixMessages() []Trials {
	risk := []float64{1000, 950, 880, 790, 690, 560}
	events := []float64{10, 12, 14, 17, 19, 20}
	rows := make([]Trials, 6)
	for i := range rows {
		rows[i] = Trials{X: []float64{1, float64(i + 1)}, Outcomes: events[i], Others: risk[i] - events[i], Contact: i}
	}
	return rows
}

func TestBinomialRegression(t *testing.T) {
	logit, err := BinomialRegression(sixMessages(), Logit, false)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "intercept", logit.Coefficients[0].Value, -4.8831715945, iterative)
	near(t, "its standard error", logit.Coefficients[0].StdError, .2707949978, iterative)
	near(t, "slope", logit.Coefficients[1].Value, .2638013121, iterative)
	near(t, "its standard error", logit.Coefficients[1].StdError, .0641580203, iterative)
	cloglog, err := BinomialRegression(sixMessages(), CLogLog, false)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "cloglog slope", cloglog.Coefficients[1].Value, .261099822, iterative)
	near(t, "its standard error", cloglog.Coefficients[1].StdError, .0634455178, iterative)

	// A column far from 0, for instance weeks counted in years, is the same fit in other units.
	years := sixMessages()
	for i := range years {
		years[i].X[1] = 2026 + years[i].X[1]/52
	}
	far, err := BinomialRegression(years, Logit, false)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope by year", far.Coefficients[1].Value/52, .2638013121, iterative)
	near(t, "its standard error", far.Coefficients[1].StdError/52, .0641580203, iterative)
}

// With an intercept alone the regression is the rate of clustered units.
func TestBinomialRegressionOfClusters(t *testing.T) {
	var rows []Trials
	for i, c := range eight {
		rows = append(rows, Trials{X: []float64{1}, Outcomes: float64(c.Outcomes), Contact: i})
		rows = append(rows, Trials{X: []float64{1}, Others: float64(c.Units - c.Outcomes), Contact: i})
	}
	r, err := BinomialRegression(rows, Logit, true)
	if err != nil {
		t.Fatal(err)
	}
	cr0, _ := Sums(eight).cr0()
	e := Sums(eight).estimate(8./7*cr0, 7)
	near(t, "rate", logistic(r.Coefficients[0].Value), e.Rate, iterative)
	near(t, "standard error", r.Coefficients[0].StdError*e.Rate*(1-e.Rate), e.StdError, iterative)
	near(t, "lower", logistic(r.Coefficients[0].Lower), e.Lower, iterative)
	near(t, "upper", logistic(r.Coefficients[0].Upper), e.Upper, iterative)
	if r.Contacts != 8 {
		t.Errorf("%d contacts", r.Contacts)
	}
}

func TestBinomialRegressionRefuses(t *testing.T) {
	one := func(outcome float64, x ...float64) Trials {
		return Trials{X: append([]float64{1}, x...), Outcomes: outcome, Others: 1 - outcome}
	}
	f := func(what string, rows []Trials, want error) {
		t.Helper()
		for _, link := range []Link{Logit, CLogLog} {
			if r, err := BinomialRegression(rows, link, false); !errors.Is(err, want) {
				t.Errorf("%s, link %d: %+v, %v, want %v", what, link, r, err, want)
			}
		}
	}
	f("nothing", nil, ErrShape)
	f("no trials", []Trials{{X: []float64{1}}}, ErrShape)
	f("rows of different length", []Trials{one(1), one(0, 2)}, ErrShape)
	f("a hole", []Trials{one(1, math.NaN()), one(0, 2)}, ErrShape)
	f("a column twice", []Trials{one(1, 2, 4), one(0, 1, 2), one(0, 2, 4), one(1, 1, 2)}, ErrCollinear)
	f("separated", []Trials{one(0, 1), one(0, 2), one(1, 3), one(1, 4)}, ErrSeparation)
	f("separated but for a tie", []Trials{one(0, 1), one(0, 2), one(1, 2), one(1, 3)}, ErrSeparation)
	f("no outcome", []Trials{one(0), one(0), one(0)}, ErrSeparation)
	f("a group without outcome", []Trials{one(0, 0), one(1, 0), one(1, 0), one(0, 1), one(0, 1)}, ErrSeparation)
	if _, err := BinomialRegression([]Trials{one(0), one(1)}, Logit, true); !errors.Is(err, ErrShape) {
		t.Errorf("one contact: %v", err)
	}
}

// A steep but finite slope with predictions far beyond rounding is no separation.
func TestBinomialRegressionWithExtremeRows(t *testing.T) {
	rows := []Trials{
		{X: []float64{1, -1}, Outcomes: 10, Others: 90}, {X: []float64{1, 0}, Outcomes: 50, Others: 50},
		{X: []float64{1, 1}, Outcomes: 90, Others: 10}, {X: []float64{1, 300}, Outcomes: 5}, {X: []float64{1, -300}, Others: 5},
	}
	r, err := BinomialRegression(rows, Logit, false)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", r.Coefficients[1].Value, math.Log(9), iterative)
}
