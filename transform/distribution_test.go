package transform

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"drumbeat/transform/stats"
)

// The trend from sums is the pooled slope of the contact-weeks themselves, limits included.
func TestTrendIsThePooledSlope(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var observations []stats.Observation
		sums, products := make([]uint64, 5), make([]uint64, 25)
		contacts := 30 + r.IntN(40)
		for c := range contacts {
			u := make([]uint64, 5)
			like := r.IntN(6)
			for w := range 5 {
				if w > 0 && r.IntN(4) == 0 { // not at risk in every week
					continue
				}
				y := like + r.IntN(w+3)
				observations = append(observations, stats.Observation{Contact: c, Window: w, Dose: float64(w), Outcome: float64(y)})
				for i, x := range []int{1, w, w * w, y, w * y} {
					u[i] += uint64(x)
				}
			}
			for i, a := range u {
				sums[i] += a
				for j, b := range u {
					products[5*i+j] += a * b
				}
			}
		}
		slope, lower, upper, ok := trend(uint64(contacts), sums, products)
		want, err := stats.Pooled(observations)
		if err != nil || !ok {
			t.Fatal(err, ok)
		}
		for _, pair := range [][2]float64{{slope, want.Value}, {lower, want.Lower}, {upper, want.Upper}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9 {
				t.Fatalf("trend %v [%v, %v], pooled slope %+v", slope, lower, upper, want)
			}
		}
	}
	one := []uint64{40, 0, 0, 80, 0}
	if _, _, _, ok := trend(40, one, make([]uint64, 25)); ok {
		t.Error("a trend of one week")
	}
}

// Of many samples of clustered counts, the limits of a quantile must leave out the true one in at most 5 %.
func TestQuantiles(t *testing.T) {
	const samples, contacts, days = 400, 60, 7
	r := rand.New(rand.NewPCG(3, 4))
	// A contact's days are alike: its level decides, and levels 0 to 9 are equally frequent; a day adds 0 or 1.
	// Over all days the number 0 has 5 %, 1 to 9 have 10 %, 10 has 5 %: the median is 5, and 90 % are 9 or fewer
	// (95 %), 8 or fewer only 85 %.
	missed := map[string]int{}
	for range samples {
		q := quantiles{Contacts: contacts, Units: contacts * days, NN: contacts * days * days,
			AtMost: make([]uint64, 33), YY: make([]uint64, 33), NY: make([]uint64, 33)}
		var all []uint16
		for range contacts {
			level := r.IntN(10)
			own := make([]uint64, 33)
			for range days {
				n := level + r.IntN(2)
				all = append(all, uint16(n))
				for v := n; v < 33; v++ {
					own[v]++
				}
			}
			for v, n := range own {
				q.AtMost[v] += n
				q.YY[v] += n * n
				q.NY[v] += n * days
			}
		}
		slices.Sort(all)
		for _, c := range []struct {
			name     string
			part, of uint64
			truth    uint16
		}{{"median", 1, 2, 5}, {"p90", 9, 10, 9}} {
			value, lower, upper := q.at(c.part, c.of)
			if want := all[(len(all)*int(c.part)+int(c.of)-1)/int(c.of)-1]; value == nil || *value != want {
				t.Fatalf("%s %v, sorted numbers say %d", c.name, value, want)
			}
			if lower == nil || upper == nil || *lower > *value || *upper < *value {
				t.Fatalf("%s: limits %v, %v around %d", c.name, lower, upper, *value)
			}
			if *lower > c.truth || *upper < c.truth {
				missed[c.name]++
			}
		}
	}
	for name, n := range missed {
		if share := float64(n) / samples; share > .05+3*math.Sqrt(.05*.95/samples) {
			t.Errorf("%s: the limits leave out the truth in %.3f of the samples", name, share)
		}
	}
	beyond := quantiles{Contacts: 40, Units: 40, NN: 40, AtMost: make([]uint64, 33), YY: make([]uint64, 33), NY: make([]uint64, 33)}
	if value, lower, upper := beyond.at(1, 2); value != nil || lower != nil || upper != nil {
		t.Errorf("all above 32: %v, %v, %v", value, lower, upper)
	}
}
