package reports

import (
	"strings"
	"testing"
)

const responseRows = `
{"dimension":"all","segment":"","author":"any","clock":"wall","measure":"within","at_s":300,"at_share":0,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":0.25,"lower":0.2,"upper":0.3,"why":""}
{"dimension":"all","segment":"","author":"any","clock":"wall","measure":"within","at_s":3600,"at_share":0,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":0.5,"lower":0.45,"upper":0.55,"why":""}
{"dimension":"all","segment":"","author":"any","clock":"wall","measure":"within","at_s":86400,"at_share":0,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":0.8,"lower":0.76,"upper":0.84,"why":""}
{"dimension":"all","segment":"","author":"any","clock":"wall","measure":"quantile","at_s":0,"at_share":0.5,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":3600,"lower":3000,"upper":4800,"why":""}
{"dimension":"all","segment":"","author":"any","clock":"wall","measure":"quantile","at_s":0,"at_share":0.9,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":null,"lower":200000,"upper":null,"why":"beyond the longest time watched"}
{"dimension":"all","segment":"","author":"bot","clock":"wall","measure":"within","at_s":3600,"at_share":0,"contacts":400,"cases":1000,"answered":4,"calendar_cases":0,"observed_s":604800,"suppressed":1,"estimate":null,"lower":null,"upper":null,"why":"fewer than 30 contacts or 5 answered cases"}
{"dimension":"all","segment":"","author":"any","clock":"business","measure":"within","at_s":3600,"at_share":0,"contacts":400,"cases":1000,"answered":900,"calendar_cases":0,"observed_s":604800,"suppressed":0,"estimate":0.5,"lower":0.45,"upper":0.55,"why":"no calendar: wall-clock time"}`

func TestConversations(t *testing.T) {
	rows := answers{"first_response author= clock=": responseRows,
		"conversations_by_week": `
{"dimension":"all","segment":"","week":"2026-03-02","contacts":90,"cases":120,"by_contact":100,"by_business":20}
{"dimension":"all","segment":"","week":"2026-03-09","contacts":29,"cases":77,"by_contact":40,"by_business":37}`,
		"published_figures": `{"figure_id":"weekly","statement":"weekly","category":"","market":"","value":33,"unit":"percent","qualifier":"about","base":"","source":"a survey","year":2022,"certainty":"B"}`}
	c := content(t, conversationsPage, rows)
	if want := "25.0% of cases are answered within 5 minutes, 50.0% within an hour, 80.0% within a day"; c.Finding != want {
		t.Errorf("the page says %q, want %q", c.Finding, want)
	}
	if len(c.Answers) != 1 || c.Answers[0].Value != "1 hour" || c.Answers[0].Interval != "95% interval 50 minutes to 1.3 hours" {
		t.Errorf("the answers are %+v", c.Answers)
	}
	// What was not reached is no blank, and what is too small no number.
	if row := figure(c, "waits").Views[0].Rows[0]; row[4] != 1.0 || row[7] != nil || row[10] != "not within 7 days" {
		t.Errorf("how long until nine in ten are answered is printed as %v", row)
	}
	if row := figure(c, "answered-wall").Views[0].Rows[3]; row[0] != "a bot" || row[4] != nil || row[5] != nil || row[8] != "<5" {
		t.Errorf("four answers of bots are printed as %v", row)
	}
	began := figure(c, "who-begins").Views[0]
	if row := began.Rows[1]; row[1] != nil || row[2] != nil || row[3] != nil || row[4] != "n<30" || strings.Contains(began.N+began.Finding, "197") {
		t.Errorf("a week of 29 contacts is printed as %v, under %q, %q", row, began.Finding, began.N)
	}
	// Without calendars there is no second curve, and without a survey nothing is stated.
	for _, id := range []string{"answered-business", "scale", "joined", "kappa", "uses-shares"} {
		if f := figure(c, id); !f.empty() {
			t.Errorf("the page has %s", id)
		}
	}
	if c := content(t, conversationsPage, answers{"published_figures": rows["published_figures"]}); !c.empty() {
		t.Errorf("without rows of the business the page has %d sections, want none", len(c.Sections))
	}

	// What people say stands beside what they did; counts that would give somebody away do not.
	rows["surveys"] = surveyRows
	rows["survey_frequency"] = `
{"survey_id":"s","dimension":"all","segment":"","markets":"","question_id":"f","measures":"frequency","statistic":"at_least","option":4,"label":"at least Weekly","n":90,"base_n":900,"value":0.1,"lower":0.08,"upper":0.12,"why":"","wording":"How often?","base":"all"}
{"survey_id":"s","dimension":"all","segment":"","markets":"","question_id":"f","measures":"frequency","statistic":"share","option":4,"label":"Weekly","n":60,"base_n":900,"value":0.07,"lower":0.05,"upper":0.09,"why":"","wording":"How often?","base":"all"}`
	rows["stated_frequency"] = `{"survey_id":"s","window_from":"2026-05-01","window_to":"2026-05-29","dimension":"all","segment":"","question_id":"f","option_position":4,"label":"Weekly","stated_population":"customers","observed_population":"contacts","base_n":900,"stated":0.07,"stated_lower":0.05,"stated_upper":0.09,"contacts":300,"observed_n":30,"observed":0.1,"observed_lower":0.07,"observed_upper":0.14,"why":""}`
	rows["conversation_frequency"] = `{"dimension":"all","segment":"","as_of":"2026-05-29T00:00:00.000Z","category":"weekly","base":300,"contacts":30,"suppressed":0,"share":0.1,"lower":0.07,"upper":0.14,"at_least_share":0.2,"at_least_lower":0.16,"at_least_upper":0.25}`
	rows["stated_joined subject=frequency"] = `
{"survey_id":"s","stated":"Weekly","stated_position":4,"observed":"Weekly","observed_position":4,"respondents":36}
{"survey_id":"s","stated":"Weekly","stated_position":4,"observed":"Never","observed_position":8,"respondents":null}`
	c = content(t, conversationsPage, rows)
	if want := "10.0% (8.0\u00a0to\u00a012.0%) say they message weekly or more often; the log shows 20.0% (16.0\u00a0to\u00a025.0%) of contacts"; figure(c, "scale").Views[0].Finding != want {
		t.Errorf("how often says %q, want %q", figure(c, "scale").Views[0].Finding, want)
	}
	if row := figure(c, "joined").Views[0].Rows[0]; row[1] != uint64(36) || row[2] != nil || row[3] != "<10" {
		t.Errorf("what people say by what they did is printed as %v", row)
	}
	if f := figure(c, "scale-observed"); !f.empty() {
		t.Error("the log stands twice")
	}
}
