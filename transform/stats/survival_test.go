package stats

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// events makes subjects of times; a negative one is censored.
func events(times ...float64) []Subject {
	subjects := make([]Subject, len(times))
	for i, t := range times {
		subjects[i] = Subject{Exit: math.Abs(t)}
		if t > 0 {
			subjects[i].Cause = 1
		}
	}
	return subjects
}

// Miller's leukaemia trial.
var (
	maintained    = events(9, 13, -13, 18, 23, -28, 31, 34, -45, 48, -161)
	nonmaintained = events(5, 5, 8, 8, 12, -16, 23, 27, 30, 33, 43, 45)
)

func column[T, V any](steps []T, value func(T) V) []V {
	values := make([]V, len(steps))
	for i, s := range steps {
		values[i] = value(s)
	}
	return values
}

func TestKaplanMeier(t *testing.T) {
	c, err := KaplanMeier(maintained)
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "time", column(c.Steps, func(s Step) float64 { return s.Time }), []float64{9, 13, 18, 23, 31, 34, 48}, 0)
	allNear(t, "share", column(c.Steps, func(s Step) float64 { return s.Share }),
		[]float64{.909091, .818182, .715909, .613636, .490909, .368182, .184091}, 2e-6)
	allNear(t, "standard error", column(c.Steps, func(s Step) float64 { return s.StdError }),
		[]float64{.0866784, .1162913, .1396650, .1526323, .1641933, .1626689, .1534927}, 1e-6)
	allNear(t, "hazard", column(c.Steps, func(s Step) float64 { return s.CumulativeHazard }),
		[]float64{.0909090909, .1909090909, .3159090909, .4587662338, .6587662338, .9087662338, 1.4087662338}, closedForm)
	allNear(t, "hazard's standard error", column(c.Steps, func(s Step) float64 { return s.CumulativeHazardStdError }),
		[]float64{.0909090909, .1351460795, .1840909091, .2330185102, .3070791854, .3959767999, .6378068878}, closedForm)
	near(t, "lower at 9", c.Steps[0].Lower, .5080802, quantileBased)
	near(t, "upper at 9", c.Steps[0].Upper, .986674, iterative)
	near(t, "lower at 23", c.Steps[3].Lower, .265752, iterative)
	near(t, "upper at 23", c.Steps[3].Upper, .835299, iterative)
	if q, want := c.Quantile(.5), (Quantile{TimeLimit{31, true}, TimeLimit{13, true}, TimeLimit{}}); q != want {
		t.Errorf("median: %+v, want %+v", q, want)
	}
	if s, ok := c.At(100); !ok || s != c.Steps[6].Survival {
		t.Errorf("between the last event and the last observation: %+v, %v", s, ok)
	}
	if s, ok := c.At(8.9); !ok || s != (Survival{Share: 1}) {
		t.Errorf("before the first event: %+v, %v", s, ok)
	}
	if s, ok := c.At(161.5); ok {
		t.Errorf("after the last observation: %+v", s)
	}
}

func TestRestrictedMeanAndLogRank(t *testing.T) {
	f := func(subjects []Subject, mean, stdError float64) {
		t.Helper()
		c, err := KaplanMeier(subjects)
		if err != nil {
			t.Fatal(err)
		}
		m, se, ok := c.RestrictedMean(36)
		if !ok {
			t.Fatal("undefined")
		}
		near(t, "mean", m, mean, 2e-6)
		near(t, "standard error", se, stdError, 2e-6)
		if _, _, ok := c.RestrictedMean(c.Last + 1); ok {
			t.Error("a mean beyond the last observation")
		}
	}
	f(maintained, 27.4250, 3.00922)
	f(nonmaintained, 21.1528, 3.52679)
	x, p, err := LogRank(maintained, nonmaintained)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "log-rank", x, 3.396388699, closedForm)
	near(t, "p", p, .06534, 1e-4)
	if _, _, err := LogRank(events(-1, -2), events(-3)); !errors.Is(err, ErrNoVariation) {
		t.Errorf("no events: %v", err)
	}
	if _, _, err := LogRank(nil, maintained); !errors.Is(err, ErrShape) {
		t.Errorf("no group: %v", err)
	}
}

func TestKaplanMeierWithoutCensoringIsTheEmpiricalShare(t *testing.T) {
	c, _ := KaplanMeier(events(4, 1, 2, 2, 8, 5, 5, 5, 9, 10))
	for _, s := range c.Steps {
		longer := 0.
		for _, x := range []float64{4, 1, 2, 2, 8, 5, 5, 5, 9, 10} {
			if x > s.Time {
				longer++
			}
		}
		near(t, "share", s.Share, longer/10, closedForm)
		near(t, "standard error", s.StdError, math.Sqrt(s.Share*(1-s.Share)/10), closedForm)
	}
	if q := c.Quantile(.5); q.Time != (TimeLimit{5, true}) {
		t.Errorf("median: %+v", q)
	}
	if mean, _, _ := c.RestrictedMean(10); math.Abs(mean-5.1) > 1e-12 {
		t.Errorf("mean: %v", mean)
	}
}

func TestKaplanMeierCensoredThroughout(t *testing.T) {
	c, err := KaplanMeier(events(-4, -5, -6))
	if err != nil {
		t.Fatal(err)
	}
	if q := c.Quantile(.5); q != (Quantile{}) {
		t.Errorf("median: %+v, want not reached", q)
	}
	if mean, se, ok := c.RestrictedMean(6); !ok || mean != 6 || se != 0 {
		t.Errorf("mean %v, %v, %v", mean, se, ok)
	}
}

// Who enters late is at risk only of what comes after; an event at time 0 counts.
func TestLateEntry(t *testing.T) {
	c, err := KaplanMeier([]Subject{{0, 0, 1}, {0, 2, 1}, {0, 5, 0}, {2, 3, 1}, {1, 4, 1}})
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "risk", column(c.Steps, func(s Step) float64 { return float64(s.Risk) }), []float64{3, 3, 3, 2}, 0)
	allNear(t, "share", column(c.Steps, func(s Step) float64 { return s.Share }), []float64{2. / 3, 4. / 9, 8. / 27, 4. / 27}, closedForm)
	for _, bad := range []Subject{{3, 3, 1}, {-1, 3, 1}, {0, math.NaN(), 1}, {0, 1, -1}} {
		if _, err := KaplanMeier([]Subject{bad}); !errors.Is(err, ErrShape) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestCumulativeIncidence(t *testing.T) {
	// With one cause it is what the survival curve leaves, and so is its variance.
	c, _ := KaplanMeier(maintained)
	alone, err := CumulativeIncidence(maintained, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range c.Steps {
		near(t, "share", alone[i].Share, 1-s.Share, closedForm)
		near(t, "standard error", alone[i].StdError, s.StdError, closedForm)
	}
	// Without censoring it is the share of subjects, with the binomial standard error.
	subjects := []Subject{{0, 1, 1}, {0, 2, 2}, {0, 3, 1}, {0, 4, 1}, {0, 5, 2}, {0, 5, 1}, {0, 6, 2}, {0, 7, 2}}
	first, _ := CumulativeIncidence(subjects, 1)
	second, _ := CumulativeIncidence(subjects, 2)
	counts := []float64{1, 1, 2, 3, 4, 4, 4}
	for i, p := range first {
		share := counts[i] / 8
		near(t, "share", p.Share, share, closedForm)
		near(t, "standard error", p.StdError, math.Sqrt(share*(1-share)/8), closedForm)
		if p.HasInterval && !(p.Lower > 0 && p.Lower < share && share < p.Upper && p.Upper < 1) {
			t.Errorf("limits: %+v", p)
		}
	}
	last := len(first) - 1
	near(t, "the causes add up", first[last].Share+second[last].Share, 1, closedForm)
	if second[0].HasInterval || second[0].Share != 0 {
		t.Errorf("before its first event: %+v", second[0])
	}
	if _, err := CumulativeIncidence(subjects, 0); !errors.Is(err, ErrShape) {
		t.Errorf("cause 0: %v", err)
	}
}

func TestDiscreteHazard(t *testing.T) {
	steps, err := DiscreteHazard([]uint64{1000, 950, 880, 790, 690, 560}, []uint64{10, 12, 14, 17, 19, 20})
	if err != nil {
		t.Fatal(err)
	}
	allNear(t, "hazard", column(steps, func(h Hazard) float64 { return h.Rate }),
		[]float64{.01, .0126315789, .0159090909, .0215189873, .0275362319, .0357142857}, 5e-9)
	last := steps[5]
	near(t, "survival", last.Share, .8826351371, closedForm)
	near(t, "standard error", last.StdError, .0117410955, 5e-9)
	near(t, "lower", last.Lower, .8574111662, closedForm)
	near(t, "upper", last.Upper, .9036495089, closedForm)

	steps, err = DiscreteHazard([]uint64{5, 3}, []uint64{0, 3})
	if err != nil || steps[0].HasInterval || steps[1].HasInterval || steps[1].Share != 0 {
		t.Errorf("none and all: %+v, %v", steps, err)
	}
	for _, risk := range []uint64{0, 1} {
		if _, err := DiscreteHazard([]uint64{risk}, []uint64{2}); !errors.Is(err, ErrShape) {
			t.Errorf("2 of %d: %v", risk, err)
		}
	}
}

// First responses to customer support tweets: the unanswered are censored at the end of the file.
func TestFirstResponseTimes(t *testing.T) {
	rows := table(t, "twcs_sample/twcs_events.csv.gz")
	type tweet struct {
		at      time.Time
		inbound bool
	}
	tweets := map[string]tweet{}
	var end time.Time
	for _, r := range rows {
		at, err := time.Parse(time.RFC3339, r["created_at_utc"])
		if err != nil {
			t.Fatal(err)
		}
		tweets[r["tweet_id"]] = tweet{at, r["inbound"] == "1"}
		if at.After(end) {
			end = at
		}
	}
	var subjects []Subject
	answered := 0
	for _, r := range rows {
		if r["inbound"] != "1" || r["in_response_to_tweet_id"] != "" {
			continue
		}
		asked := tweets[r["tweet_id"]].at
		s := Subject{Exit: end.Sub(asked).Seconds()}
		for _, id := range strings.Split(r["response_tweet_ids"], "|") {
			if answer, ok := tweets[id]; ok && !answer.inbound {
				if after := answer.at.Sub(asked).Seconds(); s.Cause == 0 || after < s.Exit {
					s = Subject{Exit: after, Cause: 1}
				}
			}
		}
		answered += s.Cause
		subjects = append(subjects, s)
	}
	if len(subjects) != 1285 || answered != 1153 {
		t.Fatalf("%d cases, %d answered", len(subjects), answered)
	}
	c, err := KaplanMeier(subjects)
	if err != nil {
		t.Fatal(err)
	}
	if q := c.Quantile(.5); q.Time != (TimeLimit{925, true}) {
		t.Errorf("median: %+v", q)
	}
	f := func(seconds, answered, stdError float64) {
		t.Helper()
		s, ok := c.At(seconds)
		if !ok {
			t.Fatal("beyond the last observation")
		}
		near(t, "answered", 1-s.Share, answered, closedForm)
		near(t, "standard error", s.StdError, stdError, quantileBased)
	}
	f(15*60, .4964980545, .0139478667)
	f(3600, .6887159533, .0129165622)
	f(24*3600, .8700389105, .0093804667)
}

// table reads a CSV file of the folder DRUMBEAT_DATA, or skips the test where it is not set.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	folder := os.Getenv("DRUMBEAT_DATA")
	if folder == "" {
		t.Skip("DRUMBEAT_DATA does not name the folder of public data sets")
	}
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader := csv.NewReader(f)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		reader = csv.NewReader(z)
	}
	records, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]map[string]string, len(records)-1)
	for i, record := range records[1:] {
		rows[i] = map[string]string{}
		for j, value := range record {
			rows[i][records[0][j]] = value
		}
	}
	return rows
}

// numbers returns a column; what is not a number fails the test.
func numbers(t *testing.T, rows []map[string]string, name string) []float64 {
	t.Helper()
	return column(rows, func(row map[string]string) float64 {
		x, err := strconv.ParseFloat(row[name], 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return x
	})
}

func TestLungSurvivalIsOrderFree(t *testing.T) {
	rows := table(t, "r_reference/lung.csv")
	times, status := numbers(t, rows, "time"), numbers(t, rows, "status")
	subjects := make([]Subject, len(rows))
	for i := range rows {
		subjects[i] = Subject{Exit: times[i], Cause: int(status[i]) - 1}
	}
	c, err := KaplanMeier(subjects)
	if err != nil {
		t.Fatal(err)
	}
	// R's survfit documents a median of 310 days.
	if q := c.Quantile(.5); q.Time != (TimeLimit{310, true}) {
		t.Errorf("median: %+v", q)
	}
	slices.Reverse(subjects)
	back, _ := KaplanMeier(subjects)
	if !slices.Equal(c.Steps, back.Steps) {
		t.Error("the order of the subjects changes the curve")
	}
}

// The variance with censoring, competing causes and late entries has no simple twin, so contacts are drawn again.
func TestCumulativeIncidenceVariance(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	subjects := make([]Subject, 250)
	for i := range subjects {
		first, second, end := r.ExpFloat64()*20, r.ExpFloat64()*12, r.ExpFloat64()*25
		s := Subject{Exit: end}
		if first < s.Exit {
			s = Subject{Exit: first, Cause: 1}
		}
		if second < s.Exit {
			s = Subject{Exit: second, Cause: 2}
		}
		if i%3 == 0 {
			s.Entry = s.Exit / 4
		}
		s.Exit = math.Ceil(s.Exit) // ties
		subjects[i] = s
	}
	at := func(subjects []Subject) (p Incidence) {
		points, err := CumulativeIncidence(subjects, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range points {
			if q.Time <= 10 {
				p = q
			}
		}
		return p
	}
	p := at(subjects)
	resampled, _, err := Bootstrap(len(subjects), 2000, 1, func(times []int) ([]float64, bool) {
		var drawn []Subject
		for i, n := range times {
			drawn = append(drawn, slices.Repeat(subjects[i:i+1], n)...)
		}
		return []float64{at(drawn).Share}, true
	})
	if err != nil {
		t.Fatal(err)
	}
	if ratio := p.StdError / resampled[0].StdError; math.Abs(ratio-1) > .06 {
		t.Errorf("standard error %v, drawn again %v", p.StdError, resampled[0].StdError)
	}
	if math.Abs(p.Lower/resampled[0].Lower-1) > .1 || math.Abs(p.Upper/resampled[0].Upper-1) > .1 {
		t.Errorf("limits %+v, drawn again %+v", p.Interval, resampled[0].Interval)
	}
}
