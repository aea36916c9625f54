package stats

import "sort"

// Holm adjusts the p-values of one family so that rejecting those up to 5 % makes any false rejection at most
// 5 % likely; for few comparisons that decide. In the order given; ErrShape if a p-value is not in [0,1].
// Source: Holm 1979.
func Holm(p []float64) ([]float64, error) {
	order, err := ascending(p)
	if err != nil {
		return nil, err
	}
	adjusted := make([]float64, len(p))
	largest := 0.0
	for rank, i := range order {
		largest = max(largest, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = largest
	}
	return adjusted, nil
}

// BenjaminiHochberg adjusts the p-values of one family so that of those up to 5 % at most 5 % are expected to
// be false; for screening. In the order given; ErrShape if a p-value is not in [0,1].
// Source: Benjamini and Hochberg 1995.
func BenjaminiHochberg(p []float64) ([]float64, error) {
	order, err := ascending(p)
	if err != nil {
		return nil, err
	}
	adjusted := make([]float64, len(p))
	smallest := 1.0
	for rank := len(order) - 1; rank >= 0; rank-- {
		i := order[rank]
		smallest = min(smallest, p[i]*float64(len(p))/float64(rank+1))
		adjusted[i] = smallest
	}
	return adjusted, nil
}

func ascending(p []float64) ([]int, error) {
	order := make([]int, len(p))
	for i, x := range p {
		if !(x >= 0 && x <= 1) {
			return nil, ErrShape
		}
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return p[order[a]] < p[order[b]] })
	return order, nil
}
