package stats

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Errors of models.
var (
	ErrCollinear   = errors.New("the columns depend on each other: leave one out")
	ErrSeparation  = errors.New("the outcome is predicted perfectly, so a coefficient has no finite estimate")
	ErrConvergence = errors.New("the fit did not converge")
)

// Coefficient is one fitted parameter.
type Coefficient struct {
	Value    float64
	StdError float64
	Interval
}

// coefficients completes values with their covariance and the t or normal quantile of their limits.
func coefficients(values []float64, covariance mat.Symmetric, quantile float64) []Coefficient {
	cs := make([]Coefficient, len(values))
	for i, v := range values {
		se := math.Sqrt(max(0, covariance.At(i, i)))
		cs[i] = Coefficient{v, se, symmetric(v, quantile*se)}
	}
	return cs
}

// invert returns the inverse of a positive definite matrix, or ErrCollinear. It scales rows and columns first, so
// that units of the columns do not look like dependence.
func invert(m *mat.SymDense) (*mat.SymDense, error) {
	n := m.SymmetricDim()
	scale := make([]float64, n)
	for i := range scale {
		d := m.At(i, i)
		if !(d > 0) || !finite(d) {
			return nil, ErrCollinear
		}
		scale[i] = 1 / math.Sqrt(d)
	}
	scaled := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			scaled.SetSym(i, j, m.At(i, j)*scale[i]*scale[j])
		}
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(scaled) || cholesky.Cond() > 1e12 {
		return nil, ErrCollinear
	}
	var inverse mat.SymDense
	if err := cholesky.InverseTo(&inverse); err != nil {
		return nil, ErrCollinear
	}
	for i := range n {
		for j := i; j < n; j++ {
			inverse.SetSym(i, j, inverse.At(i, j)*scale[i]*scale[j])
		}
	}
	return &inverse, nil
}

// sandwich returns bread * sum of the clusters' score products * bread, times factor.
// Source: Liang and Zeger 1986.
func sandwich(bread *mat.SymDense, scores [][]float64, factor float64) *mat.SymDense {
	n := bread.SymmetricDim()
	covariance := mat.NewSymDense(n, nil)
	half := make([]float64, n)
	for _, score := range scores {
		for i := range n {
			half[i] = 0
			for j, s := range score {
				half[i] += bread.At(i, j) * s
			}
		}
		covariance.SymRankOne(covariance, factor, mat.NewVecDense(n, half))
	}
	return covariance
}

// groups numbers the keys 0, 1, ... in the order of their first appearance.
func groups(n int, key func(i int) int) (number []int, count int) {
	number = make([]int, n)
	seen := map[int]int{}
	for i := range n {
		g, ok := seen[key(i)]
		if !ok {
			g = len(seen)
			seen[key(i)] = g
		}
		number[i] = g
	}
	return number, len(seen)
}
