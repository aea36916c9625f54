package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Observation is one contact in one window. Contacts and windows are numbered by the caller, windows in sequence.
type Observation struct {
	Contact, Window int
	Dose, Outcome   float64
}

// Slope is by how much the outcome differs for one more of the dose, with a covariance that is robust to the likeness
// of a contact's windows (CR1) and limits by t with Contacts - 1 degrees of freedom.
type Slope struct {
	Coefficient
	Contacts     int // that carry information
	Observations int // of these contacts
}

// Pooled returns the slope over all observations as if contacts did not differ.
// ErrShape for numbers that are not finite or fewer than two contacts; ErrNoVariation if the dose is constant.
func Pooled(observations []Observation) (Slope, error) {
	contact, contacts, err := panel(observations)
	if err != nil {
		return Slope{}, err
	}
	dose, outcome := centred(observations, make([]int, len(observations)), 1)
	return slope([][]float64{dose}, outcome, contact, contacts)
}

// Between returns the slope of the contacts' means, one point for each contact whatever the number of its windows.
// Errors as Pooled.
func Between(observations []Observation) (Slope, error) {
	contact, contacts, err := panel(observations)
	if err != nil {
		return Slope{}, err
	}
	means := make([]Observation, contacts)
	count := make([]float64, contacts)
	for i, o := range observations {
		count[contact[i]]++
		means[contact[i]].Dose += o.Dose
		means[contact[i]].Outcome += o.Outcome
	}
	self := make([]int, contacts)
	for i := range means {
		means[i].Dose /= count[i]
		means[i].Outcome /= count[i]
		self[i] = i
	}
	dose, outcome := centred(means, make([]int, contacts), 1)
	return slope([][]float64{dose}, outcome, self, contacts)
}

// Within returns the slope within contacts, who thus are compared with themselves; with windows, what all contacts
// have in common in a window is taken out too. A contact whose dose does not vary carries no information.
// Not for opt-outs: they end a contact's history. Errors as Pooled; ErrNoVariation also if contact and window
// together say all about the dose. Sources: Mundlak 1978; Arellano 1987.
func Within(observations []Observation, windows bool) (Slope, error) {
	contact, contacts, err := panel(observations)
	if err != nil {
		return Slope{}, err
	}
	dose, outcome := centred(observations, contact, contacts)
	if windows {
		if err := removeWindows(observations, contact, contacts, dose, outcome); err != nil {
			return Slope{}, err
		}
	}
	return slope([][]float64{dose}, outcome, contact, contacts)
}

// Placebo returns the within slope of the NEXT window's dose, given this window's: the future cannot act, so limits
// that exclude 0 mean that doses follow the outcome and no slope of this panel is to be trusted. Only windows whose
// next one is observed take part. Errors as Within, and ErrShape if a contact has a window twice.
func Placebo(observations []Observation, windows bool) (Slope, error) {
	if _, _, err := panel(observations); err != nil {
		return Slope{}, err
	}
	next := map[[2]int]float64{}
	for i, o := range observations {
		key := [2]int{o.Contact, o.Window}
		if _, twice := next[key]; twice {
			return Slope{}, fmt.Errorf("observation %d repeats a window: %w", i, ErrShape)
		}
		next[key] = o.Dose
	}
	var now, then []Observation
	for _, o := range observations {
		if dose, ok := next[[2]int{o.Contact, o.Window + 1}]; ok {
			now = append(now, o)
			then = append(then, Observation{o.Contact, o.Window, dose, o.Outcome})
		}
	}
	contact, contacts, err := panel(now)
	if err != nil {
		return Slope{}, err
	}
	dose, outcome := centred(now, contact, contacts)
	nextDose, _ := centred(then, contact, contacts)
	if windows {
		if err := removeWindows(now, contact, contacts, dose, nextDose, outcome); err != nil {
			return Slope{}, err
		}
	}
	return slope([][]float64{nextDose, dose}, outcome, contact, contacts)
}

// panel numbers the contacts.
func panel(observations []Observation) (contact []int, contacts int, err error) {
	for i, o := range observations {
		if !finite(o.Dose, o.Outcome) {
			return nil, 0, fmt.Errorf("observation %d: %w", i, ErrShape)
		}
	}
	contact, contacts = groups(len(observations), func(i int) int { return observations[i].Contact })
	if contacts < 2 {
		return nil, 0, fmt.Errorf("a panel needs two contacts: %w", ErrShape)
	}
	return contact, contacts, nil
}

// centred returns doses and outcomes less the means of their groups.
func centred(observations []Observation, group []int, count int) (dose, outcome []float64) {
	dose, outcome = make([]float64, len(observations)), make([]float64, len(observations))
	for i, o := range observations {
		dose[i], outcome[i] = o.Dose, o.Outcome
	}
	for _, column := range [][]float64{dose, outcome} {
		centre(column, group, count)
	}
	return dose, outcome
}

// centre subtracts group means. What rounding leaves of a constant becomes 0.
func centre(column []float64, group []int, count int) {
	totals, sizes, largest := make([]sum, count), make([]float64, count), make([]float64, count)
	for i, x := range column {
		totals[group[i]].add(x)
		sizes[group[i]]++
		largest[group[i]] = max(largest[group[i]], math.Abs(x))
	}
	for i := range column {
		g := group[i]
		column[i] -= totals[g].value() / sizes[g]
		if math.Abs(column[i]) <= 1e-14*largest[g] {
			column[i] = 0
		}
	}
}

// removeWindows takes out of columns that are centred by contact what the windows' indicators, centred alike, explain
// (Frisch and Waugh 1933). Windows that contacts do not link leave the equations singular, so they are solved by
// the least norm.
func removeWindows(observations []Observation, contact []int, contacts int, columns ...[]float64) error {
	window, windows := groups(len(observations), func(i int) int { return observations[i].Window })
	rows := make([][]int, contacts)
	for i, c := range contact {
		rows[c] = append(rows[c], i)
	}
	normal := mat.NewDense(windows, windows, nil)
	right := mat.NewDense(windows, len(columns), nil)
	for i, w := range window {
		normal.Set(w, w, normal.At(w, w)+1)
		for c, column := range columns {
			right.Set(w, c, right.At(w, c)+column[i]) // the columns' means by contact are 0
		}
	}
	for _, own := range rows {
		for _, i := range own {
			for _, j := range own {
				normal.Set(window[i], window[j], normal.At(window[i], window[j])-1/float64(len(own)))
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(normal, mat.SVDThin) {
		return ErrConvergence
	}
	rank := svd.Rank(1e-10)
	if rank == 0 {
		return ErrNoVariation
	}
	var effects mat.Dense
	svd.SolveTo(&effects, right, rank)
	for c, column := range columns {
		before := squares(column)
		for _, own := range rows {
			mean := 0.0
			for _, i := range own {
				mean += effects.At(window[i], c) / float64(len(own))
			}
			for _, i := range own {
				column[i] -= effects.At(window[i], c) - mean
			}
		}
		if squares(column) <= 1e-20*before {
			clear(column)
		}
	}
	return nil
}

func squares(xs []float64) float64 {
	var s sum
	for _, x := range xs {
		s.add(x * x)
	}
	return s.value()
}

// slope regresses the outcome on centred columns, without an intercept, and returns the coefficient of the first.
func slope(columns [][]float64, outcome []float64, contact []int, contacts int) (Slope, error) {
	k := len(columns)
	moments := mat.NewSymDense(k, nil)
	cross := make([]float64, k)
	for i, a := range columns {
		for j, b := range columns[i:] {
			moments.SetSym(i, i+j, dot(a, b))
		}
		cross[i] = dot(a, outcome)
		if moments.At(i, i) == 0 {
			return Slope{}, ErrNoVariation
		}
	}
	bread, err := invert(moments)
	if err != nil {
		return Slope{}, err
	}
	values := make([]float64, k)
	for i := range values {
		for j := range cross {
			values[i] += bread.At(i, j) * cross[j]
		}
	}
	scores, informs, size := make([][]float64, contacts), make([]bool, contacts), make([]int, contacts)
	for i := range scores {
		scores[i] = make([]float64, k)
	}
	for i, y := range outcome {
		c := contact[i]
		residual := y
		for j := range columns {
			residual -= values[j] * columns[j][i]
		}
		for j := range columns {
			scores[c][j] += columns[j][i] * residual
		}
		informs[c] = informs[c] || columns[0][i] != 0
		size[c]++
	}
	s := Slope{}
	for c, ok := range informs {
		if ok {
			s.Contacts++
			s.Observations += size[c]
		}
	}
	if s.Contacts < 2 {
		return Slope{}, fmt.Errorf("the dose varies in fewer than two contacts: %w", ErrNoVariation)
	}
	g := float64(s.Contacts)
	s.Coefficient = coefficients(values, sandwich(bread, scores, g/(g-1)), studentQuantile(g-1))[0]
	return s, nil
}

func dot(a, b []float64) float64 {
	var s sum
	for i := range a {
		s.add(a[i] * b[i])
	}
	return s.value()
}

// ConditionalLogit is the log odds ratio for one more of the dose within contacts.
type ConditionalLogit struct {
	Coefficient
	LogLikelihood, NullLogLikelihood float64
	Contacts                         int // whose outcome varies
	Dropped                          int // contacts whose outcome is the same in all windows
}

// FitConditionalLogit compares contacts with themselves where the outcome is 0 or 1: the likelihood is conditional
// on each contact's number of outcomes, and exact. Limits take the normal distribution.
// ErrShape for outcomes other than 0 and 1; ErrNoVariation if no contact's outcome and dose vary; ErrSeparation if
// the dose orders all outcomes; ErrConvergence. Sources: Chamberlain 1980; recursion of Howard 1972 as in Gail,
// Lubin and Rubinstein 1981.
func FitConditionalLogit(observations []Observation) (ConditionalLogit, error) {
	for i, o := range observations {
		if !finite(o.Dose) || (o.Outcome != 0 && o.Outcome != 1) {
			return ConditionalLogit{}, fmt.Errorf("observation %d: %w", i, ErrShape)
		}
	}
	contact, contacts := groups(len(observations), func(i int) int { return observations[i].Contact })
	doses, outcomes := make([][]float64, contacts), make([]int, contacts)
	observed := make([]float64, contacts) // sum of the doses with the outcome
	dose, _ := centred(observations, contact, contacts)
	for i, o := range observations {
		c := contact[i]
		doses[c] = append(doses[c], dose[i])
		if o.Outcome == 1 {
			outcomes[c]++
			observed[c] += dose[i]
		}
	}
	var fit ConditionalLogit
	informative := 0
	increasing, decreasing := true, true
	for c, n := range outcomes {
		if n == 0 || n == len(doses[c]) {
			fit.Dropped++
			continue
		}
		fit.Contacts++
		if squares(doses[c]) == 0 {
			continue
		}
		informative++
		sorted := slices.Sorted(slices.Values(doses[c]))
		var least, most float64
		for i := range n {
			least += sorted[i]
			most += sorted[len(sorted)-1-i]
		}
		near := 1e-12 * (math.Abs(least) + math.Abs(most))
		increasing = increasing && observed[c] >= most-near
		decreasing = decreasing && observed[c] <= least+near
	}
	if informative == 0 {
		return ConditionalLogit{}, ErrNoVariation
	}
	if increasing || decreasing {
		return ConditionalLogit{}, ErrSeparation
	}
	states := make([]subsetSum, 0, 1+slices.Max(outcomes))
	at := func(b float64) (logLikelihood, score, information float64) {
		var l, s, v sum
		for c, n := range outcomes {
			if n == 0 || n == len(doses[c]) {
				continue
			}
			logSum, mean, variance := subsets(doses[c], n, b, states)
			l.add(b*observed[c] - logSum)
			s.add(observed[c] - mean)
			v.add(variance)
		}
		return l.value(), s.value(), v.value()
	}
	b := 0.0
	logLikelihood, score, information := at(b)
	fit.NullLogLikelihood = logLikelihood
	for range 100 {
		if !(information > 0) {
			return ConditionalLogit{}, ErrConvergence
		}
		step := score / information
		if math.Abs(step)*math.Sqrt(information) < 1e-9 {
			se := 1 / math.Sqrt(information)
			fit.Coefficient = Coefficient{b, se, symmetric(b, Z*se)}
			fit.LogLikelihood = logLikelihood
			return fit, nil
		}
		// The likelihood is concave: a step that lowers it was too long.
		next, s, v := at(b + step)
		for range 60 {
			if next >= logLikelihood-1e-12*math.Abs(logLikelihood) {
				break
			}
			step /= 2
			next, s, v = at(b + step)
		}
		b += step
		logLikelihood, score, information = next, s, v
	}
	return ConditionalLogit{}, ErrConvergence
}

// subsets returns the logarithm of the sum of exp(b * sum of doses) over all subsets of the given size, and mean and
// variance of a subset's sum of doses under these weights. Doses are centred. It adds one at a time. For long histories the
// sums would leave the range of numbers: each dose is taken at the odds at which subsets of this size are the common ones,
// and what all sizes have in common is kept apart as a power of two. states is memory to use again.
func subsets(doses []float64, size int, b float64, states []subsetSum) (logSum, mean, variance float64) {
	states = append(states[:0], make([]subsetSum, size+1)...)
	states[0].weight = 1
	odds := max(1, float64(size)) / max(1, float64(len(doses)-size))
	var exponent int
	for i, x := range doses {
		w := odds * math.Exp(b*x)
		largest := states[0].weight
		for k := min(i+1, size); k >= 1; k-- {
			with, s := states[k-1], &states[k]
			s.square += w * (with.square + x*(2*with.first+x*with.weight))
			s.first += w * (with.first + x*with.weight)
			s.weight += w * with.weight
			largest = max(largest, s.weight)
		}
		if largest > 1e100 || largest < 1e-100 {
			_, e := math.Frexp(largest)
			exponent += e
			for k := range states {
				s := &states[k]
				s.weight, s.first, s.square = math.Ldexp(s.weight, -e), math.Ldexp(s.first, -e), math.Ldexp(s.square, -e)
			}
		}
	}
	s := states[size]
	mean = s.first / s.weight
	return math.Log(s.weight) + float64(exponent)*math.Ln2 - float64(size)*math.Log(odds), mean, max(0, s.square/s.weight-mean*mean)
}

// subsetSum is the sum of the weights of all subsets of one size, and of these times the subset's sum of doses and its square.
type subsetSum struct{ weight, first, square float64 }
