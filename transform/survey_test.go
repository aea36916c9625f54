package transform_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/google/uuid"
)

// testSurvey is a survey as an import leaves it in the warehouse.
type testSurvey struct {
	id          string
	questions   []testQuestion
	respondents []testRespondent
	markets     map[string]float64 // population
}

type testQuestion struct {
	id, kind, measures string
	options            []string // numbered from 1
	none               int      // which one is exclusive; 0: none
	pains              []string
	scores             []float64
}

type testRespondent struct {
	weight                        float64
	stratum, cluster, market, age string
	domains                       map[string]string
	contact                       *uuid.UUID
	seconds                       *float64
	answers                       map[string][]uint16 // by question; missing: not shown
}

func (s testSurvey) insert(t testing.TB, db *warehouse.DB) {
	t.Helper()
	day := date(t, "2026-03-02")
	rows := map[string][][]any{}
	add := func(table string, row ...any) { rows[table] = append(rows[table], append([]any{"shop", s.id}, row...)) }
	add("surveys (business_id, survey_id, population, synthetic, respondents, answered_from, answered_to)", "adults", uint8(1), uint32(len(s.respondents)), day, day)
	for i, q := range s.questions {
		for k, label := range q.options {
			var score *float64
			if q.scores != nil {
				score = &q.scores[k]
			}
			pain := ""
			if q.pains != nil {
				pain = q.pains[k]
			}
			exclusive := uint8(0)
			if q.none == k+1 {
				exclusive = 1
			}
			add("survey_questions (business_id, survey_id, question_id, position, type, measures, recall_days, option, option_label, option_position, exclusive, pain, score)",
				q.id, uint16(i+1), q.kind, q.measures, uint16(28), uint16(k+1), label, uint16(k+1), exclusive, pain, score)
		}
	}
	for i, r := range s.respondents {
		id := uint64(i)*7919 + 13
		if r.domains == nil {
			r.domains = map[string]string{}
		}
		add("survey_respondents (business_id, survey_id, respondent_id, answered_on, weight, final_weight, stratum, cluster, market, age, domains, contact_id, seconds)",
			id, day, r.weight, r.weight, r.stratum, r.cluster, r.market, r.age, r.domains, r.contact, r.seconds)
		for _, question := range slices.Sorted(maps.Keys(r.answers)) {
			options := r.answers[question]
			if options == nil {
				options = []uint16{}
			}
			flags := []string{}
			for _, q := range s.questions {
				if q.id == question && q.none > 0 && len(options) > 1 && slices.Contains(options, uint16(q.none)) {
					flags = append(flags, "exclusive_violated")
				}
			}
			add("survey_answers (business_id, survey_id, question_id, respondent_id, shown, answered, options, flags)", question, id, uint8(1), uint8(1), options, flags)
		}
	}
	for market, population := range s.markets {
		add("survey_margins (business_id, survey_id, dimension, category, target, raked)", "market", market, population, uint8(0))
	}
	for _, into := range slices.Sorted(maps.Keys(rows)) {
		batch, err := db.PrepareBatch(t.Context(), "INSERT INTO "+into)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[into] {
			if err := batch.Append(row...); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
}

// estimate is a row of survey_estimates.
type estimate struct {
	Dimension string   `ch:"dimension"`
	Segment   string   `ch:"segment"`
	Markets   string   `ch:"markets"`
	Question  string   `ch:"question_id"`
	Statistic string   `ch:"statistic"`
	Option    uint16   `ch:"option"`
	Label     string   `ch:"label"`
	N         *uint64  `ch:"n"`
	Base      *uint64  `ch:"base_n"`
	Value     *float64 `ch:"value"`
	StdError  *float64 `ch:"std_error"`
	DF        *uint64  `ch:"df"`
	Lower     *float64 `ch:"lower"`
	Upper     *float64 `ch:"upper"`
	KGLower   *float64 `ch:"kg_lower"`
	KGUpper   *float64 `ch:"kg_upper"`
	Effective *float64 `ch:"n_eff"`
	Kish      *float64 `ch:"kish_n_eff"`
	Why       string   `ch:"why"`
	Flags     []string `ch:"flags"`
}

type estimateKey struct {
	dimension, segment, question, statistic string
	option                                  uint16
}

func estimatesOf(t testing.TB, db *warehouse.DB, survey string) map[estimateKey]estimate {
	t.Helper()
	var rows []estimate
	if err := db.Select(t.Context(), &rows, `SELECT dimension, segment, markets, question_id, statistic, option, label, n, base_n, value, std_error, df,
		lower, upper, kg_lower, kg_upper, n_eff, kish_n_eff, why, flags FROM survey_estimates WHERE survey_id = '`+survey+`'`); err != nil {
		t.Fatal(err)
	}
	found := map[estimateKey]estimate{}
	for _, e := range rows {
		found[estimateKey{e.Dimension, e.Segment, e.Question, e.Statistic, e.Option}] = e
		for _, x := range []*float64{e.Value, e.StdError, e.Lower, e.Upper, e.KGLower, e.KGUpper, e.Effective, e.Kish} {
			if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
				t.Fatalf("not a number: %+v", e)
			}
		}
	}
	return found
}

// realData returns the rows of a file of the data that cannot be committed.
func realData(t *testing.T, name string) []map[string]string {
	t.Helper()
	dir := os.Getenv("DRUMBEAT_DATA")
	if dir == "" {
		t.Skip("DRUMBEAT_DATA names no folder with " + name)
	}
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func float(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func about(t *testing.T, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > tolerance*math.Abs(want) {
		shown := "nothing"
		if got != nil {
			shown = strconv.FormatFloat(*got, 'g', -1, 64)
		}
		t.Errorf("%s: %s, want %v", what, shown, want)
	}
}

// A published survey of men: its printed percentages, R's errors and limits in six groups, and the order of worries.
func TestPublishedSurvey(t *testing.T) {
	rows := realData(t, "masculinity_survey/responses.csv")
	expected, published := realData(t, "masculinity_survey/expected_r_survey.csv"), realData(t, "masculinity_survey/published_percent.csv")
	s := testSurvey{id: "men"}
	worries := testQuestion{id: "worries", kind: "multiple", none: 12}
	for _, item := range published {
		if strings.HasPrefix(item["item"], "worry") {
			worries.options = append(worries.options, item["label"])
		}
		s.questions = append(s.questions, testQuestion{id: item["item"], kind: "single", options: []string{"ticked", "not ticked"}})
	}
	s.questions = append(s.questions, worries)
	for _, row := range rows {
		r := testRespondent{weight: float(t, row["weight"]), age: row["age3"], domains: map[string]string{"race": row["race2"]}, answers: map[string][]uint16{"worries": nil}}
		for i, item := range published {
			r.answers[item["item"]] = []uint16{2}
			if row[item["item"]] == "1" {
				r.answers[item["item"]] = []uint16{1}
				if i >= 6 {
					r.answers["worries"] = append(r.answers["worries"], uint16(i-5))
				}
			}
		}
		s.respondents = append(s.respondents, r)
	}
	db := warehousetest.New(t)
	s.insert(t, db)
	runJob(t, db, "survey", transform.Window{})
	found := estimatesOf(t, db, "men")

	if len(expected) != 108 {
		t.Fatalf("%d rows are expected, want 108", len(expected))
	}
	shown := 0
	for _, want := range expected {
		key := estimateKey{"all", "", want["item"], "share", 1}
		switch {
		case strings.HasPrefix(want["group"], "age "):
			key.dimension, key.segment = "age", strings.TrimPrefix(want["group"], "age ")
		case want["group"] != "all":
			key.dimension, key.segment = "race", want["group"]
		}
		e, what := found[key], fmt.Sprint(key)
		if e.Why != "" && e.Why != "count below 10" && e.Why != "interval too wide" && e.Why != "protects a count below 10" {
			t.Errorf("%s: %+v", what, e)
		}
		if e.Why != "" {
			continue
		}
		shown++
		if strconv.FormatUint(*e.Base, 10) != want["n"] {
			t.Errorf("%s: base %d, want %s", what, *e.Base, want["n"])
		}
		about(t, what+" share", e.Value, float(t, want["share"]), 1e-9)
		about(t, what+" standard error", e.StdError, float(t, want["se"]), 1e-9)
		about(t, what+" Kish", e.Kish, float(t, want["n_eff_kish"]), 1e-9)
		about(t, what+" effective", e.Effective, float(t, want["n_eff_var"]), 1e-9)
		about(t, what+" lower", e.Lower, float(t, want["logit_lo"]), 1e-7)
		about(t, what+" upper", e.Upper, float(t, want["logit_hi"]), 1e-7)
		if float(t, want["n_eff_var"]) < float(t, want["n"]) { // else the cap tells
			about(t, what+" KG lower", e.KGLower, float(t, want["kg_lo"]), 1e-2)
			about(t, what+" KG upper", e.KGUpper, float(t, want["kg_hi"]), 1e-2)
		}
	}
	if shown < 95 {
		t.Errorf("%d of 108 shares are shown", shown)
	}
	for i, item := range published {
		e := found[estimateKey{"all", "", item["item"], "share", 1}]
		if got := strconv.Itoa(int(math.Round(100 * *e.Value))); got != item["pub_all"] {
			t.Errorf("%s: %s %%, published %s %%", item["item"], got, item["pub_all"])
		}
		if i >= 6 { // the same as one question of several options, whose base includes who ticked nothing
			multiple := found[estimateKey{"all", "", "worries", "share", uint16(i - 5)}]
			about(t, "worries "+item["item"], multiple.Value, *e.Value, 1e-12)
			about(t, "error of worries "+item["item"], multiple.StdError, *e.StdError, 1e-9)
		}
	}

	if got, want := answer(t, db, `SELECT option, rank_best, rank_worst, ranked FROM survey_ranks WHERE dimension = 'all' ORDER BY option`), `option,rank_best,rank_worst,ranked
1,11,11,11
2,1,3,11
3,7,10,11
4,4,6,11
5,8,10,11
6,7,10,11
7,6,9,11
8,4,7,11
9,1,3,11
10,1,3,11
11,4,6,11
`; got != want {
		t.Errorf("ranks:\n%swant\n%s", got, want)
	}
	// R: worry08 in the youngest less in the oldest .280500756 (.05859); over the three ages F 11.627088, p 5.285e-5.
	if got, want := answer(t, db, `SELECT round(difference, 6) AS d, round(std_error, 5) AS se FROM survey_comparisons
WHERE comparison = 'segments' AND question_id = 'worry08' AND option = 1 AND segment = '18 - 34' AND other_segment = '65 and up'`), "d,se\n0.280501,0.05859\n"; got != want {
		t.Errorf("ages: %s, want %s", got, want)
	}
	if got, want := answer(t, db, `SELECT round(f, 5) AS f, round(p_value * 1e5, 3) AS p FROM survey_comparisons
WHERE comparison = 'independence' AND dimension = 'age' AND question_id = 'worry08' AND option = 1`), "f,p\n11.62709,5.285\n"; got != want {
		t.Errorf("ages: %s, want %s", got, want)
	}
}

// Surveys without any log: all tables are there, and what cannot be said says why.
func TestSurveyEdges(t *testing.T) {
	db := warehousetest.New(t)
	yesNo := testQuestion{id: "q", kind: "single", options: []string{"yes", "no"}}
	one := testSurvey{id: "one", questions: []testQuestion{yesNo}, respondents: []testRespondent{{weight: 3, answers: map[string][]uint16{"q": {1}}}}}
	one.insert(t, db)

	heavy := testSurvey{id: "heavy", questions: []testQuestion{yesNo}} // nearly all the weight says yes
	scaled := testSurvey{id: "scaled", questions: heavy.questions}
	equal := testSurvey{id: "equal", questions: heavy.questions}
	pains := testSurvey{id: "pains", questions: []testQuestion{
		{id: "pains", kind: "multiple", measures: "pains", none: 3, options: []string{"late", "many", "none"}, pains: []string{"slow_reply", "too_many_messages", ""}},
		{id: "often", kind: "single", measures: "frequency", options: []string{"Daily", "Weekly", "Monthly", "Never"}},
		{id: "again", kind: "scale", options: []string{"1", "2", "3"}, scores: []float64{1, 2, 3}},
	}}
	for i := range 400 {
		r := testRespondent{weight: 1, answers: map[string][]uint16{"q": {uint16(1 + i%2)}}, market: []string{"PH", "VN"}[i%2], age: []string{"18-34", "35+"}[i/2%2]}
		equal.respondents = append(equal.respondents, r)
		r.weight = 1 + 1e6*float64(1-i%2)
		r.market = ""
		heavy.respondents = append(heavy.respondents, r)
		r.weight *= 4
		scaled.respondents = append(scaled.respondents, r)
		r = testRespondent{weight: 1 + float64(i%7), market: []string{"PH", "VN", "TH"}[i%3], stratum: []string{"", "s", "s", "s"}[min(i, 3)], cluster: fmt.Sprint("c", i/5),
			answers: map[string][]uint16{"pains": {uint16(1 + i%2)}, "often": {uint16(1 + i%4)}, "again": {uint16(1 + i%3)}}}
		if i%40 == 0 {
			r.answers["pains"] = []uint16{1, 3}
		}
		pains.respondents = append(pains.respondents, r)
	}
	// More options than a number has bits: they count one by one all the same.
	long := testSurvey{id: "long", questions: []testQuestion{{id: "far", kind: "multiple"}}}
	for o := range 70 {
		long.questions[0].options = append(long.questions[0].options, fmt.Sprint("option ", o+1))
	}
	for i := range 60 {
		long.respondents = append(long.respondents, testRespondent{weight: 1, seconds: []*float64{new(300.), new(99.), new(100.), nil, new(500.), new(301.)}[i%6], answers: map[string][]uint16{"far": [][]uint16{{1, 64}, {1, 64, 70}, {70}}[i%3]}})
	}
	for _, s := range []testSurvey{heavy, scaled, equal, pains, long} {
		s.insert(t, db)
	}
	runJob(t, db, "survey", transform.Window{})

	if got, want := answer(t, db, `SELECT option, other_option, respondents FROM survey_sums WHERE survey_id = 'long' AND question_id = 'far' ORDER BY option, other_option`),
		"option,other_option,respondents\n0,0,60\n1,1,40\n1,64,40\n1,70,20\n64,64,40\n64,70,20\n70,70,40\n"; got != want {
		t.Errorf("many options:\n%swant\n%s", got, want)
	}
	if got, want := answer(t, db, `SELECT respondents, base_n FROM survey_quality WHERE survey_id = 'long' AND check = 'speeder'`), "respondents,base_n\n10,50\n"; got != want {
		t.Errorf("speeders: %s, want %s", got, want)
	}
	share := func(survey, segment string) estimate {
		return estimatesOf(t, db, survey)[estimateKey{"all", segment, "q", "share", 1}]
	}
	if e := share("one", ""); e.Value != nil || e.N != nil || e.Base != nil || e.Why != "count below 10" {
		t.Errorf("one respondent: %+v", e)
	}
	if e := share("equal", "mean of markets"); *e.Value != .5 || *e.Kish != 400 || e.Markets != "mean of markets" {
		t.Errorf("equal weights: %+v", e)
	}
	a, b := share("heavy", ""), share("scaled", "")
	if a.Why != b.Why || (a.Value != nil && (*a.Value != *b.Value || *a.StdError != *b.StdError || *a.Lower != *b.Lower)) {
		t.Errorf("weights times four: %+v, %+v", a, b)
	}
	if got, want := answer(t, db, `SELECT check, question_id, respondents, base_n FROM survey_quality WHERE survey_id = 'pains' AND respondents > 0`),
		"check,question_id,respondents,base_n\nexclusive_violated,pains,10,400\n"; got != want {
		t.Errorf("quality:\n%swant\n%s", got, want)
	}
	found := estimatesOf(t, db, "pains")
	often := func(statistic string, option uint16) *float64 {
		return found[estimateKey{"all", "mean of markets", "often", statistic, option}].Value
	}
	about(t, "at least monthly", often("at_least", 3), *often("share", 1)+*often("share", 2)+*often("share", 3), 1e-12)
	if often("at_least", 4) != nil || often("at_least", 1) != nil {
		t.Error("at least never, and at least the most frequent, say nothing")
	}
	e := found[estimateKey{"all", "mean of markets", "again", "mean", 0}]
	again := func(option uint16) float64 {
		return *found[estimateKey{"all", "mean of markets", "again", "share", option}].Value
	}
	about(t, "mean", e.Value, again(1)+2*again(2)+3*again(3), 1e-12)
	if !slices.Contains(e.Flags, "df<8") && *e.DF < 8 {
		t.Errorf("flags of %+v", e)
	}
	if got, want := answer(t, db, `SELECT DISTINCT why FROM stated_observed WHERE survey_id = 'pains' AND stated IS NOT NULL`), "why\nnobody was at risk in the log of these weeks\n"; got != want {
		t.Errorf("no log: %s", got)
	}
	if got := answer(t, db, `SELECT count() > 30 AS many, countIf(category = 'every 2-3 weeks' AND value = 38) AS right FROM published_figures`); got != "many,right\n1,1\n" {
		t.Errorf("published: %s", got)
	}
}
