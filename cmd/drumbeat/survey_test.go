package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// From a survey tool's export to stored answers, as a person goes about it.
func TestInspectImportSurvey(t *testing.T) {
	dir := t.TempDir()
	data, export, mapping := filepath.Join(dir, "data"), filepath.Join(dir, "spring.csv"), filepath.Join(dir, "mapping.yaml")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "response_id,submitted,country,How often do you message us?,Why?\n"
	for _, id := range strings.Fields("a b c d e f g h") {
		text += id + "1,2026-05-04,PH,Daily,To ask; To order\n" + id + "2,2026-05-05,ID,Never,To ask\n" + id + "3,2026-05-06,ID,Weekly,To order\n"
	}
	write(export, text)

	proposed := mustDrumbeat(t, "survey", "inspect", export)
	write(mapping, proposed)
	_, stderr, code := drumbeat(t, "", "--dir", data, "import", "--survey", mapping, export)
	if code != 1 || !strings.Contains(stderr, "business is missing") || !strings.Contains(stderr, "population is missing") {
		t.Errorf("with blanks: exit %d\n%s", code, stderr)
	}
	filled := strings.NewReplacer(`business: ""`, "business: acme", `population: ""`, "population: customers").Replace(proposed)
	write(mapping, filled)
	want := export + `: 24 rows, 24 accepted, 0 rejected
survey spring of acme: 24 respondents, answered 2026-05-04 to 2026-05-06
  question how_often_do_you_message_us: 24 asked, 24 answered
  question why: 24 asked, 24 answered
  weights: none, all respondents count alike
`
	if got := mustDrumbeat(t, "--dir", data, "import", "--survey", mapping, export); got != want {
		t.Errorf("import says:\n%swant:\n%s", got, want)
	}

	// A row that cannot be read is named, and takes no other with it, as far as the mapping allows.
	write(mapping, filled+"most_rejected: 0.1\nmargins:\n  - {by: market, targets: {PH: 60, ID: 40}}\n")
	write(export, text+"x,2026-05-04,PH,Hourly,To ask\n")
	stdout, stderr, code := drumbeat(t, "", "--dir", data, "import", "--survey", mapping, export)
	if code != 1 || !strings.Contains(stderr, export+`: row 26: column "How often do you message us?": "Hourly" is no option of question`) || !strings.Contains(stderr, errRejectedRows.Error()) {
		t.Errorf("a bad row: exit %d\n%s", code, stderr)
	}
	for _, line := range []string{"25 rows, 24 accepted, 1 rejected", "raked to market: 2 rounds", "design effect 1.000 before, 1.320 after", "weights: 2.5 to 7.5; design effect 1.320: worth 18 respondents"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("%q is not in:\n%s", line, stdout)
		}
	}
	answers := mustDrumbeat(t, "--dir", data, "query", "--format", "json", "--sql",
		"SELECT count() AS n, uniqExact(respondent_id) AS people, uniqExact(question_id) AS questions FROM survey_answers")
	if answers != "{\"n\":48,\"people\":24,\"questions\":2}\n" {
		t.Errorf("stored: %s", answers)
	}
	if questions := mustDrumbeat(t, "survey", "questions"); !strings.Contains(questions, "\npains:\n") {
		t.Errorf("questions: %s", questions)
	}

	for _, wrong := range [][]string{
		{"import", "--survey", mapping, "--business", "acme", export},
		{"import", export},
	} {
		if _, stderr, code := drumbeat(t, "", append([]string{"--dir", data}, wrong...)...); code != 2 || !strings.Contains(stderr, "--business") {
			t.Errorf("%v: exit %d\n%s", wrong, code, stderr)
		}
	}
}
