package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Resampled describes a statistic over samples of the same contacts drawn again.
type Resampled struct {
	Mean, StdError float64
	Interval       // percentiles of the samples, by the inverse of their distribution
}

// Bootstrap draws as many contacts as there are, with replacement and with all their rows, replicates times, and hands
// the statistic how often each contact was drawn. The statistic returns one or more numbers, always as many, for
// instance a median or, for each dose, whether it is the best (whose mean then is the probability), or false where a
// sample does not define them; these are left out and counted. The same seed gives the same result: print it.
// ErrShape for fewer than two contacts, 1000 replicates, or numbers that are not finite or not as many;
// ErrNoVariation if more than a twentieth of the samples are undefined.
// Sources: Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008.
func Bootstrap(contacts, replicates int, seed uint64, statistic func(times []int) ([]float64, bool)) (results []Resampled, undefined int, err error) {
	if contacts < 2 || replicates < 1000 {
		return nil, 0, fmt.Errorf("%d contacts, %d replicates: %w", contacts, replicates, ErrShape)
	}
	draw := rand.New(rand.NewPCG(seed, 0))
	times := make([]int, contacts)
	var samples [][]float64 // by statistic
	for range replicates {
		clear(times)
		for range contacts {
			times[draw.IntN(contacts)]++
		}
		values, ok := statistic(times)
		if !ok {
			undefined++
			continue
		}
		if samples == nil {
			samples = make([][]float64, len(values))
		}
		if len(values) != len(samples) || !finite(values...) {
			return nil, 0, fmt.Errorf("the statistic of a sample: %w", ErrShape)
		}
		for k, v := range values {
			samples[k] = append(samples[k], v)
		}
	}
	if undefined*20 > replicates {
		return nil, undefined, fmt.Errorf("%d of %d samples are undefined: %w", undefined, replicates, ErrNoVariation)
	}
	for _, values := range samples {
		n := float64(len(values))
		var total, square sum
		for _, v := range values {
			total.add(v)
		}
		mean := total.value() / n
		for _, v := range values {
			square.add((v - mean) * (v - mean))
		}
		slices.Sort(values)
		at := func(p float64) float64 { return values[int(math.Ceil(p*n))-1] }
		results = append(results, Resampled{mean, math.Sqrt(square.value() / (n - 1)), Interval{at(.025), at(.975)}})
	}
	return results, undefined, nil
}
