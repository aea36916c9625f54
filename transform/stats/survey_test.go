package stats

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
)

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// is returns 1 where the column has the value.
func is(rows []map[string]string, name, value string) []float64 {
	return column(rows, func(row map[string]string) float64 {
		if row[name] == value {
			return 1
		}
		return 0
	})
}

func where(xs []float64) []bool { return column(xs, func(x float64) bool { return x == 1 }) }

// codes numbers the values of a column.
func codes(rows []map[string]string, name string) []int {
	seen := map[string]int{}
	numbers := make([]int, len(rows))
	for i, row := range rows {
		code, ok := seen[row[name]]
		if !ok {
			code = len(seen)
			seen[row[name]] = code
		}
		numbers[i] = code
	}
	return numbers
}

func limits(t *testing.T, what string, got Interval, ok bool, lower, upper, tolerance float64) {
	t.Helper()
	if !ok {
		t.Errorf("%s: undefined", what)
	}
	near(t, what+" lower", got.Lower, lower, tolerance)
	near(t, what+" upper", got.Upper, upper, tolerance)
}

// design says how respondents were drawn, one element for each.
type design struct {
	Weights    []float64
	Strata     []int
	Units      []int           // numbered within strata; nil: each respondent is one
	Population map[int]float64 // units by stratum
}

// sums returns what the columns add up to over the domain, each times the weight.
func (d design) sums(in []bool, columns ...[]float64) Survey {
	type unit struct{ stratum, unit int }
	totals, strata, asked := map[unit][]float64{}, map[int]*Stratum{}, map[unit]bool{}
	var order []int
	var units []unit
	for i, w := range d.Weights {
		u := unit{0, i}
		if d.Strata != nil {
			u.stratum = d.Strata[i]
		}
		if d.Units != nil {
			u.unit = d.Units[i]
		}
		h, ok := strata[u.stratum]
		if !ok {
			h = &Stratum{Population: d.Population[u.stratum], Totals: make([]float64, len(columns))}
			for range columns {
				h.Products = append(h.Products, make([]float64, len(columns)))
			}
			strata[u.stratum] = h
			order = append(order, u.stratum)
		}
		if totals[u] == nil {
			totals[u] = make([]float64, len(columns))
			units = append(units, u)
			h.Units++
		}
		if in != nil && !in[i] {
			continue
		}
		if !asked[u] {
			asked[u] = true
			h.InDomain++
		}
		for k, column := range columns {
			totals[u][k] += w * column[i]
		}
	}
	for _, u := range units {
		for k, x := range totals[u] {
			strata[u.stratum].Totals[k] += x
			for l, y := range totals[u] {
				strata[u.stratum].Products[k][l] += x * y
			}
		}
	}
	var all []Stratum
	for _, h := range order {
		all = append(all, *strata[h])
	}
	return NewSurvey(all)
}

func (d design) respondents(in []bool, y []float64) (r Respondents) {
	for i, w := range d.Weights {
		if in == nil || in[i] {
			r.N++
			r.Weight += w
			r.WeightSquares += w * w
			r.ValueSquares += w * y[i] * y[i]
		}
	}
	return r
}

func (d design) mean(y []float64, in []bool) (SurveyMean, error) {
	s := d.sums(in, ones(len(y)), y)
	r, ok := s.Quotient([]float64{0, 1}, []float64{1, 0})
	if !ok {
		return SurveyMean{}, ErrShape
	}
	return s.Mean(r, d.respondents(in, y))
}

func mean(t *testing.T, d design, y []float64, in []bool) SurveyMean {
	t.Helper()
	m, err := d.mean(y, in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// independence tests two classifications, each numbered from 0.
func (d design) independence(rows, columns []int) (RaoScott, error) {
	r, c := slices.Max(rows)+1, slices.Max(columns)+1
	var totals [][]float64
	cells := make([][][]float64, r)
	for i := range cells {
		for j := range c {
			totals = append(totals, column(rows, func(int) float64 { return 0 }))
			for k := range rows {
				if rows[k] == i && columns[k] == j {
					totals[i*c+j][k] = 1
				}
			}
			cells[i] = append(cells[i], make([]float64, r*c))
			cells[i][j][i*c+j] = 1
		}
	}
	return d.sums(nil, totals...).Independence(cells, uint64(len(rows)))
}

func TestSurveyMean(t *testing.T) {
	y := []float64{1, 0, 1, 1, 0, 0}
	m := mean(t, design{Weights: []float64{2, 1, .5, 1.5, 1, 2}}, y, nil)
	near(t, "share", m.Value, .5, closedForm)
	near(t, "standard error", m.StdError, .242061459138, closedForm)
	near(t, "effective", m.Kish, 5.12, closedForm)
	i, ok := m.Logit()
	limits(t, "logit", i, ok, .076636100685, .92336389931, quantileBased)
	i, ok = m.KornGraubard(false)
	limits(t, "Korn-Graubard", i, ok, .075011536118, .92498846388, quantileBased)

	scaled := mean(t, design{Weights: []float64{20, 10, 5, 15, 10, 20}}, y, nil)
	near(t, "scaled weights", scaled.StdError, m.StdError, closedForm)
	simple := mean(t, design{Weights: ones(6)}, y, nil)
	near(t, "equal weights", simple.Kish, 6, closedForm)
	near(t, "their design effect", simple.DesignEffect, 1, closedForm)

	two := design{Weights: []float64{3, 3, 2, 2, 5, 5, 4, 4}, Strata: []int{1, 1, 1, 1, 2, 2, 2, 2}, Units: []int{1, 1, 2, 2, 3, 3, 4, 4}}
	m = mean(t, two, []float64{1, 0, 1, 1, 0, 0, 1, 0}, nil)
	near(t, "share", m.Value, .392857142857, closedForm)
	near(t, "standard error", m.StdError, .182429175, 5e-9)
	near(t, "degrees of freedom", m.DF, 2, 0)
	i, ok = m.Logit()
	limits(t, "logit", i, ok, .0235190381, .9456027465, quantileBased)
}

func TestSurveyMeanAtTheEnds(t *testing.T) {
	s := design{Weights: []float64{2, 1, .5, 1.5, 1, 2}}
	for _, share := range []float64{0, 1} {
		m := mean(t, s, slices.Repeat([]float64{share}, 6), nil)
		if _, ok := m.Logit(); ok || m.Varies || m.StdError != 0 || m.DesignEffect != 0 {
			t.Errorf("share %v: %+v", share, m)
		}
		want := clopperPearson(share*5.12, 5.12)
		i, ok := m.KornGraubard(false)
		if !ok || i != want {
			t.Errorf("share %v: %+v, want %+v", share, i, want)
		}
	}
}

func TestSurveyRefuses(t *testing.T) {
	y := []float64{1, 0, 1, 0}
	f := func(what string, d design, y []float64, in []bool, want error) {
		t.Helper()
		if m, err := d.mean(y, in); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", what, m, err, want)
		}
	}
	f("no respondents", design{}, nil, nil, ErrShape)
	f("an empty domain", design{Weights: ones(4)}, y, make([]bool, 4), ErrShape)
	f("one respondent", design{Weights: ones(1)}, []float64{1}, nil, ErrLonely)
	f("one respondent of the domain", design{Weights: ones(4)}, y, []bool{true, false, false, false}, ErrLonely)
	f("as many strata as units", design{Weights: ones(4), Strata: []int{1, 2, 3, 4}}, y, nil, ErrLonely)
}

func TestLonelyUnit(t *testing.T) {
	// Three units of one stratum and one of another, y 1 0 1 and 0: centred at the mean of all, which is .5.
	s := design{Weights: ones(4), Strata: []int{1, 1, 1, 2}}
	y := []float64{1, 0, 1, 0}
	m := mean(t, s, y, nil)
	near(t, "standard error", m.StdError, math.Sqrt((3./2*(2./3)+.25)/16), closedForm)
	if sums := s.sums(nil, y); m.DF != 2 || !sums.Lonely {
		t.Errorf("%+v", m)
	}
	s.Population = map[int]float64{1: 1e12, 2: 1}
	near(t, "all of a stratum were asked", mean(t, s, y, nil).StdError, math.Sqrt(3./2*(2./3)/16), quantileBased)
}

func TestScoresThatDoNotVary(t *testing.T) {
	// All of one stratum chose it and none of the other: the strata are known, so nothing is left to vary.
	weights := []float64{.1, .1, .1, .3, .3, .3}
	m := mean(t, design{Weights: weights, Strata: []int{1, 1, 1, 2, 2, 2}}, []float64{1, 1, 1, 0, 0, 0}, nil)
	if m.StdError != 0 || m.Varies {
		t.Errorf("%+v", m)
	}
	near(t, "share", m.Value, .25, closedForm)
}

func TestStratifiedSchools(t *testing.T) {
	rows := table(t, "r_reference/apistrat.csv")
	s := design{Weights: numbers(t, rows, "pw"), Strata: codes(rows, "stype"), Population: map[int]float64{}}
	for i, population := range numbers(t, rows, "fpc") {
		s.Population[s.Strata[i]] = population
	}
	met := is(rows, "sch.wide", "Yes")
	m := mean(t, s, met, nil)
	near(t, "share", m.Value, .827948011423, closedForm)
	near(t, "standard error", m.StdError, .0243447801, 1e-8)
	i, ok := m.Logit()
	limits(t, "logit", i, ok, .7745396547, .8708148549, quantileBased)
	i, ok = m.KornGraubard(false)
	limits(t, "Korn-Graubard", i, ok, .7741713287, .8734315926, quantileBased)
	near(t, "effective", m.Kish, 168.5813313, closedForm)
	effect, _, _ := Kish(s.Weights)
	near(t, "Kish", effect, 1.186370985, closedForm)

	api := mean(t, s, numbers(t, rows, "api00"), nil)
	near(t, "mean", api.Value, 662.287363, closedForm)
	near(t, "standard error", api.StdError, 9.408941, quantileBased)
	near(t, "design effect", api.DesignEffect, 1.20446, 5e-6)
	s.Population = nil
	near(t, "infinite population", mean(t, s, numbers(t, rows, "api00"), nil).StdError, 9.53613, iterative)

	m = mean(t, design{Weights: s.Weights}, met, nil)
	near(t, "weights only", m.StdError, .02606867967, closedForm)
	i, ok = m.Logit()
	limits(t, "logit", i, ok, .7703487221, .8734735009, quantileBased)
	i, ok = m.KornGraubard(false)
	limits(t, "Korn-Graubard", i, ok, .7699107512, .8764512764, quantileBased)
	i, ok = m.KornGraubard(true)
	limits(t, "capped", i, ok, .7683642587, .8775297900, quantileBased)
}

func clusteredSchools(t *testing.T) ([]map[string]string, design) {
	rows := table(t, "r_reference/apiclus1.csv")
	return rows, design{Weights: numbers(t, rows, "pw"), Units: codes(rows, "dnum"), Population: map[int]float64{0: 757}}
}

func TestClusteredSchools(t *testing.T) {
	rows, s := clusteredSchools(t)
	api := mean(t, s, numbers(t, rows, "api00"), nil)
	near(t, "mean", api.Value, 644.169399, closedForm)
	near(t, "standard error", api.StdError, 23.542241, quantileBased)
	near(t, "design effect", api.DesignEffect, 9.34587, 5e-6)
	none := mean(t, s, is(rows, "ell", "0"), nil)
	near(t, "share", none.Value, .0218579235, 5e-9)
	near(t, "standard error", none.StdError, .0226224509, 5e-9)
	i, ok := none.Logit()
	limits(t, "logit", i, ok, .0023046913, .1777477668, quantileBased)
	i, ok = none.KornGraubard(false)
	limits(t, "Korn-Graubard", i, ok, .0002161468, .1375077639, 5e-7)
	if p := none.Present(); p != Suppressed {
		t.Errorf("presentation %v", p)
	}

	test, err := s.independence(codes(rows, "sch.wide"), codes(rows, "stype"))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Pearson", test.Pearson, 11.940892, quantileBased)
	near(t, "F", test.F, 5.1933695, quantileBased)
	near(t, "numerator's degrees of freedom", test.DF1, 1.4946398, quantileBased)
	near(t, "denominator's degrees of freedom", test.DF2, 20.9249569, quantileBased)
	near(t, "p", test.P, .02174746, 5e-7)
}

func TestHealthSurvey(t *testing.T) {
	rows := table(t, "r_reference/nhanes.csv")
	units, strata := codes(rows, "SDMVPSU"), codes(rows, "SDMVSTRA")
	s := design{Weights: numbers(t, rows, "WTMEC2YR"), Strata: strata, Units: units}
	in := column(is(rows, "HI_CHOL", "NA"), func(x float64) bool { return x == 0 })
	m := mean(t, s, is(rows, "HI_CHOL", "1"), in)
	near(t, "share", m.Value, .112142956350, closedForm)
	near(t, "standard error", m.StdError, .005445839699, closedForm)
	near(t, "design effect", m.DesignEffect, 2.3368, 5e-5)
	if m.DF != 16 || m.N != 7846 {
		t.Errorf("%+v", m)
	}
	i, ok := m.Logit()
	limits(t, "logit", i, ok, .101106959, .124217089, quantileBased)
	i, ok = m.KornGraubard(false)
	limits(t, "Korn-Graubard", i, ok, .1008256144, .1242575273, quantileBased)
	if p := m.Present(); p != Shown {
		t.Errorf("presentation %v", p)
	}
}

// A weighted survey of men with multiple choice: its publisher's percentages and R's errors, in all groups.
func TestMultipleChoice(t *testing.T) {
	rows := table(t, "masculinity_survey/responses.csv")
	s := design{Weights: numbers(t, rows, "weight")}
	groups := map[string][]bool{
		"all": nil, "White": where(is(rows, "race2", "White")), "Non-white": where(is(rows, "race2", "Non-white")),
		"age 18 - 34": where(is(rows, "age3", "18 - 34")), "age 35 - 64": where(is(rows, "age3", "35 - 64")), "age 65 and up": where(is(rows, "age3", "65 and up")),
	}
	for _, want := range table(t, "masculinity_survey/expected_r_survey.csv") {
		what := want["group"] + " " + want["item"]
		m := mean(t, s, numbers(t, rows, want["item"]), groups[want["group"]])
		number := func(name string) float64 {
			x, err := strconv.ParseFloat(want[name], 64)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		near(t, what+" share", m.Value, number("share"), closedForm)
		near(t, what+" standard error", m.StdError, number("se"), closedForm)
		near(t, what+" effective", m.Kish, number("n_eff_kish"), closedForm)
		i, ok := m.Logit()
		limits(t, what+" logit", i, ok, number("logit_lo"), number("logit_hi"), quantileBased)
		i, ok = m.KornGraubard(false)
		limits(t, what+" Korn-Graubard", i, ok, number("kg_lo"), number("kg_hi"), quantileBased)
	}
	for _, published := range table(t, "masculinity_survey/published_percent.csv") {
		m := mean(t, s, numbers(t, rows, published["item"]), nil)
		if got := strconv.Itoa(int(math.Round(100 * m.Value))); got != published["pub_all"] {
			t.Errorf("%s: %s %%, published %s %%", published["item"], got, published["pub_all"])
		}
	}

	var worries [][]float64
	for _, item := range []string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"} {
		worries = append(worries, numbers(t, rows, "worry"+item))
	}
	of := s.sums(nil, append(worries, ones(len(rows)))...)
	unit := func(k int) []float64 {
		v := make([]float64, 12)
		v[k] = 1
		return v
	}
	var ratios []Quotient
	for k := range worries {
		r, ok := of.Quotient(unit(k), unit(11))
		if !ok {
			t.Fatal("undefined")
		}
		ratios = append(ratios, r)
	}
	d, ok := of.Difference(ratios[1], ratios[9])
	if !ok || !d.HasInterval || d.Lower > 0 || d.Upper < 0 || d.P < .05 {
		t.Errorf("%+v", d)
	}
	near(t, "difference of options", d.Value, .0069492304, 5e-8)
	near(t, "its standard error", d.StdError, .0295511166, 1e-8)
	var means []float64
	covariance := make([][]float64, len(ratios))
	for i, a := range ratios {
		means = append(means, a.Value)
		for _, b := range ratios {
			covariance[i] = append(covariance[i], of.Covariance(a, b))
		}
	}
	ranks, critical, err := Ranks(means, covariance)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "critical", critical, 3.3172473616, quantileBased)
	want := []RankInterval{{11, 11}, {1, 3}, {7, 10}, {4, 6}, {8, 10}, {7, 10}, {6, 9}, {4, 7}, {1, 3}, {1, 3}, {4, 6}}
	if !slices.Equal(ranks, want) {
		t.Errorf("ranks %v, want %v", ranks, want)
	}

	young, old := mean(t, s, worries[7], groups["age 18 - 34"]), mean(t, s, worries[7], groups["age 65 and up"])
	near(t, "young", young.StdError, .053582126, 1e-8)
	near(t, "old", old.StdError, .023704648, 5e-8)
	in := func(group string) []float64 { return is(rows, "age3", group) }
	both := func(a, b []float64) []float64 {
		product := slices.Clone(a)
		for i := range product {
			product[i] *= b[i]
		}
		return product
	}
	either := s.sums(nil, in("18 - 34"), both(in("18 - 34"), worries[7]), in("65 and up"), both(in("65 and up"), worries[7]))
	a, _ := either.Quotient([]float64{0, 1, 0, 0}, []float64{1, 0, 0, 0})
	b, _ := either.Quotient([]float64{0, 0, 0, 1}, []float64{0, 0, 1, 0})
	if d, ok = either.Difference(a, b); !ok {
		t.Fatal("undefined")
	}
	near(t, "difference of groups", d.Value, .280500756, 5e-9)
	near(t, "its standard error", d.StdError, .05859, 1e-4)
	test, err := s.independence(column(worries[7], func(x float64) int { return int(x) }), codes(rows, "age3"))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "F", test.F, 11.627088, quantileBased)
	near(t, "p", test.P, 5.285e-5, 1e-4)
}

func TestIndependenceOfAnUnweightedSample(t *testing.T) {
	// Equal weights: the correction is the sample's n/(n-1), and F Pearson's statistic by its degrees of freedom.
	r := []int{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}
	c := []int{0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1}
	test, err := design{Weights: ones(14)}.independence(r, c)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Pearson", test.Pearson, 14.*(4*6-2*2)*(4*6-2*2)/(6*8*6*8), closedForm)
	near(t, "degrees of freedom", test.DF1, 1, closedForm)
	if _, err := (design{Weights: ones(14)}).independence(r, make([]int, 14)); !errors.Is(err, ErrShape) {
		t.Errorf("one answer: %v", err)
	}
}

func TestRanks(t *testing.T) {
	covariance := independent([]float64{.02, .02, .02, .02, .015})
	ranks, critical, err := Ranks([]float64{.42, .38, .37, .25, .10}, covariance)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "critical", critical, 2.807033768, quantileBased)
	if want := []RankInterval{{1, 3}, {1, 3}, {1, 3}, {4, 4}, {5, 5}}; !slices.Equal(ranks, want) {
		t.Errorf("%v, want %v", ranks, want)
	}
	if _, _, err := Ranks([]float64{1}, [][]float64{{1}}); !errors.Is(err, ErrShape) {
		t.Errorf("one item: %v", err)
	}
}

func TestPresent(t *testing.T) {
	f := func(x, n int, want Presentation) {
		t.Helper()
		y := make([]float64, n)
		for i := range x {
			y[i] = 1
		}
		if p := mean(t, design{Weights: ones(n)}, y, nil).Present(); p != want {
			t.Errorf("%d of %d: %v, want %v", x, n, p, want)
		}
	}
	f(14, 29, Suppressed)
	f(20, 40, Suppressed) // at least .30 wide
	f(30, 60, Shown)
	f(3, 60, Suppressed) // wider than 1.3 times the share
	f(57, 60, Flagged)   // only its complement is
	f(0, 1000, Shown)    // narrow
}
