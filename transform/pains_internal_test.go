package transform

import (
	"math"
	"strings"
	"testing"
)

// Two pains of the same 100 contacts: 40 and 30 are hit, 20 by both. The standard error of the difference is McNemar's.
func TestReachAndRanks(t *testing.T) {
	units := make([]uint64, len(pains))
	set := func(could, did uint16, contacts uint64) painSet {
		return painSet{Could: could, Did: did, Contacts: contacts, Units: units, UnitHits: units}
	}
	both := []painSet{set(3, 0, 50), set(3, 1, 20), set(3, 2, 10), set(3, 3, 20)}
	points, err := reaches(both)
	if err != nil {
		t.Fatal(err)
	}
	CloseTo(t, "reach", *points[0].reach, .4, 1e-9)
	CloseTo(t, "standard error", *points[0].stdError, math.Sqrt(.24/99), 1e-9)
	if points[0].ranked != 2 || *points[0].best != 1 || *points[0].worst != 2 || *points[1].best != 1 || *points[1].worst != 2 {
		t.Errorf("20 against 10 of 100 are told apart: %+v", points[:2])
	}
	// Ten times as many are: z is 3.65 x the quantile of 1 - .05/2.
	for i := range both {
		both[i].Contacts *= 10
	}
	if points, _ = reaches(both); *points[0].worst != 1 || *points[1].best != 2 {
		t.Errorf("200 against 100 of 1000 are not told apart: %+v", points[:2])
	}
	// Were they not the same contacts, the like difference could be chance: 28 against 20 of 100 each.
	few := []painSet{set(1, 1, 4), set(1, 0, 100)}
	if points, _ = reaches(few); points[0].reach != nil || !points[0].suppressed || points[0].ranked != 0 {
		t.Errorf("4 hit: %+v", points[0])
	}
}

func TestExcessOfOptOuts(t *testing.T) {
	// In both strata 10 in 100 more leave after a week with a hit; but where there are many hits people leave more anyway.
	var cells []painCell
	for g := range uint16(50) {
		cells = append(cells, painCell{Stratum: "calm", Group: g, HitN: 10, HitY: uint64(g % 2 * 3), OtherN: 40, OtherY: uint64(g % 2 * 4)})
	}
	for g := range uint16(50) {
		cells = append(cells, painCell{Stratum: "keen", Group: g, HitN: 40, HitY: uint64(g % 2 * 24), OtherN: 10, OtherY: uint64(g % 2 * 4)})
	}
	e := excess(cells)
	if e.value == nil || e.why != "" {
		t.Fatalf("%+v", e)
	}
	// (75 - 500 x .05 + 600 - 2000 x .2) / 2500
	if want := (75 - 25 + 600 - 400) / 2500.; math.Abs(e.value.estimate-want) > 1e-12 || *e.value.lower > want || *e.value.upper < want {
		t.Errorf("%+v, want %v", *e.value, want)
	}
	if e.hitN != 2500 || e.hitY != 675 || e.otherN != 2500 || e.otherY != 200 || *e.overlap != 1 {
		t.Errorf("%+v", e)
	}
	// The jackknife by brute force: without group g the other 49 groups make the strata.
	var mean, squares float64
	left := make([]float64, 50)
	for g := range left {
		without := func(y, per float64) float64 { return y - float64(g%2)*per }
		left[g] = (without(75, 3) - 490*without(100, 4)/1960 + without(600, 24) - 1960*without(100, 4)/490) / 2450
		mean += left[g] / 50
	}
	for _, x := range left {
		squares += (x - mean) * (x - mean)
	}
	if want := math.Sqrt(squares * 49 / 50); math.Abs(*e.value.stdError-want) > 1e-12 {
		t.Errorf("standard error %v, want %v", *e.value.stdError, want)
	}
	// A stratum with hits only says nothing of what would have been.
	alone := append([]painCell{{Stratum: "alone", HitN: 100, HitY: 100}}, cells...)
	if lone := excess(alone); lone.value == nil || lone.value.estimate != e.value.estimate || math.Abs(*lone.overlap-2500./2600) > 1e-12 {
		t.Errorf("with a stratum of its own: %+v", lone)
	}
	for what, c := range map[string][]painCell{
		"no like without": {{Stratum: "a", HitN: 100, HitY: 10}},
		"fewer than 30":   {{Stratum: "a", HitN: 20, HitY: 10, OtherN: 100, OtherY: 1}},
		"nobody":          {{Stratum: "a", OtherN: 100, OtherY: 1}},
	} {
		if e := excess(c); e.value != nil || !strings.Contains(e.why, what) {
			t.Errorf("%s: %+v", what, e)
		}
	}
}
