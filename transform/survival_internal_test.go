package transform

import (
	"math/rand/v2"
	"testing"

	"drumbeat/transform/stats"
)

// The remission times of Miller 1997 (leukaemia, in weeks) as days: a subject of time n is at risk on n days, of which the last has the event.
var (
	maintained    = []stats.Subject{{Exit: 9, Cause: 1}, {Exit: 13, Cause: 1}, {Exit: 13}, {Exit: 18, Cause: 1}, {Exit: 23, Cause: 1}, {Exit: 28}, {Exit: 31, Cause: 1}, {Exit: 34, Cause: 1}, {Exit: 45}, {Exit: 48, Cause: 1}, {Exit: 161}}
	nonmaintained = []stats.Subject{{Exit: 5, Cause: 1}, {Exit: 5, Cause: 1}, {Exit: 8, Cause: 1}, {Exit: 8, Cause: 1}, {Exit: 12, Cause: 1}, {Exit: 16}, {Exit: 23, Cause: 1}, {Exit: 27, Cause: 1}, {Exit: 30, Cause: 1}, {Exit: 33, Cause: 1}, {Exit: 43, Cause: 1}, {Exit: 45, Cause: 1}}
)

// sidesOf is what the model would return for subjects, who are on risk from day Entry to day Exit-1.
func sidesOf(subjects []stats.Subject) (sides []timeSide) {
	for day := range uint16(400) {
		s := timeSide{Day: day}
		for _, subject := range subjects {
			if uint16(subject.Entry) == day {
				s.Entered++
			}
			if uint16(subject.Exit)-1 == day {
				s.Ended++
				switch subject.Cause {
				case 1:
					s.OptOuts++
				case 2:
					s.Blocks++
				case 3:
					s.Unreachable++
				}
			}
		}
		if s.Entered+s.Ended > 0 {
			sides = append(sides, s)
		}
	}
	return sides
}

func stayOf(subjects []stats.Subject) (days []stayDay) {
	for _, d := range life(sidesOf(subjects)) {
		days = append(days, stayDay{Day: d.Day, AtRisk: d.AtRisk, Entered: d.Entered, Outcomes: d.ended(), Left: d.Ended[0] + d.Ended[1]})
	}
	return days
}

func TestCurveOfKnownTimes(t *testing.T) {
	points := incidence(life(sidesOf(maintained)), lifeDay.ended)
	survival := map[int][2]float64{9: {.909091, .0866784}, 13: {.818182, .1162913}, 18: {.715909, .1396650}, 23: {.613636, .1526323},
		31: {.490909, .1641933}, 34: {.368182, .1626689}, 48: {.184091, .1534927}}
	for time, want := range survival {
		CloseTo(t, "survival", 1-points[time-1].incidence, want[0], 5e-7)
		CloseTo(t, "standard error", points[time-1].stdError, want[1], 5e-8)
	}
	CloseTo(t, "upper limit at 9", 1-points[8].interval.Lower, .986674, 5e-7)
	CloseTo(t, "lower limit at 9", 1-points[8].interval.Upper, .5080802, 5e-8)
	CloseTo(t, "upper limit at 23", 1-points[22].interval.Lower, .8352990, 5e-7)
	CloseTo(t, "lower limit at 23", 1-points[22].interval.Upper, .2657520, 5e-8)
	CloseTo(t, "cumulative hazard", points[47].cumulative, 1.4087662338, 5e-11)
	CloseTo(t, "its standard error", points[47].cumulativeSE, .6378068878, 5e-11)

	for _, f := range []struct {
		subjects       []stats.Subject
		mean, stdError float64
	}{{maintained, 27.4250, 3.00922}, {nonmaintained, 21.1528, 3.52679}} {
		mean, stdError, err := meanStayed(stayOf(f.subjects), 36)
		if err != nil {
			t.Fatal(err)
		}
		CloseTo(t, "mean of 36", mean, f.mean, 5e-5)
		CloseTo(t, "its standard error", stdError, f.stdError, 5e-6)
	}
	if _, _, err := meanStayed(stayOf(nonmaintained), 46); err == nil {
		t.Error("a mean beyond the last day")
	}
	x, ok := logRank(stayOf(maintained), stayOf(nonmaintained))
	if !ok {
		t.Fatal("no log-rank test")
	}
	CloseTo(t, "log-rank", x, 3.396388699, 5e-10)
	if _, ok := logRank(stayOf(maintained), nil); ok {
		t.Error("a test with one group")
	}
}

// From counts by day must follow what follows from the subjects themselves, with late entries and several causes.
func TestCurvesOfSumsAreThoseOfSubjects(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var subjects []stats.Subject
	for range 3000 {
		entry := max(0, r.IntN(40)-20)
		subjects = append(subjects, stats.Subject{Entry: float64(entry), Exit: float64(entry + 1 + r.IntN(60)), Cause: max(0, r.IntN(7)-3)})
	}
	days := life(sidesOf(subjects))
	for cause := 1; cause <= 3; cause++ {
		want, err := stats.CumulativeIncidence(subjects, cause)
		if err != nil {
			t.Fatal(err)
		}
		points := incidence(days, func(d lifeDay) uint64 { return d.Ended[cause-1] })
		for _, w := range want {
			p := points[int(w.Time)-1]
			CloseTo(t, "incidence", p.incidence, w.Share, 1e-12)
			CloseTo(t, "standard error", p.stdError, w.StdError, 1e-9)
		}
	}
	curve, err := stats.KaplanMeier(subjects)
	if err != nil {
		t.Fatal(err)
	}
	points := incidence(days, lifeDay.ended)
	for _, s := range curve.Steps {
		p := points[int(s.Time)-1]
		CloseTo(t, "survival", 1-p.incidence, s.Share, 1e-12)
		CloseTo(t, "standard error", p.stdError, s.StdError, 1e-9)
		CloseTo(t, "cumulative hazard", p.cumulative, s.CumulativeHazard, 1e-12)
		if s.HasInterval {
			CloseTo(t, "lower", 1-p.interval.Upper, s.Lower, 1e-9)
			CloseTo(t, "upper", 1-p.interval.Lower, s.Upper, 1e-9)
		}
	}
}

func TestThinDaysBoundTheCurve(t *testing.T) {
	day := func(d uint16, atRisk uint64) lifeDay { return lifeDay{Day: d, AtRisk: atRisk} }
	f := func(days []lifeDay, from, n int) {
		t.Helper()
		got := wellFilled(days)
		if len(got) != n || n > 0 && int(got[0].Day) != from {
			t.Errorf("%v: the curve is %v", days, got)
		}
	}
	f(nil, 0, 0)
	f([]lifeDay{day(0, 29), day(1, 3)}, 0, 0)
	f([]lifeDay{day(0, 29), day(1, 30), day(2, 31), day(3, 29), day(4, 40)}, 1, 2)
	f([]lifeDay{day(0, 30), day(2, 30)}, 0, 1)
}
