package survey

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"drumbeat/ingest"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// ShippedQuestions is the YAML of the questions that a mapping can refer to by name.
//
//go:embed questions.yaml
var ShippedQuestions string

// Mapping says what the columns of a survey's files are. docs/surveys.md is its reference.
type Mapping struct {
	Survey     text `yaml:"survey"`     // names the survey; importing it again replaces it
	Business   text `yaml:"business"`   // whose contacts were asked
	Title      text `yaml:"title"`      // as reports print it; default: Survey
	Population text `yaml:"population"` // who could be asked, in words
	Synthetic  bool `yaml:"synthetic"`  // made by a simulation

	CSV     csvMapping `yaml:"csv"`
	Missing []text     `yaml:"missing"` // cells that hold nothing, beside the empty ones

	Respondent text            `yaml:"respondent"` // column of the respondent's id
	Date       dateMapping     `yaml:"date"`
	Weight     text            `yaml:"weight"`   // column of the design weight
	Duration   text            `yaml:"duration"` // column of the seconds that answering took
	Stratum    text            `yaml:"stratum"`  // column
	Cluster    text            `yaml:"cluster"`  // column of the sampling unit
	Market     groupMapping    `yaml:"market"`
	Age        ageMapping      `yaml:"age"`
	Domains    domains         `yaml:"domains"`
	Contact    *contactMapping `yaml:"contact"`

	Questions []Question `yaml:"questions"`

	Margins      []Margin `yaml:"margins"`
	Trim         float64  `yaml:"trim"`          // raked weights above so many times the median are cut; 0: none
	MostRejected float64  `yaml:"most_rejected"` // share of rows that may be rejected; default 0.01
}

type csvMapping struct {
	Separator  text `yaml:"separator"`   // default: told from the first row
	HeaderRows int  `yaml:"header_rows"` // default 1
	Decimal    text `yaml:"decimal"`     // . or ,
}

type dateMapping struct {
	Column text `yaml:"column"`
	Order  text `yaml:"order"` // of a date like 3/4/2026: dmy, mdy or ymd; default: 2026-04-03 and nothing else
	Value  text `yaml:"value"` // one day for all
}

type groupMapping struct {
	Column text   `yaml:"column"`
	Values lookup `yaml:"values"` // cell to category; empty: a cell is its category
	Value  text   `yaml:"value"`  // one category for all
}

type ageMapping struct {
	Column text   `yaml:"column"`
	Values lookup `yaml:"values"`
	Number text   `yaml:"number"` // the column holds: years, or birth_year
	Bands  []int  `yaml:"bands"`  // first year of each
}

type contactMapping struct {
	Column  text             `yaml:"column"`
	Kind    text             `yaml:"kind"`    // phone, email, scoped, bsuid; default: guessed by the cell
	Account text             `yaml:"account"` // of scoped ids
	Consent conditionMapping `yaml:"consent"`
}

// conditionMapping holds where the cell of a column is one of some values.
type conditionMapping struct {
	Column text   `yaml:"column"`
	Yes    []text `yaml:"yes"` // default 1, yes, true
}

// Question is one question and where its answers are.
type Question struct {
	Use text `yaml:"use"` // a shipped question
	ID  text `yaml:"id"`  // default: Use

	Type         text     `yaml:"type"` // single, multiple, scale, open
	Measures     text     `yaml:"measures"`
	Wording      text     `yaml:"wording"`
	Base         text     `yaml:"base"`
	RecallDays   int      `yaml:"recall_days"`
	OptionsOrder text     `yaml:"options_order"` // fixed, randomised
	Options      []Option `yaml:"options"`
	Scale        *scale   `yaml:"scale"` // options of a scale of whole numbers

	Column      text              `yaml:"column"`       // with the answer, or all chosen options packed
	Separator   text              `yaml:"separator"`    // of packed options
	Columns     lookup            `yaml:"columns"`      // column to the option's code, one column an option
	Selected    []text            `yaml:"selected"`     // cells of these columns that say chosen
	NotSelected []text            `yaml:"not_selected"` // and not chosen
	Nothing     text              `yaml:"nothing"`      // no option chosen is: missing (default), answer
	Values      lookup            `yaml:"values"`       // cell to the option's code, beside codes and labels
	Shown       *conditionMapping `yaml:"shown"`        // who was asked; default: everybody
	Store       bool              `yaml:"store"`        // keep open text
}

// Option of a closed question.
type Option struct {
	Code      text     `yaml:"code"`
	Label     text     `yaml:"label"` // default: Code
	Exclusive bool     `yaml:"exclusive"`
	Pain      text     `yaml:"pain"`
	Score     *float64 `yaml:"score"`
}

type scale struct {
	From int `yaml:"from"`
	To   int `yaml:"to"`
}

// Margin is what is known of the population by one variable, or by several crossed.
type Margin struct {
	By      texts  `yaml:"by"` // market, age, stratum or a domain
	Targets lookup `yaml:"targets"`
}

// text is a scalar as it is written: YAML reads an unquoted 01 as 1, and yes as a truth value elsewhere.
type text string

// UnmarshalYAML takes every scalar.
func (t *text) UnmarshalYAML(node ast.Node) error {
	s, err := scalar(node)
	*t = text(s)
	return err
}

func scalar(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.NullNode:
		return "", nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	}
	at := node.GetToken().Position
	return "", fmt.Errorf("[%d:%d] a text or a number is wanted here, not a %s", at.Line, at.Column, strings.ToLower(node.Type().YAMLName()))
}

// texts takes a list, or one text.
type texts []text

// UnmarshalYAML takes what texts is.
func (t *texts) UnmarshalYAML(node ast.Node) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		s, err := scalar(node)
		*t = texts{text(s)}
		return err
	}
	for _, value := range list.Values {
		s, err := scalar(value)
		if err != nil {
			return err
		}
		*t = append(*t, text(s))
	}
	return nil
}

// lookup is a YAML map of scalars in its order.
type lookup []pair

type pair struct{ key, value string }

// UnmarshalYAML takes maps of scalars.
func (l *lookup) UnmarshalYAML(node ast.Node) error {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return nil
	default:
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] pairs such as \"1\": daily are wanted here", at.Line, at.Column)
	}
	for _, v := range values {
		key, err := scalar(v.Key)
		if err != nil {
			return err
		}
		value, err := scalar(v.Value)
		if err != nil {
			return err
		}
		*l = append(*l, pair{key, value})
	}
	return nil
}

// domains are further groups by name, in order.
type domains []domain

type domain struct {
	name string
	groupMapping
}

// UnmarshalYAML takes a map of groups by name.
func (d *domains) UnmarshalYAML(node ast.Node) error {
	var byName map[string]groupMapping
	if err := yaml.NodeToValue(node, &byName, yaml.Strict()); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		*d = append(*d, domain{name, byName[name]})
	}
	return nil
}

// ReadMapping reads the YAML of a mapping and fills in shipped questions. name stands for it in errors, which name
// every mistake.
func ReadMapping(name string, in io.Reader) (*Mapping, error) {
	b, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read the mapping %s: %w", name, err)
	}
	m := &Mapping{MostRejected: 0.01}
	if err := yaml.UnmarshalWithOptions(b, m, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if err := m.complete(); err != nil {
		return nil, fmt.Errorf("%s: the mapping cannot be used:\n%w", name, err)
	}
	return m, nil
}

func shipped() (map[string]Question, error) {
	var questions map[string]Question
	if err := yaml.UnmarshalWithOptions([]byte(ShippedQuestions), &questions, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read the shipped questions: %s", yaml.FormatError(err, false, false))
	}
	return questions, nil
}

// mistakes gathers what is wrong, so that it can be mended in one go.
type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

// complete fills in defaults and checks everything that can be checked without the files.
func (m *Mapping) complete() error {
	var wrong mistakes
	m.Title = cmp.Or(m.Title, m.Survey)
	for _, required := range []struct{ key, value, what string }{
		{"survey", string(m.Survey), "a short name; importing a survey of the same name again replaces it"},
		{"business", string(m.Business), "whose survey it is"},
		{"population", string(m.Population), "in words, who could be asked: reports print it"},
		{"respondent", string(m.Respondent), "the column with the respondents' ids"},
	} {
		if required.value == "" {
			wrong.add("%s is missing: %s", required.key, required.what)
		}
	}
	m.checkCSV(&wrong)
	m.checkPlaces(&wrong)
	known, err := shipped()
	if err != nil {
		return err
	}
	measured := map[text]bool{}
	for _, q := range known {
		measured[q.Measures] = true
	}
	if len(m.Questions) == 0 {
		wrong.add("questions is empty: a survey has at least one")
	}
	seen := map[text]bool{}
	for i := range m.Questions {
		q := &m.Questions[i]
		if !q.inherit(known, &wrong) {
			continue
		}
		place := fmt.Sprintf("question %d", i+1)
		if q.ID == "" {
			wrong.add("%s: id is missing", place)
		} else {
			place = "question " + string(q.ID)
		}
		if seen[q.ID] && q.ID != "" {
			wrong.add("%s: the id is there twice", place)
		}
		seen[q.ID] = true
		if q.Measures != "" && !measured[q.Measures] {
			wrong.add("%s: measures %q is nothing that Drumbeat knows; there are %s", place, q.Measures, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		q.check(place, &wrong)
	}
	m.checkMargins(&wrong)
	return errors.Join(wrong...)
}

func (m *Mapping) checkCSV(wrong *mistakes) {
	if s := m.CSV.Separator; s != "" && s != "tab" && (len(s) != 1 || s == "\"") {
		wrong.add("csv: separator %q is not one character, nor tab", s)
	}
	if m.CSV.HeaderRows < 0 || m.CSV.HeaderRows > 3 {
		wrong.add("csv: header_rows %d is not 1, 2 or 3", m.CSV.HeaderRows)
	}
	if d := m.CSV.Decimal; d != "" && d != "." && d != "," {
		wrong.add("csv: decimal %q is neither . nor ,", d)
	}
}

func (m *Mapping) checkPlaces(wrong *mistakes) {
	switch d := m.Date; {
	case (d.Column == "") == (d.Value == ""):
		wrong.add("date: name the column, or with value one day such as 2026-05-15 for all")
	case d.Value != "":
		if _, err := time.Parse(time.DateOnly, string(d.Value)); err != nil {
			wrong.add("date: value %q is not a day such as 2026-05-15", d.Value)
		}
	case d.Order != "" && d.Order != "dmy" && d.Order != "mdy" && d.Order != "ymd":
		wrong.add("date: order %q is none of dmy, mdy, ymd", d.Order)
	}
	m.Market.check("market", wrong)
	seen := map[string]bool{"market": true, "age": true, "stratum": true, "all": true, "cell": true, "market_age": true}
	for _, d := range m.Domains {
		if seen[d.name] {
			wrong.add("domains: %s is a name that Drumbeat uses itself", d.name)
		}
		d.check("domain "+d.name, wrong)
	}
	a := m.Age
	switch {
	case a.Number != "" && a.Number != "years" && a.Number != "birth_year":
		wrong.add("age: number %q is neither years nor birth_year", a.Number)
	case a.Number != "" && (len(a.Bands) == 0 || len(a.Values) > 0):
		wrong.add("age: a number needs bands, such as [18, 25, 35, 45, 55, 65], and no values")
	case a.Number == "" && len(a.Bands) > 0:
		wrong.add("age: bands need number: years, or birth_year")
	case !slices.IsSorted(a.Bands) || len(a.Bands) > 0 && a.Bands[0] < 0 || len(slices.Compact(slices.Clone(a.Bands))) != len(a.Bands):
		wrong.add("age: bands must ascend from 0 or more, each once")
	case a.Column == "" && (a.Number != "" || len(a.Values) > 0):
		wrong.add("age: column is missing")
	}
	if c := m.Contact; c != nil {
		if c.Column == "" || c.Consent.Column == "" {
			wrong.add("contact: it needs a column and a consent column: nobody is joined to the log who has not agreed")
		}
		switch ingest.AddressKind(c.Kind) {
		case "", ingest.Phone, ingest.Email, ingest.BSUID:
			if c.Account != "" {
				wrong.add("contact: account is for scoped ids only")
			}
		case ingest.Scoped:
			if c.Account == "" {
				wrong.add("contact: scoped ids need the account that they are of")
			}
		default:
			wrong.add("contact: kind %q is none of phone, email, scoped, bsuid", c.Kind)
		}
	}
	if !(m.MostRejected >= 0 && m.MostRejected < 1) {
		wrong.add("most_rejected %v is not a share from 0 to below 1", m.MostRejected)
	}
}

func (g groupMapping) check(place string, wrong *mistakes) {
	if g.Value != "" && (g.Column != "" || len(g.Values) > 0) {
		wrong.add("%s: give a column, or one value for all, not both", place)
	}
	if g.Column == "" && len(g.Values) > 0 {
		wrong.add("%s: column is missing", place)
	}
}

// inherit fills in what the shipped question says and the mapping does not. False if there is no such question.
func (q *Question) inherit(known map[string]Question, wrong *mistakes) bool {
	if q.Use == "" {
		return true
	}
	from, ok := known[string(q.Use)]
	if !ok {
		wrong.add("question: use %q is no shipped question; there are %s", q.Use, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return false
	}
	q.ID = cmp.Or(q.ID, q.Use)
	q.Type, q.Measures = cmp.Or(q.Type, from.Type), cmp.Or(q.Measures, from.Measures)
	q.Wording, q.Base = cmp.Or(q.Wording, from.Wording), cmp.Or(q.Base, from.Base)
	q.RecallDays = cmp.Or(q.RecallDays, from.RecallDays)
	if q.Options == nil && q.Scale == nil {
		q.Options = from.Options
		if len(q.Columns) > 0 { // what has no column was not asked
			q.Options = slices.DeleteFunc(slices.Clone(from.Options), func(o Option) bool {
				return !slices.ContainsFunc(q.Columns, func(p pair) bool { return p.value == string(o.Code) })
			})
		}
	}
	return true
}

// pains are what the metric pain_points observes.
var pains = []string{
	"failed_delivery", "irrelevant", "message_after_opt_out", "night_message", "no_reply", "nudged", "repeat_contact", "slow_reply",
	"too_many_messages", "window_expired",
}

const mostOptions = math.MaxUint16

func (q *Question) check(place string, wrong *mistakes) {
	if q.Wording == "" {
		wrong.add("%s: wording is missing: it is printed beside every figure", place)
	}
	if q.Base == "" {
		wrong.add("%s: base is missing: in words, who was asked", place)
	}
	if q.RecallDays < 0 || q.RecallDays > 3660 {
		wrong.add("%s: recall_days %d is not 0 to 3660", place, q.RecallDays)
	}
	if q.OptionsOrder != "" && q.OptionsOrder != "fixed" && q.OptionsOrder != "randomised" {
		wrong.add("%s: options_order %q is neither fixed nor randomised", place, q.OptionsOrder)
	}
	if q.Nothing != "" && q.Nothing != "missing" && q.Nothing != "answer" {
		wrong.add("%s: nothing %q is neither missing nor answer", place, q.Nothing)
	}
	if s := q.Shown; s != nil && s.Column == "" {
		wrong.add("%s: shown: column is missing", place)
	}
	switch q.Type {
	case "single", "scale":
		if q.Column == "" || len(q.Columns) > 0 || q.Separator != "" {
			wrong.add("%s: a question of type %s has its answer in one column", place, q.Type)
		}
	case "multiple":
		packed := q.Column != "" && q.Separator != ""
		if packed == (len(q.Columns) > 0) || (q.Column != "") != (q.Separator != "") {
			wrong.add("%s: a question of type multiple has columns, one an option, or one column with the separator of its options", place)
		}
	case "open":
		if q.Column == "" || len(q.Columns) > 0 || q.Separator != "" || len(q.Options) > 0 || q.Scale != nil || len(q.Values) > 0 {
			wrong.add("%s: an open question has its text in one column, and no options", place)
		}
	default:
		wrong.add("%s: type %q is none of single, multiple, scale, open", place, q.Type)
	}
	if q.Store && q.Type != "open" {
		wrong.add("%s: store is for open questions", place)
	}
	if q.Type != "multiple" && (q.Nothing != "" || len(q.Selected) > 0 || len(q.NotSelected) > 0) {
		wrong.add("%s: nothing, selected and not_selected are for type multiple", place)
	}
	if q.Type == "open" || q.Type == "" {
		return
	}
	if q.Scale != nil {
		if q.Type != "scale" || len(q.Options) > 0 || q.Scale.From >= q.Scale.To || q.Scale.To-q.Scale.From > 1000 {
			wrong.add("%s: scale needs type scale, from below to, and no options", place)
			return
		}
		for i := q.Scale.From; i <= q.Scale.To; i++ {
			q.Options = append(q.Options, Option{Code: text(strconv.Itoa(i)), Score: new(float64(i))})
		}
	}
	q.checkOptions(place, wrong)
}

func (q *Question) checkOptions(place string, wrong *mistakes) {
	if len(q.Options) < 2 && q.Type != "multiple" || len(q.Options) == 0 || len(q.Options) > mostOptions {
		wrong.add("%s: it has %d options", place, len(q.Options))
	}
	codes, labels := map[string]bool{}, map[string]bool{}
	for i := range q.Options {
		o := &q.Options[i]
		o.Label = cmp.Or(o.Label, o.Code)
		if label := strings.ToLower(string(o.Label)); labels[label] && !codes[string(o.Code)] {
			wrong.add("%s: option %s: another one has its label", place, o.Code)
		} else {
			labels[label] = true
		}
		switch {
		case o.Code == "":
			wrong.add("%s: option %d has no code", place, i+1)
		case codes[string(o.Code)]:
			wrong.add("%s: option %s is there twice", place, o.Code)
		}
		codes[string(o.Code)] = true
		if o.Pain != "" && !slices.Contains(pains, string(o.Pain)) {
			wrong.add("%s: option %s: pain %q is none that is observed; there are %s", place, o.Code, o.Pain, strings.Join(pains, ", "))
		}
		if o.Exclusive && q.Type != "multiple" {
			wrong.add("%s: option %s: exclusive is for type multiple, where else it is one of several", place, o.Code)
		}
		if q.Type == "scale" && (o.Score == nil || math.IsNaN(*o.Score) || math.IsInf(*o.Score, 0)) {
			wrong.add("%s: option %s: an option of a scale needs a score", place, o.Code)
		}
		if q.Type != "scale" && o.Score != nil {
			wrong.add("%s: option %s: score is for type scale", place, o.Code)
		}
	}
	for _, p := range q.Values {
		if !codes[p.value] {
			wrong.add("%s: values: %q is the code of no option", place, p.value)
		}
	}
	taken := map[string]bool{}
	for _, p := range q.Columns {
		if !codes[p.value] {
			wrong.add("%s: columns: %q is the code of no option", place, p.value)
		}
		if taken[p.value] {
			wrong.add("%s: columns: option %s has two columns", place, p.value)
		}
		taken[p.value] = true
	}
	if len(q.Columns) > 0 {
		for _, o := range q.Options {
			if !taken[string(o.Code)] {
				wrong.add("%s: columns: option %s has no column: it would look as if nobody chose it; name its column, or list the options of this survey", place, o.Code)
			}
		}
	}
}

func (m *Mapping) checkMargins(wrong *mistakes) {
	if m.Trim != 0 && (!(m.Trim > 1) || math.IsInf(m.Trim, 0)) {
		wrong.add("trim %v is not above 1: weights above so many times the median are cut", m.Trim)
	}
	if m.Trim != 0 && len(m.Margins) == 0 {
		wrong.add("trim needs margins: after weights were cut they are raked again")
	}
	seen := map[string]bool{}
	for _, margin := range m.Margins {
		name := margin.name()
		if seen[name] {
			wrong.add("margin %s: it is there twice", name)
		}
		seen[name] = true
		if len(margin.By) == 0 {
			wrong.add("margins: by is missing: what the targets are by")
		}
		for _, by := range margin.By {
			if !m.has(string(by)) {
				wrong.add("margin %s: the mapping names no column for %q", name, by)
			}
		}
		if len(margin.Targets) == 0 {
			wrong.add("margin %s: targets are missing", name)
		}
		for _, p := range margin.Targets {
			if target, err := strconv.ParseFloat(p.value, 64); err != nil || !(target >= 0) || math.IsInf(target, 0) {
				wrong.add("margin %s: the target %q of %s is no number from 0", name, p.value, p.key)
			}
		}
	}
}

func (m Margin) name() string {
	parts := make([]string, len(m.By))
	for i, by := range m.By {
		parts[i] = string(by)
	}
	return strings.Join(parts, crossed)
}

// crossed stands between the categories of a margin by several variables.
const crossed = " / "

// has tells whether respondents have a group of this name.
func (m *Mapping) has(name string) bool {
	switch name {
	case "market":
		return m.Market.Column != "" || m.Market.Value != ""
	case "age":
		return m.Age.Column != ""
	case "stratum":
		return m.Stratum != ""
	}
	return slices.ContainsFunc(m.Domains, func(d domain) bool { return d.name == name })
}
