package stats

import "math"

// Disagreement says how much two answers differ, from their distance on the scale of which the ends are 1 apart.
type Disagreement func(distance float64) float64

// The usual disagreements of kappa.
var (
	AnyDisagreement       Disagreement = func(d float64) float64 { return math.Ceil(d) }
	LinearDisagreement    Disagreement = func(d float64) float64 { return d }
	QuadraticDisagreement Disagreement = func(d float64) float64 { return d * d }
)

// Kappa returns the agreement beyond chance of two ratings on one ordered scale: table[i][j] persons gave i, then j.
// 1 is full agreement, 0 that of chance. False if the table is not square, has fewer than two answers, or all
// persons gave one and the same. Source: Cohen 1968.
func Kappa(table [][]uint64, disagreement Disagreement) (float64, bool) {
	k := len(table)
	if k < 2 {
		return 0, false
	}
	rows, columns := make([]float64, k), make([]float64, k)
	total := 0.0
	for i := range table {
		if len(table[i]) != k {
			return 0, false
		}
		for j, n := range table[i] {
			rows[i] += float64(n)
			columns[j] += float64(n)
			total += float64(n)
		}
	}
	var observed, chance sum
	for i := range table {
		for j, n := range table[i] {
			w := disagreement(math.Abs(float64(i-j)) / float64(k-1))
			observed.add(w * float64(n))
			chance.add(w * rows[i] * columns[j])
		}
	}
	if !(chance.value() > 0) {
		return 0, false
	}
	return 1 - observed.value()*total/chance.value(), true
}
