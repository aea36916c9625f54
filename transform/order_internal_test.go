package transform

import "testing"

// What Go reads besides the model's own SQL is waited for as well.
func TestModelsWaitForWhatTheyRead(t *testing.T) {
	for _, want := range []struct{ relation, after string }{
		{"stated_agreement", "stated_observed"},
		{"stated_observed", "survey_estimates"},
		{"frequency_recommendation", "frequency_arms"},
		{"frequency_what_if", "frequency_curves"},
		{"spend_what_if", "message_costs"},
		{"promise_periods", "consents"},
	} {
		found := false
		for job, steps := range jobs {
			earlier, err := earlierOf(steps)
			if err != nil {
				t.Fatalf("%s: %v", job, err)
			}
			for i, m := range steps {
				for _, j := range earlier[i] {
					found = found || m.relation == want.relation && steps[j].relation == want.after
				}
			}
		}
		if !found {
			t.Errorf("%s does not wait for %s", want.relation, want.after)
		}
	}
}
