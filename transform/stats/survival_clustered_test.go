package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// weightedSurvival is the share without event by a time, each subject as often as its weight says.
func weightedSurvival(subjects []Subject, weights []float64, at float64) float64 {
	share := 1.0
	for _, s := range subjects {
		if s.Cause == 0 || s.Exit > at {
			continue
		}
		var risk, died, n float64 // of n events at one time, each stands for its part of the step
		for i, o := range subjects {
			if o.Exit >= s.Exit {
				risk += weights[i]
			}
			if o.Exit == s.Exit && o.Cause != 0 {
				died += weights[i]
				n++
			}
		}
		share *= math.Pow((risk-died)/risk, 1/n)
	}
	return share
}

func TestClusteredKaplanMeier(t *testing.T) {
	// Clusters of one: Greenwood.
	plain, _ := KaplanMeier(maintained)
	ones := make([]int, len(maintained))
	for i := range ones {
		ones[i] = len(ones) - 1 - i
	}
	c, err := ClusteredKaplanMeier(maintained, ones)
	if err != nil {
		t.Fatal(err)
	}
	g := float64(len(ones))
	for i, s := range c.Steps {
		if want := plain.Steps[i].StdError * math.Sqrt(g/(g-1)); math.Abs(s.StdError-want) > 1e-12 || s.Share != plain.Steps[i].Share {
			t.Errorf("step %d: %v %v, Greenwood %v", i, s.Share, s.StdError, want)
		}
	}
	// Everybody twice, in the same cluster: nothing is known that was not.
	twice, err := ClusteredKaplanMeier(append(append([]Subject{}, maintained...), maintained...), append(append([]int{}, ones...), ones...))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range twice.Steps {
		if math.Abs(s.StdError-c.Steps[i].StdError) > 1e-12 || math.Abs(s.Lower-c.Steps[i].Lower) > 1e-12 {
			t.Errorf("step %d: %v, told once %v", i, s.StdError, c.Steps[i].StdError)
		}
	}
	// Clusters of any size: the change of log S with the weight of each cluster, by brute force.
	r := rand.New(rand.NewPCG(1, 2))
	var subjects []Subject
	var clusters []int
	for range 60 {
		subjects = append(subjects, Subject{Exit: float64(1 + r.IntN(12)), Cause: r.IntN(2)})
		clusters = append(clusters, r.IntN(9))
	}
	c, err = ClusteredKaplanMeier(subjects, clusters)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Steps {
		if s.Share == 0 {
			continue
		}
		var squares float64
		for k := range 9 {
			log := func(by float64) float64 {
				weights := make([]float64, len(subjects))
				for i := range weights {
					weights[i] = 1
					if clusters[i] == k {
						weights[i] += by
					}
				}
				return math.Log(weightedSurvival(subjects, weights, s.Time))
			}
			change := (log(1e-5) - log(-1e-5)) / 2e-5
			squares += change * change
		}
		if want := s.Share * math.Sqrt(9./8*squares); math.Abs(s.StdError-want) > 1e-7 {
			t.Errorf("at %v: %v, by brute force %v", s.Time, s.StdError, want)
		}
	}
	for _, wrong := range []func() (Curve, error){
		func() (Curve, error) { return ClusteredKaplanMeier(maintained, make([]int, len(maintained))) },
		func() (Curve, error) { return ClusteredKaplanMeier(maintained, ones[1:]) },
		func() (Curve, error) {
			return ClusteredKaplanMeier([]Subject{{Entry: 1, Exit: 2}, {Exit: 1}}, []int{0, 1})
		},
	} {
		if _, err := wrong(); err != ErrShape {
			t.Errorf("%v, want ErrShape", err)
		}
	}
}
