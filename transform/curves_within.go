package transform

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// crudeSlope is the change of the rate with one more of the dose, over all units as if contacts did not differ.
func (s *curveSums) crudeSlope() (row curveRow, ok bool) {
	sums := s.crude.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("crude", "slope", sums, allDoses, 0)
	n, y, k, kk, ky := sums[1], sums[2], sums[3], sums[4], sums[5]
	spread := kk - k*k/n
	if !row.enough() || !(spread > 0) {
		return row, true
	}
	b := (ky - k*y/n) / spread
	meanK, meanY := k/n, y/n
	// Of k, k^2, k y, n and y.
	variance, clusters := s.crude.variance(2*b*meanK-meanY, -b, 1, meanK*meanY-b*meanK*meanK, -meanK)
	row.value = additive(b, variance/spread/spread, clusters, math.Inf(1))
	return row, true
}

// betweenSlope compares contacts with each other, and nobody with itself: the line through their means, each of as much weight as it has units. The
// slope over all units is a weighted mean of it and the one within.
func (s *curveSums) betweenSlope() (row curveRow, ok bool) {
	within := s.within.sums()
	if within == nil { // opt-outs; or no contact tells
		return row, false
	}
	sums := s.crude.sums()
	row = comparison("crude", "between_slope", sums, allDoses, 0)
	n, y, k := sums[1], sums[2], sums[3]
	means := make(moments, len(s.crude)) // of k^2 and k y, the contacts' means in the place of k and y
	for g, own := range s.crude {
		if own != nil {
			means.add(g, own[:headCount], []float64{own[3], own[4] - s.within[g][headCount], own[5] - s.within[g][headCount+1], own[6], own[7]})
		}
	}
	sums = means.sums()
	spread := sums[4] - k*k/n
	if !row.enough() || !(spread > 1e-6*sums[4]) { // what rounding may leave
		return row, true
	}
	b := (sums[5] - k*y/n) / spread
	meanK, meanY := k/n, y/n
	variance, clusters := means.variance(2*b*meanK-meanY, -b, 1, meanK*meanY-b*meanK*meanK, -meanK)
	row.value = additive(b, variance/spread/spread, clusters, math.Inf(1))
	return row, true
}

// withinSlope compares each contact with itself: the fixed-effects slope, clustered by groups of contacts (Arellano 1987).
func (s *curveSums) withinSlope() (row curveRow, ok bool) {
	sums := s.within.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("within", "slope", sums, allDoses, 0)
	v := sums[headCount:]
	if !row.enough() || !(v[0] > 0) {
		return row, true
	}
	b := v[1] / v[0]
	variance, clusters := s.within.variance(-b, 1)
	row.value = additive(b, variance/v[0]/v[0], clusters, math.Inf(1))
	return row, true
}

// withinCurve compares each contact's rate at a dose with its own at dose 1, weighted by how much its units can tell: the contact is
// the stratum of a risk difference of Mantel and Haenszel, clustered by groups of contacts.
func (s *curveSums) withinCurve() (rows []curveRow) {
	for b, m := range s.against {
		sums := m.sums()
		if b == 1 || sums == nil {
			continue
		}
		row := comparison("within", "difference", sums, 1<<b, 1<<1)
		v := sums[headCount:]
		if row.enough() && v[1] > 0 {
			d := v[0] / v[1]
			variance, clusters := m.variance(1, -d)
			row.value = additive(d, variance/v[1]/v[1], clusters, 1)
		}
		rows = append(rows, row)
	}
	return rows
}

// placeboSlope is the within slope of the NEXT week's dose, given this one's and the sends of the day. The future cannot act: what it seems to do
// tells of a sender who reacts.
func (s *curveSums) placeboSlope() (row curveRow, ok bool) {
	sums := s.placebo.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("within", "placebo_slope", sums, allDoses, 0)
	v := sums[headCount:]
	if !row.enough() || !(v[0] > 0) {
		return row, true
	}
	// Places of S_ij and S_iy in the vector, for z, k, x.
	place, withY := [][]int{{0, 1, 2}, {1, 3, 4}, {2, 4, 5}}, []int{6, 7, 8}
	if v[5] == 0 { // messages have no sends of the day
		place, withY = place[:2], withY[:2]
	}
	row.value = s.placebo.firstOf(place, withY)
	return row, true
}

// laggedSlope is the within slope, the outcome of the unit before held: of the contact's day before, or message before. See docs/metrics.md for
// what it cannot tell.
func (s *curveSums) laggedSlope() (row curveRow, ok bool) {
	sums := s.lagged.sums()
	if sums == nil {
		return row, false
	}
	row = comparison("within", "lagged_slope", sums, allDoses, 0)
	if row.enough() && sums[headCount] > 0 {
		row.value = s.lagged.firstOf([][]int{{0, 1}, {1, 2}}, []int{3, 4})
	}
	return row, true
}

// firstOf is the coefficient of the first of several columns, by least squares from sums of products less the contacts' means: that of the columns i and j
// stands in the vector at place[i][j], that of i and the outcome at withY[i]. Nil where the columns do not tell it.
func (m moments) firstOf(place [][]int, withY []int) *effect {
	v := m.sums()[headCount:]
	size := len(withY)
	bread := mat.NewDense(size, size, nil)
	right := mat.NewVecDense(size, nil)
	for i := range size {
		right.SetVec(i, v[withY[i]])
		for j := range size {
			bread.Set(i, j, v[place[i][j]])
		}
	}
	var inverse mat.Dense
	if err := inverse.Inverse(bread); err != nil { // also if it is close to singular
		return nil
	}
	var beta mat.VecDense
	beta.MulVec(&inverse, right)
	scores := mat.NewDense(size, len(v), nil) // of a group, as functions of its vector
	for i := range size {
		scores.Set(i, withY[i], 1)
		for j := range size {
			scores.Set(i, place[i][j], scores.At(i, place[i][j])-beta.AtVec(j))
		}
	}
	first := mat.NewVecDense(len(v), nil)
	first.MulVec(scores.T(), inverse.RowView(0))
	variance, clusters := m.variance(first.RawVector().Data...)
	return additive(beta.AtVec(0), variance, clusters, math.Inf(1))
}
