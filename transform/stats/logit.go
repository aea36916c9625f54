package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Link says on which scale a regression of 0/1 outcomes is linear.
type Link int

const (
	// Logit: coefficients are log odds ratios.
	Logit Link = iota
	// CLogLog: coefficients are log hazard ratios of the continuous time behind discrete steps.
	CLogLog
)

// Trials is a row of a regression: independent trials of the same columns, one for a single message.
type Trials struct {
	X                []float64 // include a 1 for the intercept
	Outcomes, Others float64   // trials with the outcome and without it
	Contact          int       // rows of one contact are not independent
}

// Regression is a fitted model.
type Regression struct {
	Coefficients  []Coefficient // in the order of the columns
	LogLikelihood float64
	Contacts      int // clusters of the covariance; 0 where it is the model's
}

// BinomialRegression fits by iteratively reweighted least squares. With clustered, the covariance is robust to the
// likeness of a contact's rows (CR1) and the limits take t with contacts - 1 degrees of freedom; else it is the
// inverse expected information and the limits take the normal distribution.
// ErrShape for rows of different length, negative trials or none, and clustered with fewer than two contacts; ErrCollinear;
// ErrSeparation where predictions go to 0 or 1 for ever; ErrConvergence after 50 rounds.
// Sources: McCullagh and Nelder 1989; Prentice and Gloeckler 1978; Liang and Zeger 1986.
func BinomialRegression(rows []Trials, link Link, clustered bool) (Regression, error) {
	columns := 0
	if len(rows) > 0 {
		columns = len(rows[0].X)
	}
	if columns == 0 || (link != Logit && link != CLogLog) {
		return Regression{}, ErrShape
	}
	for i, r := range rows {
		if len(r.X) != columns || !finite(r.X...) || !finite(r.Outcomes, r.Others) || r.Outcomes < 0 || r.Others < 0 {
			return Regression{}, fmt.Errorf("row %d: %w", i, ErrShape)
		}
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Trials) bool { return r.Outcomes+r.Others == 0 })
	if len(rows) == 0 {
		return Regression{}, ErrShape
	}
	contact, contacts := groups(len(rows), func(i int) int { return rows[i].Contact })
	if clustered && contacts < 2 {
		return Regression{}, fmt.Errorf("a covariance between contacts needs two: %w", ErrShape)
	}

	const rounds = 50
	beta := make([]float64, columns)
	now := link.at(rows, beta, contact, contacts)
	for round := range rounds {
		bread, err := invert(now.information)
		if err != nil {
			if round > 0 { // the same columns were independent before the weights went to 0
				err = ErrSeparation
			}
			return Regression{}, err
		}
		step := make([]float64, columns)
		for i := range step {
			for j, s := range now.score {
				step[i] += bread.At(i, j) * s.value()
			}
		}
		if farthest(rows, step) < 1e-8 {
			r := Regression{LogLikelihood: now.logLikelihood}
			if !clustered {
				r.Coefficients = coefficients(beta, bread, Z)
				return r, nil
			}
			g := float64(contacts)
			r.Contacts = contacts
			r.Coefficients = coefficients(beta, sandwich(bread, now.scores, g/(g-1)), studentQuantile(g-1))
			return r, nil
		}
		next := make([]float64, columns)
		factor := 1.0
		var then balance
		for range 40 { // a step that lowers the likelihood was too long
			for i := range next {
				next[i] = beta[i] + factor*step[i]
			}
			then = link.at(rows, next, contact, contacts)
			if then.logLikelihood >= now.logLikelihood-1e-12*math.Abs(now.logLikelihood) {
				break
			}
			factor /= 2
		}
		// The likelihood stands still while the predictions still move: they are on their way to infinity.
		if round == rounds-1 && then.logLikelihood-now.logLikelihood < 1e-6*(1+math.Abs(now.logLikelihood)) {
			return Regression{}, ErrSeparation
		}
		beta, now = next, then
	}
	return Regression{}, ErrConvergence
}

// farthest returns by how much the step changes the linear predictor of a row at most.
func farthest(rows []Trials, step []float64) float64 {
	most := 0.0
	for _, r := range rows {
		most = max(most, math.Abs(dot(r.X, step)))
	}
	return most
}

// balance is the state of a fit at some coefficients.
type balance struct {
	logLikelihood float64
	score         []sum
	scores        [][]float64 // by contact
	information   *mat.SymDense
}

func (l Link) at(rows []Trials, beta []float64, contact []int, contacts int) balance {
	columns := len(beta)
	b := balance{score: make([]sum, columns), scores: make([][]float64, contacts), information: mat.NewSymDense(columns, nil)}
	for i := range b.scores {
		b.scores[i] = make([]float64, columns)
	}
	var logLikelihood sum
	information := make([]sum, columns*columns)
	for i, r := range rows {
		eta := dot(r.X, beta)
		// p, its complement and their logarithms apart, because a rare outcome's 1-p has no digits left.
		// slope is dp/d(eta), ratio is slope / (p (1-p)).
		var p, rest, logP, logRest, slope, ratio float64
		switch l {
		case Logit:
			p, rest = logistic(eta), logistic(-eta)
			logP, logRest = logLogistic(eta), logLogistic(-eta)
			slope, ratio = p*rest, 1
		case CLogLog:
			e := math.Exp(min(eta, 500))
			p, rest = -math.Expm1(-e), math.Exp(-e)
			logP, logRest = math.Log(p), -e
			slope, ratio = e*rest, e/p
		}
		if r.Outcomes > 0 {
			logLikelihood.add(r.Outcomes * logP)
		}
		if r.Others > 0 {
			logLikelihood.add(r.Others * logRest)
		}
		residual := (r.Outcomes*rest - r.Others*p) * ratio
		weight := (r.Outcomes + r.Others) * slope * ratio
		for j, x := range r.X {
			b.score[j].add(x * residual)
			b.scores[contact[i]][j] += x * residual
			for k := j; k < columns; k++ {
				information[j*columns+k].add(x * r.X[k] * weight)
			}
		}
	}
	for j := range columns {
		for k := j; k < columns; k++ {
			b.information.SetSym(j, k, information[j*columns+k].value())
		}
	}
	b.logLikelihood = logLikelihood.value()
	return b
}

// logLogistic returns log(logistic(x)).
func logLogistic(x float64) float64 { return min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) }
