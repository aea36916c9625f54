package simulate

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SurveyOptions say who is asked. The zero value is the sample that the demo uses.
type SurveyOptions struct {
	Seed        uint64 `json:"seed"`
	Respondents int    `json:"respondents"` // default 6500, as many in each market
}

// Survey asks people who message the business of a world with support, in the words of the shipped questions. Each respondent lived
// through what one contact of the market did in the 28 days before the end of the data; some agree to be joined to that contact.
type Survey struct {
	Options  SurveyOptions
	world    *World
	lived    [][]living // by market
	ages     []ageGroup
	answered time.Time // midnight after the data's last day
}

// living is what somebody remembers.
type living struct {
	address  string
	hit      [painKinds]bool
	category int // of frequencies
}

type ageGroup struct {
	Band       string  `json:"age"`
	Population float64 `json:"population"` // share of each market's people
	Sample     float64 `json:"sample"`     // share of the respondents
	Candid     float64 `json:"candid"`     // multiplies the chance to name a pain that did not hit
}

// populations are invented: people, in thousands, who message businesses.
var populations = map[string]float64{"PH": 52000, "ID": 118000, "VN": 48000, "TH": 39000, "TW": 13000, "KR": 31000, "AU": 12000}

var ageGroups = []ageGroup{
	{"18-24", .18, .30, 1.6}, {"25-34", .26, .30, 1.2}, {"35-44", .23, .20, 1}, {"45-54", .18, .12, .8}, {"55+", .15, .08, .6},
}

// frequencies are the categories of the shipped question, the most frequent first.
var frequencies = []string{"several_times_a_day", "daily", "several_times_a_week", "weekly", "every_2_3_weeks", "monthly", "less_often", "never"}

const (
	namedIfHit    = 0.62 // chance to name a pain that hit
	namedIfNot    = 0.04 // and one that did not
	overReports   = 0.22 // one category more often than the log shows
	underReports  = 0.10
	agreesToJoin  = 0.35
	contradicts   = 0.004 // names none of these beside others
	answersNot    = 0.02  // of a question
	remembersDays = 28
)

// surveyPains are the options of the shipped question with the pain each speaks of, or the chance to name it, whatever happened.
var surveyPains = []struct {
	code, pain string
	share      float64
}{
	{"no_reply", "no_reply", 0}, {"slow_reply", "slow_reply", 0}, {"repeat_contact", "repeat_contact", 0}, {"generic_reply", "", .12}, {"not_solved", "", .09},
	{"too_many_messages", "too_many_messages", 0}, {"irrelevant", "irrelevant", 0}, {"no_consent", "message_after_opt_out", 0}, {"night_message", "night_message", 0},
	{"no_human", "", .07}, {"privacy", "", .06}, {"failed_delivery", "failed_delivery", 0},
}

// surveyChoices are questions whose answers depend on nothing but the market: the first option gains what the last one loses.
var surveyChoices = []struct {
	question string
	multiple bool
	options  []string
	shares   []float64
}{
	{"uses", true, []string{"discover", "ask", "consult", "order", "pay", "track", "support", "feedback", "remarketing"}, []float64{.34, .61, .22, .38, .17, .45, .40, .15, .11}},
	{"preference", false, []string{"message", "call", "either", "neither"}, []float64{.52, .16, .27, .05}},
	{"trend", false, []string{"more", "same", "less"}, []float64{.37, .44, .19}},
	{"intent", false, []string{"very_unlikely", "unlikely", "undecided", "likely", "very_likely"}, []float64{.06, .10, .21, .36, .27}},
	{"expected_reply", false, []string{"5_minutes", "1_hour", "4_hours", "1_day", "later", "no_reply"}, []float64{.24, .33, .19, .17, .05, .02}},
}

// NewSurvey prepares a survey of a world with support; it lives the world once. It fails if a market has no contact that was
// known for all of the days asked about.
func NewSurvey(w *World, o SurveyOptions) (*Survey, error) {
	if o.Respondents < 1 {
		o.Respondents = 6500
	}
	end := time.Unix(w.end, 0).UTC()
	from := end.AddDate(0, 0, -remembersDays)
	s := &Survey{Options: o, world: w, lived: make([][]living, len(markets)), ages: ageGroups, answered: end}
	ever := w.Experiences(w.Options.Start, end)
	for i, e := range w.Experiences(from, end) {
		if e.Known.IsZero() || e.Known.After(from) {
			continue
		}
		l := living{address: e.Address, category: frequencyOf(e.Days, ever[i].Cases > 0)}
		for pain, hits := range e.Hits {
			l.hit[pain] = hits > 0
		}
		m := slices.IndexFunc(markets, func(m market) bool { return m.Code == e.Market })
		s.lived[m] = append(s.lived[m], l)
	}
	for m, people := range s.lived {
		if len(people) == 0 {
			return nil, fmt.Errorf("nobody in %s is known for the last %d days: simulate more contacts, days, or support", markets[m].Code, remembersDays)
		}
	}
	return s, nil
}

// frequencyOf returns the category of so many days in 28.
func frequencyOf(days int, ever bool) int {
	switch {
	case days >= 20:
		return 1
	case days >= 6:
		return 2
	case days >= 3:
		return 3
	case days == 2:
		return 4
	case days == 1:
		return 5
	case ever:
		return 6
	}
	return 7
}

// names is the chance to name an option of pains.
func (a ageGroup) names(l living, pain string, share float64) float64 {
	if pain == "" {
		return share * a.Candid
	}
	if l.hit[slices.Index(Pains[:], pain)] {
		return namedIfHit
	}
	return namedIfNot * a.Candid
}

// says is the chance to give each category.
func says(category int) (shares [8]float64) {
	shares[max(0, category-1)] += overReports
	shares[min(7, category+1)] += underReports
	shares[category] += 1 - overReports - underReports
	return shares
}

// choice is the share of an option in a market.
func choice(shares []float64, option, market int) float64 {
	shift := .01 * float64(market-3) // from -.03 to .03
	switch option {
	case 0:
		return shares[0] + shift
	case len(shares) - 1:
		if shares[option] > .1 {
			return shares[option] - shift
		}
	case 1:
		if shares[len(shares)-1] <= .1 {
			return shares[1] - shift
		}
	}
	return shares[option]
}

// SurveyTruth says what the whole population would answer, had everybody been asked, and what the draws are.
type SurveyTruth struct {
	Options     SurveyOptions                 `json:"options"`
	Population  map[string]float64            `json:"population_in_thousands"`
	Ages        []ageGroup                    `json:"ages"`
	NamedIfHit  float64                       `json:"named_if_hit"`
	NamedIfNot  float64                       `json:"named_if_not_hit"` // times candid
	Over        float64                       `json:"over_reports"`
	Under       float64                       `json:"under_reports"`
	Shares      map[string]map[string]float64 `json:"shares"` // by question and option, of all markets
	Caused      map[string]float64            `json:"caused"` // by pain: what of its share is due to having been hit
	ByMarket    map[string]map[string]float64 `json:"pains_by_market"`
	JoinedShare float64                       `json:"agree_to_be_joined"`
}

// Truth computes the shares exactly, from the people that respondents are drawn from.
func (s *Survey) Truth() SurveyTruth {
	t := SurveyTruth{
		Options: s.Options, Population: populations, Ages: s.ages, NamedIfHit: namedIfHit, NamedIfNot: namedIfNot, Over: overReports, Under: underReports,
		Shares: map[string]map[string]float64{"pains": {}, "frequency": {}}, Caused: map[string]float64{}, ByMarket: map[string]map[string]float64{}, JoinedShare: agreesToJoin,
	}
	total := 0.0
	for _, p := range populations {
		total += p
	}
	for m, people := range s.lived {
		code := markets[m].Code
		t.ByMarket[code] = map[string]float64{}
		part := populations[code] / total
		for _, l := range people {
			one := 1 / float64(len(people))
			for c, share := range says(l.category) {
				t.Shares["frequency"][frequencies[c]] += part * one * share
			}
			for _, p := range surveyPains {
				for _, a := range s.ages {
					chance := one * a.Population * a.names(l, p.pain, p.share)
					t.Shares["pains"][p.code] += part * chance
					t.ByMarket[code][p.code] += chance
				}
				if p.pain != "" && l.hit[slices.Index(Pains[:], p.pain)] {
					for _, a := range s.ages {
						t.Caused[p.code] += part * one * a.Population * (namedIfHit - namedIfNot*a.Candid)
					}
				}
			}
		}
		for _, c := range surveyChoices {
			if t.Shares[c.question] == nil {
				t.Shares[c.question] = map[string]float64{}
			}
			for o, option := range c.options {
				t.Shares[c.question][option] += part * choice(c.shares, o, m)
			}
		}
	}
	return t
}

// WriteCSV writes one row per respondent, in the wide form of survey tools: one column per option where several may be chosen.
func (s *Survey) WriteCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	header := []string{"respondent", "date", "market", "age", "weight", "agreed", "address", "frequency"}
	for _, p := range surveyPains {
		header = append(header, "pain_"+p.code)
	}
	header = append(header, "pain_none")
	for _, c := range surveyChoices {
		if !c.multiple {
			header = append(header, c.question)
			continue
		}
		for _, option := range c.options {
			header = append(header, c.question+"_"+option)
		}
		header = append(header, c.question+"_none")
	}
	header = append(header, "comment")
	if err := w.Write(header); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(mix(s.Options.Seed), mix(s.world.Options.Seed^0x5a)))
	asked := make([][]living, len(markets)) // who may still be joined, each contact once
	for m := range asked {
		asked[m] = slices.Clone(s.lived[m])
		r.Shuffle(len(asked[m]), func(i, j int) { asked[m][i], asked[m][j] = asked[m][j], asked[m][i] })
	}
	for i := range s.Options.Respondents {
		m := i % len(markets)
		if err := w.Write(s.respondent(r, i, m, &asked[m])); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (s *Survey) respondent(r *rand.Rand, i, m int, asked *[]living) []string {
	a := s.ages[pick(r, len(s.ages), func(k int) float64 { return s.ages[k].Sample })]
	code := markets[m].Code
	// What the design says: each market has as many respondents, and ages are asked unequally.
	weight := populations[code] * a.Population / a.Sample / 10000
	agreed := r.Float64() < agreesToJoin && len(*asked) > 0
	l := s.lived[m][r.IntN(len(s.lived[m]))]
	address, yes := "", "no"
	if agreed {
		l, *asked = (*asked)[0], (*asked)[1:]
		address, yes = l.address, "yes"
	}
	day := s.answered.AddDate(0, 0, -r.IntN(4)-1)
	row := []string{"r" + strconv.Itoa(i+1), day.Format(time.DateOnly), code, a.Band, strconv.FormatFloat(weight, 'f', 6, 64), yes, address}
	shares := says(l.category)
	row = append(row, frequencies[pick(r, len(shares), func(k int) float64 { return shares[k] })])

	var named []bool
	for _, p := range surveyPains {
		named = append(named, r.Float64() < a.names(l, p.pain, p.share))
	}
	row = append(row, ticks(r, named)...)
	for _, c := range surveyChoices {
		if !c.multiple {
			answer := c.options[pick(r, len(c.options), func(k int) float64 { return choice(c.shares, k, m) })]
			if r.Float64() < answersNot {
				answer = ""
			}
			row = append(row, answer)
			continue
		}
		var chosen []bool
		for o := range c.options {
			chosen = append(chosen, r.Float64() < choice(c.shares, o, m))
		}
		row = append(row, ticks(r, chosen)...)
	}
	comment := ""
	if r.Float64() < .1 {
		comment = "A made-up comment " + strings.Repeat("and more ", r.IntN(6)) + "of nobody."
	}
	return append(row, comment)
}

// ticks are the cells of a question and its `none of these`, which a few tick beside others.
func ticks(r *rand.Rand, chosen []bool) (cells []string) {
	for _, yes := range chosen {
		cells = append(cells, map[bool]string{true: "1", false: "0"}[yes])
	}
	if !slices.Contains(chosen, true) || r.Float64() < contradicts {
		return append(cells, "1")
	}
	return append(cells, "0")
}

// pick draws one of n indices from shares that add to 1.
func pick(r *rand.Rand, n int, share func(int) float64) int {
	x, last := r.Float64(), 0
	for k := range n {
		if share(k) == 0 {
			continue
		}
		last = k
		if x -= share(k); x < 0 {
			break
		}
	}
	return last
}

// WriteMapping writes the mapping under which `drumbeat import --survey` reads the CSV.
func (s *Survey) WriteMapping(out io.Writer, business string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Synthetic: made by drumbeat simulate --survey. Nobody was asked, and the populations are invented.
survey: synthetic
business: %s
title: Synthetic survey
population: people who message businesses in seven markets (synthetic)
synthetic: true

respondent: respondent
date: {column: date}
weight: weight
market: {column: market}
age: {column: age}
contact:
  column: address
  kind: phone
  consent: {column: agreed}

questions:
  - use: frequency
    column: frequency
  - use: pains
    columns:
`, business)
	for _, p := range surveyPains {
		fmt.Fprintf(&b, "      pain_%s: %s\n", p.code, p.code)
	}
	b.WriteString("      pain_none: none\n")
	for _, c := range surveyChoices {
		fmt.Fprintf(&b, "  - use: %s\n", c.question)
		if !c.multiple {
			fmt.Fprintf(&b, "    column: %s\n", c.question)
			continue
		}
		b.WriteString("    columns:\n")
		for _, option := range append(slices.Clone(c.options), "none") {
			fmt.Fprintf(&b, "      %s_%s: %s\n", c.question, option, option)
		}
	}
	b.WriteString("  - use: comment\n    column: comment\n\nmargins:\n  - by: market\n    targets:\n")
	total := 0.0
	for _, m := range markets {
		fmt.Fprintf(&b, "      %s: %.0f\n", m.Code, populations[m.Code]*1000)
		total += populations[m.Code] * 1000
	}
	b.WriteString("  - by: age\n    targets:\n")
	for _, a := range s.ages {
		fmt.Fprintf(&b, "      %s: %.0f\n", a.Band, a.Population*total)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
