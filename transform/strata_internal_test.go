package transform

import (
	"math/rand/v2"
	"testing"
	"time"
)

// In these worlds the dose changes nothing, and a stratum of much weight has few days at the dose to learn from, in half of them without an opt-out.
// An interval that took that for certainty would miss the truth in half of them; of so many it may miss it in 5 % by chance.
const thinWorlds = 300

func missesFew(t *testing.T, what string, misses, shown int) {
	t.Helper()
	t.Logf("%s: the interval misses the truth in %d of %d", what, misses, shown)
	if shown < thinWorlds*9/10 || float64(misses) > .09*float64(shown) { // three standard errors of the Monte Carlo above
		t.Errorf("%s: the interval misses the truth in %d of %d", what, misses, shown)
	}
}

// leave returns how many of n days end with an opt-out.
func leave(r *rand.Rand, n int, hazard float64) (y float64) {
	for range n {
		if r.Float64() < hazard {
			y++
		}
	}
	return y
}

func TestWhatIfOfAThinStratum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const dose = 5
	misses, shown := 0, 0
	for range thinWorlds {
		s := &segment{business: "shop", dimension: "all", verdict: "association", optOutVerdict: "association", propensities: map[int]propensity{}}
		for g := range 200 {
			sums := make([]float64, doseSums)
			sums[0] = 10
			put := func(prior, bin, days int, hazard, contacts float64) {
				at := prior*doseBins + bin
				sums[atCellDays+at] += float64(days)
				sums[atCellOptOuts+at] += leave(r, days, hazard)
				sums[atCellContacts+at] += contacts
				sums[atDoseContacts+bin] += contacts
				sums[atDays+int(bins[bin].from)] += float64(days)
			}
			put(1, 8, 50, .01, 5)
			if g%16 == 0 {
				put(1, dose, 5, .01, 1)
			}
			put(2, dose, 10, .02, 2)
			put(2, 8, 5, .02, 1)
			put(1, 1, 5, .01, 1)
			s.add("PH", "whatsapp", uint8(g), sums)
			s.propensities[g] = propensity{}
		}
		s.plan("open")
		for _, row := range s.whatIf(DefaultValues(), Window{time.Unix(0, 0), time.Unix(86400, 0)}) {
			if row[6] == uint8(dose) && row[7] == "opt_out" {
				lower, upper := row[len(row)-4].(*float64), row[len(row)-3].(*float64)
				if lower == nil {
					continue
				}
				shown++
				if *lower > 0 || *upper < 0 {
					misses++
				}
			}
		}
	}
	missesFew(t, "change of opt-outs", misses, shown)
}

func TestStandardisedRateOfAThinStratum(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const truth = (10065*.01 + 3000*.02) / 13065
	misses, shown := map[string]int{}, map[string]int{}
	for range thinWorlds {
		s := &curveSums{byMarket: map[string]*marketSums{}}
		for g := range 200 {
			put := func(prior, bin, days int, hazard, contacts float64) {
				s.market("PH", g).addCell(g, prior*len(bins)+bin, contacts, float64(days), leave(r, days, hazard))
				for _, told := range []int{bin, 9, 12} {
					s.contacts[told] += contacts
				}
			}
			put(0, 1, 50, .01, 5)
			if g%16 == 0 {
				put(0, 5, 5, .01, 1)
			}
			put(1, 1, 5, .02, 1)
			put(1, 5, 10, .02, 2)
		}
		s.markets = []*marketSums{s.byMarket["PH"]}
		for _, row := range s.ladder() {
			if row.identification != "standardised" || row.doses != 1<<5 || row.value == nil {
				continue
			}
			of := map[string]float64{"rate": truth, "difference": 0}[row.measure]
			shown[row.measure]++
			if *row.value.lower > of || *row.value.upper < of {
				misses[row.measure]++
			}
		}
	}
	missesFew(t, "rate", misses["rate"], shown["rate"])
	missesFew(t, "difference", misses["difference"], shown["difference"])
}

func TestPromisesOfAThinStratum(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const truth = (10065*.01 + 3000*.02) / 13065
	misses, shown := 0, 0
	for range thinWorlds {
		var rows []promiseCell
		for g := range 200 {
			put := func(promise string, prior uint8, days int, hazard float64, contacts uint64) {
				c := promiseCell{Business: "shop", Promise: promise, Market: "PH", Prior: prior, Group: uint8(g),
					Contacts: []uint64{contacts}, Days: []uint64{uint64(days)}, Outcomes: []uint64{uint64(leave(r, days, hazard))}}
				rows = append(rows, c)
				c.Prior = wholePromise
				rows = append(rows, c)
			}
			put("weekly", 0, 50, .01, 5)
			if g%16 == 0 {
				put("daily", 0, 5, .01, 1)
			}
			put("weekly", 1, 5, .02, 1)
			put("daily", 1, 10, .02, 2)
		}
		for _, c := range comparePromises(rows, 0) {
			if c.identification != "standardised" || c.promise != "daily" || c.estimate[0] == uint8(1) {
				continue
			}
			shown++
			if *c.estimate[3].(*float64) > truth || *c.estimate[4].(*float64) < truth {
				misses++
			}
		}
	}
	missesFew(t, "promise", misses, shown)
}

// 95 % of the days lie in a stratum without high doses: what the others tell is not told of all.
func TestNoRatioOfTheFew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	f := func(what string, high float64, want bool) {
		t.Helper()
		s := &curveSums{byMarket: map[string]*marketSums{}}
		for g := range 200 {
			put := func(prior, bin, days int, hazard, contacts float64) {
				s.market("PH", g).addCell(g, prior*len(bins)+bin, contacts, float64(days), leave(r, days, hazard))
				for _, told := range []int{bin, 9, 12, map[int]int{1: 10, 5: 11}[bin]} {
					s.contacts[told] += contacts
				}
			}
			put(0, 1, 475, .01, 9)
			put(0, 5, int(high), .04, high)
			put(3, 1, 12, .01, 1)
			put(3, 5, 13, .04, 1)
		}
		s.markets = []*marketSums{s.byMarket["PH"]}
		var measures int
		for _, row := range s.ladder() {
			if row.identification != "standardised" || row.against == 0 && row.doses != 1<<5 {
				continue
			}
			measures++
			if shown := row.value != nil; shown != want {
				t.Errorf("%s: %s of %b against %b with an overlap of %.3f: shown %v", what, row.measure, row.doses, row.against, *row.overlap, shown)
			}
			if want == (row.why != "") {
				t.Errorf("%s: %s says %q", what, row.measure, row.why)
			}
		}
		if measures != 6 { // rate and difference at 5, difference and ratios of high and low
			t.Errorf("%s: %d measures", what, measures)
		}
	}
	f("no high doses in the largest stratum", 0, false)
	f("some of them", 1, true)
}

// A send goes out where fewer than the cap of those that went out lie in the 7 x 24 h before it; exactly 7 x 24 h before is outside.
func TestSendsUnderCaps(t *testing.T) {
	const d = 86_400_000
	sends := []int64{-3 * d, 2 * d, 4 * d, 4*d + 1, 9 * d, 11 * d, 11*d + 1}
	got := underCaps(sends, []uint16{2, 4, 9, 11})
	// Cap 1: -3, 4 and 11 go out, the first on no day at risk. Cap 2: -3, 2, 4, 9, 11. Of more, never four within 7 days.
	want := [1 + caps]float64{6, 2, 4, 6, 6, 6, 6, 6, 6, 6, 6}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
