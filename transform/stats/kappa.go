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

// Agreement is a kappa with its uncertainty.
type Agreement struct {
	Value, StdError float64
	Interval             // valid if HasInterval
	HasInterval     bool // false of full agreement, and where a limit leaves [-1,1]
}

// Kappa returns the agreement beyond chance of two ratings on one ordered scale: table[i][j] persons gave i, then j.
// 1 is full agreement, 0 that of chance. False if the table is not square, has fewer than two answers, or all
// persons gave one and the same. Sources: Cohen 1968; the standard error of Fleiss, Cohen and Everitt 1969.
func Kappa(table [][]uint64, disagreement Disagreement) (Agreement, bool) {
	k := len(table)
	if k < 2 {
		return Agreement{}, false
	}
	rows, columns := make([]float64, k), make([]float64, k)
	total := 0.0
	for i := range table {
		if len(table[i]) != k {
			return Agreement{}, false
		}
		for j, n := range table[i] {
			rows[i] += float64(n)
			columns[j] += float64(n)
			total += float64(n)
		}
	}
	distance := func(i, j int) float64 { return disagreement(math.Abs(float64(i-j)) / float64(k-1)) }
	// What the others' answers make of each answer: its mean disagreement with them.
	rowMean, columnMean := make([]float64, k), make([]float64, k)
	var observed, chance sum
	for i := range table {
		for j, n := range table[i] {
			d := distance(i, j)
			observed.add(d * float64(n) / total)
			chance.add(d * rows[i] / total * columns[j] / total)
			rowMean[i] += d * columns[j] / total
			columnMean[j] += d * rows[i] / total
		}
	}
	if !(chance.value() > 0) {
		return Agreement{}, false
	}
	left := observed.value() / chance.value() // 1 - kappa
	a := Agreement{Value: 1 - left}
	var mean, square sum
	for i := range table {
		for j, n := range table[i] {
			score := distance(i, j) - left*(rowMean[i]+columnMean[j])
			mean.add(score * float64(n) / total)
			square.add(score * score * float64(n) / total)
		}
	}
	a.StdError = math.Sqrt(max(0, square.value()-mean.value()*mean.value())/total) / chance.value()
	a.Interval = symmetric(a.Value, Z*a.StdError)
	a.HasInterval = a.StdError > 1e-9 && a.Lower >= -1 && a.Upper <= 1
	return a, true
}
