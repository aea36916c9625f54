package transform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/survey"
	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/google/uuid"
)

// The survey that ships, imported as it lies in the repository: shares of the whole population, raked, and of each market lie
// within their intervals as often as 95 % says, and none is far off.
func TestShippedSurveySaysTheTruth(t *testing.T) {
	db := warehousetest.New(t)
	result := importShipped(t, db)
	if result.Respondents != 6500 || result.Rejected != 0 || result.Contacts != 1820 || result.ContactsUnread != 0 || len(result.Weighting.Margins) != 2 {
		t.Fatalf("imported: %+v", result)
	}
	runJob(t, db, "survey", transform.Window{})

	var truth simulate.SurveyTruth
	text, err := os.ReadFile(filepath.Join("..", "testdata", "survey", "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	type share struct {
		Dimension string   `ch:"dimension"`
		Segment   string   `ch:"segment"`
		Markets   string   `ch:"markets"`
		Question  string   `ch:"question_id"`
		Option    string   `ch:"option_code"`
		Value     *float64 `ch:"value"`
		StdError  *float64 `ch:"std_error"`
		Lower     *float64 `ch:"lower"`
		Upper     *float64 `ch:"upper"`
		Why       string   `ch:"why"`
	}
	var shares []share
	if err := db.Select(t.Context(), &shares, `
SELECT e.dimension AS dimension, e.segment AS segment, e.markets AS markets, e.question_id AS question_id, q.option_code AS option_code,
       e.value AS value, e.std_error AS std_error, e.lower AS lower, e.upper AS upper, e.why AS why
FROM survey_estimates AS e
INNER JOIN survey_questions AS q ON q.survey_id = e.survey_id AND q.question_id = e.question_id AND q.option = e.option
WHERE e.statistic = 'share' AND e.dimension IN ('all', 'market')
ORDER BY dimension, segment, question_id, option_code`); err != nil {
		t.Fatal(err)
	}
	held := func(of string, want func(share) (float64, bool), atLeast int) {
		t.Helper()
		all, covered := 0, 0
		for _, s := range shares {
			truth, known := want(s)
			if !known {
				continue
			}
			if s.Why != "" { // what few chose
				if truth > .02 && (s.Dimension == "all" || s.Why != "protects a count below 10") {
					t.Errorf("%s: %s %s %s of %s is withheld: %s", of, s.Segment, s.Question, s.Option, s.Markets, s.Why)
				}
				continue
			}
			all++
			if *s.Lower <= truth && truth <= *s.Upper {
				covered++
			}
			if off := math.Abs(*s.Value-truth) / *s.StdError; off > 4 {
				t.Errorf("%s: %s %s %s is %v, in truth %v: %.1f standard errors", of, s.Segment, s.Question, s.Option, *s.Value, truth, off)
			}
		}
		t.Logf("%s: %d of %d intervals hold the truth", of, covered, all)
		if all < atLeast || float64(covered) < .9*float64(all) {
			t.Errorf("%s: %d of %d intervals hold the truth", of, covered, all)
		}
	}
	held("population", func(s share) (float64, bool) {
		x, known := truth.Shares[s.Question][s.Option]
		return x, known && s.Dimension == "all"
	}, 40)
	held("markets", func(s share) (float64, bool) {
		x, known := truth.ByMarket[s.Segment][s.Option]
		return x, known && s.Dimension == "market" && s.Question == "pains"
	}, 60)
	if shares[0].Markets != "population" {
		t.Errorf("markets are put together as %q", shares[0].Markets)
	}
}

func importShipped(t *testing.T, db *warehouse.DB) survey.Result {
	t.Helper()
	open := func(name string) *os.File {
		file, err := os.Open(filepath.Join("..", "testdata", "survey", name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	mapping, err := survey.ReadMapping("mapping.yaml", open("mapping.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return importSurvey(t, db, mapping, open("survey.csv.gz"))
}

func importSurvey(t *testing.T, db *warehouse.DB, mapping *survey.Mapping, in io.Reader) survey.Result {
	t.Helper()
	pseudonym, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	stage, err := db.StageSurvey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stage.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	result, err := survey.Import(t.Context(), mapping, []survey.File{{Name: "survey.csv.gz", In: in}}, survey.Options{Pseudonym: pseudonym, To: stage})
	if err != nil {
		t.Fatal(err)
	}
	if err := stage.Replace(t.Context(), string(mapping.Business), string(mapping.Survey)); err != nil {
		t.Fatal(err)
	}
	return result
}

// Respondents who agreed are found in the log, and whom it shows to have waited long names slow answers far more often.
func TestWhoWaitedComplainsOfIt(t *testing.T) {
	t.Parallel()
	world := simulate.New(simulate.Options{Seed: 3, Contacts: 1200, Days: 40, Support: true})
	asked, err := simulate.NewSurvey(world, simulate.SurveyOptions{Respondents: 3500})
	if err != nil {
		t.Fatal(err)
	}
	var text, answers bytes.Buffer
	if err := errors.Join(asked.WriteMapping(&text, "shop"), asked.WriteCSV(&answers)); err != nil {
		t.Fatal(err)
	}
	mapping, err := survey.ReadMapping("mapping.yaml", &text)
	if err != nil {
		t.Fatal(err)
	}
	pseudonym, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db := warehousetest.New(t)
	var events []event
	for l := range world.Lines() {
		e := fromLine(l)
		address, err := ingest.ParseAddress("phone", l.Address)
		if err != nil {
			t.Fatal(err)
		}
		id := pseudonym.Contact("shop", "", address)
		e["contact_id"], e["author"], e["message_tag"], e["template_id"], e["zone"] = uuid.UUID(id), l.Author, l.MessageTag, l.TemplateID, l.Zone
		if l.EventType == "opt_in" || l.EventType == "opt_out" {
			e["event_id"] = hashed(l.EventTime.String() + l.Scope) // as ingest does, where the source tells no id
		}
		events = append(events, e)
	}
	insert(t, db, events)
	result := importSurvey(t, db, mapping, &answers)
	var hours bytes.Buffer
	path := filepath.Join(t.TempDir(), "calendars.yaml")
	if err := simulate.WriteCalendars(&hours); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, hours.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	calendars, err := transform.ReadCalendars(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"conversations", "survey"} {
		if _, err := transform.RunWith(t.Context(), db, job, transform.Window{}, transform.DefaultValues(), calendars...); err != nil {
			t.Fatal(err)
		}
	}

	var rows []struct {
		Subject   string   `ch:"subject"`
		Statistic string   `ch:"statistic"`
		N         uint64   `ch:"n"`
		Lower     *float64 `ch:"lower"`
		Upper     *float64 `ch:"upper"`
	}
	if err := db.Select(t.Context(), &rows, `SELECT subject, statistic, n, lower, upper FROM stated_agreement WHERE dimension = 'joined'`); err != nil {
		t.Fatal(err)
	}
	found := map[string][2]float64{}
	for _, r := range rows {
		if r.Lower != nil {
			found[r.Subject+" "+r.Statistic] = [2]float64{*r.Lower, *r.Upper}
		}
		if r.Subject == "frequency" && r.Statistic == "exact" && (r.N > uint64(result.Contacts) || float64(r.N) < .95*float64(result.Contacts)) {
			t.Errorf("%d of %d who agreed are found in the log", r.N, result.Contacts)
		}
	}
	hit, not := found["slow_reply named_if_hit"], found["slow_reply named_if_not_hit"]
	if hit[0] <= not[1] || not[1] == 0 {
		t.Errorf("of those who waited long %v name it, of the others %v", hit, not)
	}
	if truth := asked.Truth(); hit[0] > truth.NamedIfHit || hit[1] < truth.NamedIfHit {
		t.Errorf("of those who waited long %v name it, in truth %v", hit, truth.NamedIfHit)
	}
}
