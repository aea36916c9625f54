package transform

import (
	"fmt"
	"slices"
)

// Jobs of some models of the job frequency, for tests that look at no others: every run of all models takes seconds, however little there is to compute.
const (
	Core            = "core"   // what tests of the runner look at
	Truth           = "truth"  // what worlds of a known truth are held against,
	Arms            = "arms"   // randomised tests,
	Advice          = "advice" // recommendations with other values,
	DeadNumbers     = "dead numbers"
	Risk            = "risk" // who is at risk when, and what is compared with what
	OptOutByMessage = "opt-out by message"
)

func init() {
	for job, relations := range map[string][]string{
		Core: {"coverage", "messages", "person_days", "frequency_engagement", "frequency_opt_out"},
		Truth: {"coverage", "messages", "person_days", "frequency_engagement", "frequency_opt_out", "frequency_curves",
			"contact_doses", "frequency_recommendation"},
		Arms:        {"coverage", "messages", "person_days", "frequency_arms", "contact_doses", "frequency_recommendation"},
		Advice:      {"coverage", "frequency_recommendation", "frequency_what_if"},
		DeadNumbers: {"coverage", "messages", "person_days", "frequency_opt_out"},
		Risk: {"coverage", "messages", "person_days", "frequency_distribution", "frequency_opt_out", "opt_out_by_message", "opt_out_by_time", "frequency_dose",
			"frequency_curves", "contact_doses"},
		OptOutByMessage: {"coverage", "messages", "opt_out_by_message"},
	} {
		for _, m := range jobs["frequency"] {
			if slices.Contains(relations, m.relation) {
				jobs[job] = append(jobs[job], m)
			}
		}
		if len(jobs[job]) != len(relations) {
			panic(fmt.Sprintf("the job frequency has %d of the models %v", len(jobs[job]), relations))
		}
	}
}
