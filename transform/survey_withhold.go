package transform

import (
	"cmp"
	"math"
	"slices"
)

// count is a number of respondents that a table shows or withholds.
type count struct {
	n        uint64
	hidden   bool
	small    bool // 1 to 9: nobody may find it
	residual bool // respondents of no segment: shown nowhere, and so nothing to hide
	mean     bool // no count, but hiding it hides an equation
	public   bool // told elsewhere: hiding it hides nothing
}

// equation says that counts times their coefficients add up to 0, the first being the total of the others or a mean of
// them.
type equation struct {
	of           []int // counts
	coefficients []float64
}

// withhold hides, beside the counts that are small, what they could be found from by subtraction: an option within a
// question, a segment within a total. It returns the bases that may be shown.
func (q *questionSums) withhold(cells []*surveyCell) map[*segmentSums]*uint64 {
	columns := len(q.question.options) + 1
	of := map[*segmentSums]int{} // where a segment's counts begin
	var counts []count
	for _, in := range q.segments {
		of[in] = len(counts)
		for _, n := range in.respondents {
			counts = append(counts, count{n: n, small: n > 0 && n < smallCount, hidden: n > 0 && n < smallCount})
		}
	}
	at := map[*surveyCell]int{}
	for _, c := range cells {
		switch c.statistic {
		case "share":
			at[c] = of[c.in] + c.option
			counts[at[c]].hidden = c.why != ""
		case "at_least":
			at[c] = len(counts)
			counts = append(counts, count{n: c.n, small: c.n > 0 && c.n < smallCount, hidden: c.why != ""})
		case "mean":
			at[c] = len(counts)
			counts = append(counts, count{mean: true, hidden: c.why != ""})
		}
	}
	equations := q.withinSegments(cells, at, of)
	// A mean is hidden rather than a count.
	slices.SortStableFunc(equations, func(a, b equation) int { return int(flag(counts[b.of[0]].mean)) - int(flag(counts[a.of[0]].mean)) })
	equations = append(equations, q.acrossSegments(&counts, of, columns)...)
	if len(q.segments) > 0 {
		counts[of[q.segments[0]]].public = true // survey_quality
	}
	protect(counts, equations)
	for _, c := range cells {
		// A share and its count would tell a base that is hidden.
		if c.why == "" && (counts[at[c]].hidden || counts[of[c.in]].hidden) {
			c.why = whyProtects
		}
	}
	bases := map[*segmentSums]*uint64{}
	for in, i := range of {
		if !counts[i].hidden {
			bases[in] = &in.respondents[0]
		}
	}
	return bases
}

// withinSegments are the equations between the options of a single-choice question: they add up to the base, and to the
// shares of `at least`; a mean of scores tells of them too.
func (q *questionSums) withinSegments(cells []*surveyCell, at map[*surveyCell]int, of map[*segmentSums]int) (equations []equation) {
	if !q.question.exclusive() {
		return nil
	}
	for _, in := range q.segments {
		e := equation{[]int{of[in]}, []float64{-1}}
		for k := 1; k < len(in.respondents); k++ {
			e.of, e.coefficients = append(e.of, of[in]+k), append(e.coefficients, 1)
		}
		equations = append(equations, e)
	}
	for _, c := range cells {
		if c.statistic == "share" {
			continue
		}
		e := equation{[]int{at[c]}, []float64{-1}}
		for _, k := range c.columns {
			coefficient := 1.0
			if c.statistic == "mean" {
				coefficient = *q.question.options[k-1].Score
			}
			if coefficient != 0 {
				e.of, e.coefficients = append(e.of, of[c.in]+k), append(e.coefficients, coefficient)
			}
		}
		equations = append(equations, e)
	}
	return equations
}

// acrossSegments are the equations between a total and its segments, for the base and each option. Respondents of no
// segment are a count of their own.
func (q *questionSums) acrossSegments(counts *[]count, of map[*segmentSums]int, columns int) (equations []equation) {
	parts := map[*segmentSums]map[string][]*segmentSums{} // of a total, by dimension
	part := func(total *segmentSums, dimension string, in *segmentSums) {
		if total == nil {
			return
		}
		if parts[total] == nil {
			parts[total] = map[string][]*segmentSums{}
		}
		parts[total][dimension] = append(parts[total][dimension], in)
	}
	for _, in := range q.segments {
		switch in.dimension {
		case "all":
		case "market_age":
			part(q.index[marketSegment(in.market)], "age", in)
			part(q.index[ageSegment(in.age)], "market", in)
		default:
			part(q.segments[0], in.dimension, in)
		}
	}
	for _, total := range q.segments {
		var dimensions []string
		for dimension := range parts[total] {
			dimensions = append(dimensions, dimension)
		}
		slices.Sort(dimensions)
		for _, dimension := range dimensions {
			for k := range columns {
				e := equation{[]int{of[total] + k}, []float64{-1}}
				rest := total.respondents[k]
				for _, in := range parts[total][dimension] {
					e.of, e.coefficients = append(e.of, of[in]+k), append(e.coefficients, 1)
					rest -= min(rest, in.respondents[k])
				}
				if rest > 0 && k == 0 && total == q.segments[0] && dimension != "age" {
					// The base of comparisons with the rest is all segments, and nobody else.
					of := append([]int{len(*counts)}, e.of[1:]...)
					equations = append(equations, equation{of, slices.Clone(e.coefficients)})
					*counts = append(*counts, count{n: total.respondents[k] - rest, public: true})
				}
				if rest > 0 {
					e.of, e.coefficients = append(e.of, len(*counts)), append(e.coefficients, 1)
					*counts = append(*counts, count{n: rest, hidden: true, residual: true})
				}
				equations = append(equations, e)
			}
		}
	}
	return equations
}

// protect hides further counts until no small one follows from what is shown, and what is hidden of a total is no small
// count itself.
func protect(counts []count, equations []equation) {
	for {
		changed := false
		for _, e := range equations {
			changed = e.cover(counts) || changed
		}
		if changed {
			continue
		}
		for _, i := range follow(counts, equations) {
			changed = hideNear(counts, equations, i) || changed
		}
		if !changed {
			return
		}
	}
}

// hideNear hides another count in an equation of this one, or if these hide all they can, in those that share hidden counts with them, and so on.
func hideNear(counts []count, equations []equation, i int) bool {
	reached, used := map[int]bool{i: true}, make([]bool, len(equations))
	for {
		further := map[int]bool{}
		for k, e := range equations {
			if used[k] || !slices.ContainsFunc(e.of, func(j int) bool { return reached[j] }) {
				continue
			}
			if e.hideAnother(counts) {
				return true
			}
			used[k] = true
			for _, j := range e.of {
				further[j] = true // all that is not hidden is public
			}
		}
		if len(further) == 0 {
			return false
		}
		reached = further
	}
}

// cover hides another count if a small one is alone among the hidden, or all the hidden parts of a total that is shown are
// few respondents together. It reports whether it did.
func (e equation) cover(counts []count) bool {
	if counts[e.of[0]].mean {
		return false
	}
	hidden, together, small := 0, uint64(0), false
	for _, i := range e.of {
		if counts[i].hidden {
			hidden++
			together += counts[i].n
			small = small || counts[i].small
		}
	}
	exposed := hidden == 1 || (!counts[e.of[0]].hidden && together < smallCount)
	return small && exposed && e.hideAnother(counts)
}

// hideAnother hides the mean, if it is one's equation, else the smallest count that is shown: of the parts, then the total.
func (e equation) hideAnother(counts []count) bool {
	if first := &counts[e.of[0]]; first.mean {
		if first.hidden {
			return false
		}
		first.hidden = true
		return true
	}
	best := -1
	better := func(a, b int) bool { // none at all protects least, and a total is missed most
		if (counts[a].n == 0) != (counts[b].n == 0) {
			return counts[a].n > 0
		}
		if (a == e.of[0]) != (b == e.of[0]) {
			return b == e.of[0]
		}
		return cmp.Or(cmp.Compare(counts[a].n, counts[b].n), cmp.Compare(a, b)) < 0
	}
	for _, i := range e.of {
		if !counts[i].hidden && !counts[i].public && (best < 0 || better(i, best)) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	counts[best].hidden = true
	return true
}

// follow returns the small counts that the equations give away: those that elimination leaves alone in a row.
func follow(counts []count, equations []equation) (found []int) {
	rows := []map[int]float64{}
	for _, e := range equations {
		if first := counts[e.of[0]]; first.mean && first.hidden {
			continue
		}
		row := map[int]float64{}
		for j, i := range e.of {
			if counts[i].hidden && !counts[i].mean {
				row[i] = e.coefficients[j]
			}
		}
		if len(row) > 0 {
			rows = append(rows, row)
		}
	}
	done := make([]bool, len(rows))
	holds := map[int]map[int]bool{} // rows by count
	for r, row := range rows {
		for i := range row {
			if holds[i] == nil {
				holds[i] = map[int]bool{}
			}
			holds[i][r] = true
		}
	}
	var order []int
	for i := range holds {
		order = append(order, i)
	}
	slices.Sort(order)
	for _, i := range order {
		pivot := -1
		for r := range holds[i] {
			if !done[r] && (pivot < 0 || len(rows[r]) < len(rows[pivot]) || (len(rows[r]) == len(rows[pivot]) && r < pivot)) {
				pivot = r
			}
		}
		if pivot < 0 {
			continue
		}
		done[pivot] = true
		lead := rows[pivot][i]
		for r := range holds[i] {
			if r == pivot {
				continue
			}
			factor := rows[r][i] / lead
			for j, x := range rows[pivot] {
				y := rows[r][j] - factor*x
				if math.Abs(y) < 1e-9 {
					delete(rows[r], j)
					if j != i {
						delete(holds[j], r)
					}
				} else {
					rows[r][j] = y
					holds[j][r] = true
				}
			}
			delete(rows[r], i)
		}
		holds[i] = map[int]bool{pivot: true}
	}
	for _, row := range rows {
		if len(row) != 1 {
			continue
		}
		for i := range row {
			if counts[i].small {
				found = append(found, i)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
