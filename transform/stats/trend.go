package stats

import "math"

// Trend tests whether a rate of persons rises or falls with a score.
type Trend struct {
	Z float64 // positive: the rate rises
	P float64 // two-sided
}

// CochranArmitage tests x[i] of n[i] independent persons for a linear trend over scores[i], without a
// continuity correction. ErrShape if the lengths differ or an x exceeds its n; ErrNoVariation if all or none
// have the outcome or fewer than two scores have persons. Source: Armitage 1955.
func CochranArmitage(x, n []uint64, scores []float64) (Trend, error) {
	if len(x) == 0 || len(x) != len(n) || len(x) != len(scores) || !finite(scores...) {
		return Trend{}, ErrShape
	}
	var outcomes, persons uint64
	var weighted sum
	for i := range x {
		if x[i] > n[i] {
			return Trend{}, ErrShape
		}
		outcomes, persons = outcomes+x[i], persons+n[i]
		weighted.add(float64(n[i]) * scores[i])
	}
	if outcomes == 0 || outcomes == persons {
		return Trend{}, ErrNoVariation
	}
	total := float64(persons)
	rate, centre := float64(outcomes)/total, weighted.value()/total
	var covariance, spread sum
	for i := range x {
		s := scores[i] - centre
		covariance.add(s * (float64(x[i]) - rate*float64(n[i])))
		spread.add(s * s * float64(n[i]))
	}
	if spread.value() <= 1e-24*total*centre*centre {
		return Trend{}, ErrNoVariation
	}
	z := covariance.value() / math.Sqrt(rate*(1-rate)*spread.value())
	return Trend{Z: z, P: normalP(z)}, nil
}

// Isotonic returns the values that never fall and lie closest to y by weighted squares: neighbours that fall are
// pooled. ErrShape if the lengths differ, a y is not finite or a weight not positive.
// Source: Barlow, Bartholomew, Bremner and Brunk 1972.
func Isotonic(y, weights []float64) ([]float64, error) {
	if len(y) != len(weights) || !finite(y...) || !finite(weights...) {
		return nil, ErrShape
	}
	type block struct {
		mean, weight float64
		size         int
	}
	var blocks []block
	for i := range y {
		if weights[i] <= 0 {
			return nil, ErrShape
		}
		b := block{y[i], weights[i], 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].mean > b.mean {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			weight := last.weight + b.weight
			b = block{last.mean + (b.mean-last.mean)*b.weight/weight, weight, last.size + b.size}
		}
		blocks = append(blocks, b)
	}
	fitted := make([]float64, 0, len(y))
	for _, b := range blocks {
		for range b.size {
			fitted = append(fitted, b.mean)
		}
	}
	return fitted, nil
}
