package reports

import (
	"strings"
	"testing"
)

const painRows = `
{"dimension":"all","segment":"","pain":"slow_reply","setting":"after more than 1 h","contacts":400,"hit":160,"units":1000,"unit_hits":240,"suppressed":0,"reach":0.4,"lower":0.35,"upper":0.45,"rank_best":1,"rank_worst":1,"ranked":2,"hit_weeks":80,"other_weeks":300,"overlap":0.9,"excess":0.02,"excess_lower":0.005,"excess_upper":0.035,"why":""}
{"dimension":"all","segment":"","pain":"no_reply","setting":"within 24 h","contacts":400,"hit":80,"units":1000,"unit_hits":99,"suppressed":0,"reach":0.2,"lower":0.16,"upper":0.25,"rank_best":2,"rank_worst":2,"ranked":2,"hit_weeks":80,"other_weeks":300,"overlap":0.2,"excess":null,"excess_lower":null,"excess_upper":null,"why":"no excess: most weeks with a hit have no like without"}
{"dimension":"all","segment":"","pain":"message_after_opt_out","setting":"marketing","contacts":400,"hit":3,"units":5151,"unit_hits":4,"suppressed":1,"reach":null,"lower":null,"upper":null,"rank_best":null,"rank_worst":null,"ranked":2,"hit_weeks":0,"other_weeks":0,"overlap":null,"excess":null,"excess_lower":null,"excess_upper":null,"why":"no reach: fewer than 30 contacts at risk or 5 hit; no excess: who has opted out cannot leave again"}`

const surveyRows = `{"survey_id":"s","title":"Spring","population":"customers","synthetic":0,"respondents":900,"rejected":0,"answered_from":"2026-05-04","answered_to":"2026-05-17","weighted":0,"raked":1,"trim":0,"trimmed":0,"design_effect":1.5}`

const namedRows = `
{"survey_id":"s","dimension":"all","segment":"","markets":"population","question_id":"q","measures":"pains","statistic":"share","option":1,"label":"It came late","pain":"slow_reply","n":300,"base_n":900,"value":0.33,"lower":0.3,"upper":0.36,"why":"","wording":"What annoyed you?","base":"those who wrote"}
{"survey_id":"s","dimension":"all","segment":"","markets":"population","question_id":"q","measures":"pains","statistic":"share","option":2,"label":"It was rude","pain":"","n":200,"base_n":900,"value":0.22,"lower":0.19,"upper":0.25,"why":"","wording":"What annoyed you?","base":"those who wrote"}
{"survey_id":"s","dimension":"all","segment":"","markets":"population","question_id":"q","measures":"pains","statistic":"share","option":3,"label":"A scam","pain":"","n":null,"base_n":900,"value":null,"lower":null,"upper":null,"why":"count below 10","wording":"What annoyed you?","base":"those who wrote"}
{"survey_id":"s","dimension":"all","segment":"","markets":"population","question_id":"q","measures":"pains","statistic":"share","option":4,"label":"None of these","pain":"","n":400,"base_n":900,"value":0.44,"lower":0.4,"upper":0.48,"why":"","wording":"What annoyed you?","base":"those who wrote"}`

const rankRows = `
{"survey_id":"s","dimension":"all","segment":"","question_id":"q","option":1,"label":"It came late","pain":"slow_reply","rank_best":1,"rank_worst":1,"ranked":2}
{"survey_id":"s","dimension":"all","segment":"","question_id":"q","option":2,"label":"It was rude","pain":"","rank_best":2,"rank_worst":2,"ranked":2}`

// figure finds a figure of a page; none is an empty one.
func figure(c Content, id string) Figure {
	for _, s := range c.Sections {
		for _, f := range s.Figures {
			if f.ID == id {
				return f
			}
		}
	}
	return Figure{}
}

func TestPains(t *testing.T) {
	both := answers{"pain_points": painRows, "surveys": surveyRows, "survey_estimates measures=pains": namedRows, "survey_ranks measures=pains": rankRows,
		"published_figures": `{"figure_id":"annoyed","statement":"annoyed","category":"","market":"","value":94,"unit":"percent","qualifier":"","base":"2,500 consumers","source":"a survey","year":0,"certainty":"B"}`}
	says := func(rows answers, want string) Content {
		t.Helper()
		c := content(t, painsPage, rows)
		if c.Finding != want {
			t.Errorf("the page says %q, want %q", c.Finding, want)
		}
		return c
	}
	c := says(both, "“Slow reply” comes first, in what people say and in what happened to them")
	if len(c.Answers) != 1 || c.Answers[0].Value != "40.0%" || c.Answers[0].Interval != "95% interval 35.0\u00a0to\u00a045.0%, rank 1 of 2" {
		t.Errorf("the answers are %+v", c.Answers)
	}
	if want := "Contacts leave more often than others like them after “Slow reply”"; figure(c, "excess").Views[0].Finding != want {
		t.Errorf("leaving says %q, want %q", figure(c, "excess").Views[0].Finding, want)
	}
	// What is too small is no number, and says so; none of these is in the table and in no ranking.
	reach := figure(c, "reach").Views[0]
	last := reach.Rows[len(reach.Rows)-1]
	if last[0] != "Message after an opt-out" || last[3] != nil || last[5] != nil || last[6] != nil || last[len(last)-1] != "<5" {
		t.Errorf("a pain of three contacts is printed as %v", last)
	}
	named := figure(c, "named")
	if rows := named.Views[0].Rows; len(rows) != 4 || rows[0][0] != "None of these" || rows[3][3] != nil || rows[3][7] != "count below 10" {
		t.Errorf("what people name is printed as %v", rows)
	}
	if label := named.Views[0].Charts[0].Label; strings.Contains(label, "None of these") || !strings.Contains(label, "A scam not shown") {
		t.Errorf("the ranking is read out as %q", label)
	}
	if notes := strings.Join(named.Notes, " "); !strings.Contains(notes, "“What annoyed you?” Of: those who wrote.") || !strings.Contains(notes, "by its population") {
		t.Errorf("under what people name stands %q", notes)
	}
	if want := "survey “Spring”, answered 4 to 17 May 2026"; named.When != want {
		t.Errorf("it is of %q, want %q", named.When, want)
	}
	if published := figure(c, "published"); len(published.Views) != 1 || published.Level != Published || published.Views[0].Rows[0][2] != "94%" {
		t.Errorf("published figures are %v", published.Views)
	}

	// Ranks that overlap are not told apart; without a survey nothing is stated, and with neither there is no page, whatever others publish.
	close := strings.NewReplacer(`"rank_best":1,"rank_worst":1`, `"rank_best":1,"rank_worst":2`, `"rank_best":2,"rank_worst":2`, `"rank_best":1,"rank_worst":2`)
	c = says(answers{"pain_points": close.Replace(painRows)}, "“Slow reply” and “No reply” cannot be told apart as what happens to most people")
	for _, s := range c.Sections {
		if s.ID != "observed" {
			t.Errorf("without a survey the page has the section %s", s.ID)
		}
	}
	says(answers{"surveys": both["surveys"], "survey_estimates measures=pains": namedRows, "survey_ranks measures=pains": rankRows}, "People name “It came late” more than any other pain")
	if c := content(t, painsPage, answers{"published_figures": both["published_figures"]}); !c.empty() {
		t.Errorf("without rows of the business the page has %d sections, want none", len(c.Sections))
	}
}

// The newest survey that asked is shown, and the others are named.
func TestNewestSurvey(t *testing.T) {
	old := strings.NewReplacer(`"survey_id":"s"`, `"survey_id":"old"`, `"value":0.33`, `"value":0.99`, `"Spring"`, `"Autumn"`)
	newer := strings.NewReplacer(`"survey_id":"s"`, `"survey_id":"new"`, `"Spring"`, `"Summer"`).Replace(surveyRows) // asked of other things
	c := content(t, painsPage, answers{"surveys": newer + "\n" + surveyRows + "\n" + old.Replace(surveyRows), "survey_estimates measures=pains": old.Replace(namedRows) + namedRows, "survey_ranks measures=pains": rankRows})
	f := figure(c, "named")
	if got := f.Views[0].Rows[1][4]; got != 0.33 || !strings.Contains(strings.Join(f.Notes, " "), "“Autumn”") {
		t.Errorf("the page shows %v, and says %q", got, f.Notes)
	}
}
