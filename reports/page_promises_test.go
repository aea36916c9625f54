package reports

import (
	"strings"
	"testing"
)

const keptRows = `
{"dimension":"all","segment":"","state":"exceeded","periods":400,"in_state":80,"contacts":90,"suppressed":0,"rate":0.2,"lower":0.15,"upper":0.26}
{"dimension":"all","segment":"","state":"kept","periods":400,"in_state":300,"contacts":90,"suppressed":0,"rate":0.75,"lower":0.7,"upper":0.8}
{"dimension":"all","segment":"","state":"unused","periods":400,"in_state":20,"contacts":90,"suppressed":0,"rate":0.05,"lower":0.03,"upper":0.08}
{"dimension":"promised_frequency","segment":"weekly","state":"kept","periods":400,"in_state":300,"contacts":90,"suppressed":0,"rate":0.75,"lower":0.7,"upper":0.8}
{"dimension":"topic","segment":"deals","state":"exceeded","periods":200,"in_state":60,"contacts":60,"suppressed":0,"rate":0.3,"lower":0.24,"upper":0.37}
{"dimension":"topic","segment":"news","state":"exceeded","periods":200,"in_state":20,"contacts":60,"suppressed":0,"rate":0.1,"lower":0.06,"upper":0.15}`

func TestPromises(t *testing.T) {
	rows := answers{"promise_kept": keptRows, "breach_rates": `
{"dimension":"all","segment":"","breach":"after_opt_out","way":"any","messages":1000,"broken":3,"contacts":90,"suppressed":1,"rate":null,"lower":null,"upper":null}
{"dimension":"topic","segment":"deals","breach":"after_opt_out","way":"any","messages":1000,"broken":3,"contacts":90,"suppressed":1,"rate":null,"lower":null,"upper":null}`}
	c := content(t, promisesPage, rows)
	if want := "deals breaks its promise most often: in 30.0% of its periods"; c.Finding != want {
		t.Errorf("the page says %q, want %q", c.Finding, want)
	}
	if len(c.Answers) != 2 || c.Answers[0].Value != "20.0%" || c.Answers[1].Value != "" || !strings.Contains(c.Answers[1].Sentence, "Too few") {
		t.Errorf("the answers are %+v", c.Answers)
	}
	// Fewer than five cases are no number anywhere.
	for _, s := range c.Sections {
		for _, f := range s.Figures {
			if f.ID == "breach-shares" {
				if f.Views[0].Finding != "Fewer than 5 of 1,000 marketing messages went out after an opt-out" || f.Views[0].Rows[0][4] != nil {
					t.Errorf("breaches say %q in %v", f.Views[0].Finding, f.Views[0].Rows)
				}
			}
		}
	}

	// Topics whose intervals overlap are not ranked.
	close := strings.Replace(keptRows, `"rate":0.1,"lower":0.06,"upper":0.15`, `"rate":0.2,"lower":0.14,"upper":0.27`, 1)
	if c := content(t, promisesPage, answers{"promise_kept": close}); c.Finding != "20.0% of promised periods had more messages than promised" {
		t.Errorf("of topics that cannot be told apart the page says %q", c.Finding)
	}
	if c := content(t, promisesPage, answers{}); !c.empty() {
		t.Errorf("without rows the page has %d sections, want none", len(c.Sections))
	}
}
