package transform

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// In tables of random small surveys no count of 1 to 9 respondents follows from what is shown: elimination in exact fractions, over
// all that the tables tell and all that adds up, leaves each of them open.
func TestWithheldCountsStayHidden(t *testing.T) {
	small, open := 0, 0
	for seed := range uint64(150) {
		q := randomQuestion(rand.New(rand.NewPCG(seed, 1)))
		cells, bases := q.estimates()
		shown := map[int]uint64{} // by number of an unknown
		start := map[*segmentSums]int{}
		unknowns := 0
		for _, in := range q.segments {
			start[in] = unknowns
			unknowns += len(in.respondents)
			if base := bases[in]; base != nil {
				shown[start[in]] = *base
			}
		}
		var rows [][]int64 // coefficients by unknown; what they add up to is known
		row := func(of ...int) []int64 {
			r := make([]int64, unknowns)
			for _, i := range of {
				r[i]++
			}
			return r
		}
		tell := func(of ...int) { rows = append(rows, row(of...)) }
		for _, c := range cells {
			if c.why != "" {
				continue
			}
			var of []int
			for _, k := range c.columns {
				of = append(of, start[c.in]+k)
			}
			if c.statistic != "mean" {
				tell(of...)
				tell(start[c.in]) // a share and its count tell the base
			}
		}
		for i := range shown {
			tell(i)
		}
		tell(start[q.segments[0]]) // survey_quality tells who answered
		for in, options := range q.shownShares() {
			if len(options) > 0 {
				tell(start[in]) // base_n of ranks and comparisons
			}
		}
		for segments := range runsOf(q.segments, func(a, b *segmentSums) bool { return a.dimension == b.dimension }) {
			if d := segments[0].dimension; d == "all" || d == "market_age" || d == "age" {
				continue
			}
			for option := 1; option <= len(q.question.options); option++ {
				for range q.rests(q.shownShares(), segments, option) {
					var of []int
					for _, in := range segments {
						of = append(of, start[in])
					}
					tell(of...)
				}
			}
		}
		// What adds up for everybody to see: options within a segment, and segments where nobody is of none.
		for _, in := range q.segments {
			if q.question.exclusive() {
				r := row()
				r[start[in]] = -1
				for k := 1; k < len(in.respondents); k++ {
					r[start[in]+k] = 1
				}
				rows = append(rows, r)
			}
		}
		sums := func(total *segmentSums, parts []*segmentSums) {
			for k := range total.respondents {
				r := row()
				r[start[total]+k] = -1
				n := uint64(0)
				for _, in := range parts {
					r[start[in]+k] = 1
					n += in.respondents[k]
				}
				if n == total.respondents[k] {
					rows = append(rows, r)
				}
			}
		}
		of := func(keep func(*segmentSums) bool) (found []*segmentSums) {
			for _, in := range q.segments {
				if keep(in) {
					found = append(found, in)
				}
			}
			return found
		}
		for _, dimension := range []string{"market", "age", "tier"} {
			sums(q.segments[0], of(func(in *segmentSums) bool { return in.dimension == dimension }))
		}
		for _, total := range q.segments {
			switch total.dimension {
			case "market":
				sums(total, of(func(in *segmentSums) bool { return in.dimension == "market_age" && in.market == total.market }))
			case "age":
				sums(total, of(func(in *segmentSums) bool { return in.dimension == "market_age" && in.age == total.age }))
			}
		}
		followed := determined(rows, unknowns)
		for _, in := range q.segments {
			for k, n := range in.respondents {
				if n == 0 || n >= smallCount || (in == q.segments[0] && k == 0) {
					continue
				}
				small++
				if followed[start[in]+k] {
					open++
					t.Errorf("seed %d: %s %q, column %d of %s: the %d can be found", seed, in.dimension, in.name, k, q.question.kind, n)
				}
			}
		}
	}
	if small < 1000 {
		t.Errorf("only %d small counts: the surveys are too large", small)
	}
	t.Logf("%d small counts, %d found", small, open)
}

// determined says which unknowns the rows fix: those that the reduced rows have alone.
func determined(rows [][]int64, unknowns int) map[int]bool {
	var reduced []map[int]*big.Rat
	pivots := map[int]int{}
	seen := map[string]bool{}
	for _, coefficients := range rows {
		if key := fmt.Sprint(coefficients); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		r := map[int]*big.Rat{}
		for i, c := range coefficients {
			if c != 0 {
				r[i] = big.NewRat(c, 1)
			}
		}
		take := func(from map[int]*big.Rat, into map[int]*big.Rat, factor *big.Rat) {
			for j, x := range from {
				y := new(big.Rat).Neg(new(big.Rat).Mul(x, factor))
				if into[j] != nil {
					y.Add(y, into[j])
				}
				if y.Sign() == 0 {
					delete(into, j)
				} else {
					into[j] = y
				}
			}
		}
		for column, at := range pivots {
			if x := r[column]; x != nil {
				take(reduced[at], r, new(big.Rat).Set(x))
			}
		}
		pivot := -1
		for i := range r {
			if pivot < 0 || i < pivot {
				pivot = i
			}
		}
		if pivot < 0 {
			continue
		}
		inverse := new(big.Rat).Inv(r[pivot])
		for j := range r {
			r[j] = new(big.Rat).Mul(r[j], inverse)
		}
		for _, other := range reduced {
			if x := other[pivot]; x != nil {
				take(r, other, new(big.Rat).Set(x))
			}
		}
		pivots[pivot] = len(reduced)
		reduced = append(reduced, r)
	}
	found := map[int]bool{}
	for _, r := range reduced {
		if len(r) == 1 {
			for i := range r {
				found[i] = true
			}
		}
	}
	return found
}

// randomQuestion is of some 100 to 400 respondents of equal weight, in a few markets, ages and tiers, some of none.
func randomQuestion(r *rand.Rand) *questionSums {
	q := &surveyQuestion{id: "q", kind: []string{"single", "multiple", "scale", "single"}[r.IntN(4)]}
	if r.IntN(2) == 0 && q.kind == "single" {
		q.measures = "frequency"
	}
	options := 2 + r.IntN(4)
	for o := range options {
		q.options = append(q.options, surveyOption{Number: uint16(o + 1), Label: fmt.Sprint(o + 1), Position: uint16(o + 1), Score: new(float64(o))})
	}
	markets, ages, tiers := []string{"PH", "VN", "TH"}[:2+r.IntN(2)], []string{"18-34", "35+"}, []string{"gold", "none"}
	unknown := r.IntN(2) == 0
	of := func(names []string) string {
		if unknown && r.IntN(25) == 0 {
			return ""
		}
		return names[min(r.IntN(len(names)), r.IntN(3*len(names)))] // the first ones have more
	}
	type key struct {
		dimension, market, age, segment string
		option, other                   uint16
	}
	sums := map[key]uint64{}
	n := 100 + r.IntN(300)
	for range n {
		market, age, tier := of(markets), of(ages), of(tiers)
		chosen := []uint16{uint16(1 + min(r.IntN(options), r.IntN(options)))}
		if q.kind == "multiple" {
			chosen = nil
			for o := range options {
				if r.IntN(3+2*o) == 0 {
					chosen = append(chosen, uint16(o+1))
				}
			}
		}
		for _, k := range []key{{dimension: "cell", market: market, age: age}, {dimension: "tier", segment: tier}} {
			sums[k]++
			for i, a := range chosen {
				k.option, k.other = a, a
				sums[k]++
				for _, b := range chosen[i+1:] {
					k.option, k.other = a, b
					sums[k]++
				}
			}
		}
	}
	var rows []surveyRow
	for k, n := range sums {
		rows = append(rows, surveyRow{Dimension: k.dimension, Market: k.market, Age: k.age, Segment: k.segment, Option: k.option, Other: k.other,
			Respondents: n, Weight: float64(n), Squares: float64(n)})
	}
	slices.SortFunc(rows, func(a, b surveyRow) int {
		return slices.Compare([]string{a.Dimension, a.Market, a.Age, a.Segment, fmt.Sprintf("%03d%03d", a.Option, a.Other)},
			[]string{b.Dimension, b.Market, b.Age, b.Segment, fmt.Sprintf("%03d%03d", b.Option, b.Other)})
	})
	s := &surveyOf{Business: "shop", ID: "random", strata: []string{""}, units: []uint64{uint64(n)}, markets: "mean of markets"}
	return newQuestionSums(s, q, rows)
}
