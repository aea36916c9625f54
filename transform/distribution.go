package transform

import (
	"context"
	"math"

	"drumbeat/transform/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

const distributionColumns = `suppressed, mean, mean_std_error, mean_lower, mean_upper, median, median_lower, median_upper,
p90, p90_lower, p90_upper, none_share, none_lower, none_upper, trend, trend_lower, trend_upper`

// fillDistribution adds mean, quantiles, the share with none and the trend, all with contacts as clusters.
func fillDistribution(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, distributionColumns, func(row modelRow) []any {
		contacts, units := row.count("contacts"), row.count("units")
		if contacts < fewestContacts {
			return append([]any{uint8(1)}, make([]any, 16)...)
		}
		derived := []any{uint8(0)}
		messages := sums{contacts, units, row.count("messages"), row.count("sum_nn"), row.count("sum_yy"), row.count("sum_ny")}
		if mean, ok := messages.clustered().Mean(); ok && !messages.suppressed() {
			derived = append(derived, &mean.Value, &mean.StdError, &mean.Lower, &mean.Upper)
		} else {
			derived = append(derived, nil, nil, nil, nil)
		}
		q := quantiles{contacts, units, row.counts("at_most"), row.count("sum_nn"), row.counts("at_most_yy"), row.counts("at_most_ny")}
		for _, share := range [][2]uint64{{1, 2}, {9, 10}} {
			value, lower, upper := q.at(share[0], share[1])
			derived = append(derived, value, lower, upper)
		}
		none := sums{contacts, units, row.count("none"), row.count("sum_nn"), row.count("none_yy"), row.count("none_ny")}
		if share, ok := none.clustered().Ratio(); ok && !none.suppressed() {
			derived = append(derived, &share.Rate, &share.Lower, &share.Upper)
		} else {
			derived = append(derived, nil, nil, nil)
		}
		if weeks, _ := row.get("weeks").(uint16); weeks > 2 && row.get("measure") == "week" {
			if slope, lower, upper, ok := trend(contacts, row.counts("trend_sums"), row.counts("trend_products")); ok {
				return append(derived, slope, lower, upper)
			}
		}
		return append(derived, nil, nil, nil)
	})
}

// quantiles are of numbers of messages: AtMost[v] counts the units with v or fewer, the squares and products are summed
// over contacts.
type quantiles struct {
	Contacts, Units uint64
	AtMost          []uint64
	NN              uint64
	YY, NY          []uint64
}

// at returns the least number that a share part/of of the units have or stay below, and the least and the greatest
// that the sample does not speak against: below the first, even the upper limit of the share of units is too
// small, and from the second on even the lower limit is enough. Each is nil if it is beyond the numbers given.
// Source: Woodruff 1952, each limit by the variance at its own number as in Francisco and Fuller 1991.
func (q quantiles) at(part, of uint64) (value, lower, upper *uint16) {
	for v, atMost := range q.AtMost {
		number := uint16(v)
		share, ok := stats.Clustered{Clusters: q.Contacts, Units: q.Units, Outcomes: atMost, NN: q.NN, YY: q.YY[v], NY: q.NY[v]}.Ratio()
		if !ok {
			return nil, nil, nil
		}
		wanted := float64(part) / float64(of)
		if value == nil && of*atMost >= part*q.Units {
			value = &number
		}
		if lower == nil && share.Upper >= wanted {
			lower = &number
		}
		if upper == nil && share.Lower >= wanted {
			upper = &number
		}
	}
	return value, lower, upper
}

// trend returns the least-squares slope of a unit's messages over the number of its week, with limits that are robust
// to the likeness of a contact's weeks. The sums are over contacts, of (1, w, w^2, y, wy) summed over their weeks, and
// of the products of any two of these. False if all units are of one week or nothing varies.
// Source: Liang and Zeger 1986, with G/(G-1) and t of G-1 degrees of freedom.
func trend(contacts uint64, sums, products []uint64) (slope, lower, upper float64, ok bool) {
	if len(sums) != 5 || len(products) != 25 || sums[0] == 0 {
		return 0, 0, 0, false
	}
	n, g := float64(sums[0]), float64(contacts)
	week, mean := float64(sums[1])/n, float64(sums[3])/n
	spread := float64(sums[2]) - n*week*week
	if spread <= 1e-9*n {
		return 0, 0, 0, false
	}
	slope = (float64(sums[4]) - n*week*mean) / spread
	// A contact's score, sum of (w - week)(y - mean - slope (w - week)), as weights of its five sums.
	weights := [5]float64{mean*week - slope*week*week, 2*slope*week - mean, -slope, -week, 1}
	squares := 0.0
	for i, a := range weights {
		for j, b := range weights {
			squares += a * b * float64(products[5*i+j])
		}
	}
	if squares <= 0 {
		return 0, 0, 0, false
	}
	t := distuv.StudentsT{Sigma: 1, Nu: min(g-1, 1e6)}.Quantile(.975)
	half := t * math.Sqrt(g/(g-1)*squares) / spread
	return slope, slope - half, slope + half, true
}
