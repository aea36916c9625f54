package survey

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"drumbeat/ingest"
)

// plan is a mapping made ready to read rows. It keeps what holds for all files; bind finds the columns of one.
type plan struct {
	m         *Mapping
	pseudonym *ingest.Pseudonymizer
	missing   map[string]bool
	fixedDay  int32

	respondent, date, weight, duration, cluster int // columns; -1: none
	contact, consent                            int
	consents                                    map[string]bool
	groups                                      []*group // market, age, stratum, domains
	questions                                   []*asked
	clusters                                    map[string]uint64

	contactsUnread int // addresses of people who agreed, but which are none

	row row
}

// row is what one row of a file says.
type row struct {
	id       uint64
	day      int32 // since 1970
	weight   float64
	seconds  float64 // that answering took; NaN: not told
	cluster  uint64
	groups   []int32 // places in categories
	contact  ingest.ID
	answers  []answer
	options  []uint16
	mistakes []cellError
}

type answer struct {
	from, to   int // in the row's options
	shown      bool
	answered   bool
	flag       flag
	characters uint32
	text       string
}

// flag is a bit a thing that is odd about an answer.
type flag uint8

const (
	exclusiveViolated flag = 1 << iota
	answeredNotShown
	nothingChosen
)

var flagNames = []string{"exclusive_violated", "answered_not_shown", "nothing_chosen"}

// cellError says what is wrong with a cell. It quotes no personal data.
type cellError struct {
	column string
	error
}

// mostCategories is what a variable may have and still form groups.
const mostCategories = 1000

// group is a variable by which respondents are grouped.
type group struct {
	name       string
	column     int
	columnName string
	from       lookup           // the mapping's; empty: cells are categories
	seen       map[string]int32 // cell to category; -1: the mapping knows none
	categories []string
	places     map[string]int32
	number     func(cell string, day int32) (category string, err error)
}

func newGroup(name string, m groupMapping) *group {
	g := &group{name: name, columnName: string(m.Column), column: -1, from: m.Values, seen: map[string]int32{}, places: map[string]int32{}}
	if m.Value != "" {
		g.place(string(m.Value))
	} else {
		g.place("") // unknown
	}
	return g
}

// place returns where a category is, and takes it up if it is new.
func (g *group) place(category string) int32 {
	i, ok := g.places[category]
	if !ok {
		i = int32(len(g.categories))
		category = strings.Clone(category)
		g.places[category] = i
		g.categories = append(g.categories, category)
	}
	return i
}

var errTooMany = fmt.Errorf("it has more than %d different values, which is no group: name another column, or give values", mostCategories)

func (g *group) read(cell string, day int32) (int32, error) {
	if g.number != nil {
		category, err := g.number(cell, day)
		if err != nil {
			return 0, err
		}
		return g.place(category), nil
	}
	i, ok := g.seen[cell]
	if !ok {
		i = -1
		if len(g.from) == 0 {
			if err := fitForCategory(cell); err != nil {
				return 0, err
			}
			i = g.place(cell)
		}
		for _, p := range g.from {
			if p.key == cell {
				i = g.place(p.value)
			}
		}
		if len(g.categories) > mostCategories {
			return 0, errTooMany
		}
		if len(g.seen) < 10*mostCategories {
			g.seen[strings.Clone(cell)] = i
		}
	}
	if i < 0 {
		return 0, fmt.Errorf("%s is none of the values that the mapping lists: add it there, or mend the cell", quoted(cell))
	}
	return i, nil
}

// fitForCategory keeps addresses out of the database where the wrong column was mapped.
func fitForCategory(cell string) error {
	switch {
	case !utf8.ValidString(cell):
		return errors.New("it is not UTF-8: save the file as CSV UTF-8")
	case len(cell) > 200:
		return errors.New("it is longer than 200 bytes, which is no category")
	case personal(cell):
		return errors.New("it looks like an address or a phone number, which is no category: name another column")
	}
	return nil
}

// personal tells that a text may be an address or a number of a person. ID-like counts of digits are enough.
func personal(cell string) bool {
	digits := 0
	for i := range len(cell) {
		if cell[i] >= '0' && cell[i] <= '9' {
			digits++
		}
	}
	return strings.Contains(cell, "@") || digits >= 9
}

// quoted is a cell as an error may show it.
func quoted(cell string) string {
	switch {
	case personal(cell):
		return "what looks like an address or a number"
	case !utf8.ValidString(cell):
		return "a text that is not UTF-8 (save the file as CSV UTF-8)"
	case len(cell) > 60:
		return "a longer text"
	}
	return strconv.Quote(strings.ReplaceAll(cell, listMark, ", "))
}

// asked is a question with its columns.
type asked struct {
	*Question
	column    int
	columns   []int    // of options, in the mapping's order
	options   []uint16 // beside columns
	spellings map[string]uint16
	wide      []map[string]uint16 // beside columns: cell to chosen or not
	quick     [256]uint16         // cells of one byte; unknown: look it up
	exclusive []bool              // by option
	shown     int
	yes       map[string]bool
	chosen    []bool // by option, of this row
}

const (
	unknown   = math.MaxUint16
	notChosen = 0
	isChosen  = 1
)

func newPlan(m *Mapping, pseudonym *ingest.Pseudonymizer) (*plan, error) {
	p := &plan{m: m, pseudonym: pseudonym, missing: map[string]bool{"": true}, clusters: map[string]uint64{}}
	for _, cell := range m.Missing {
		p.missing[string(cell)] = true
	}
	if m.Date.Value != "" {
		day, err := time.Parse(time.DateOnly, string(m.Date.Value))
		if err != nil {
			return nil, err
		}
		p.fixedDay = int32(day.Unix() / 86400)
	}
	age := newGroup("age", groupMapping{Column: m.Age.Column, Values: m.Age.Values})
	if m.Age.Number != "" {
		age.number = p.ageReader()
	}
	p.groups = []*group{newGroup("market", m.Market), age, newGroup("stratum", groupMapping{Column: m.Stratum})}
	for _, d := range m.Domains {
		p.groups = append(p.groups, newGroup(d.name, d.groupMapping))
	}
	if m.Contact != nil {
		p.consents = m.Contact.Consent.set()
	}
	for i := range m.Questions {
		p.questions = append(p.questions, newAsked(&m.Questions[i], p.missing))
	}
	p.row.groups, p.row.answers = make([]int32, len(p.groups)), make([]answer, len(p.questions))
	return p, nil
}

// noes are what says no where a mapping lists nothing that says yes.
var noes = map[string]bool{"0": true, "0.0": true, "no": true, "false": true}

func (c conditionMapping) set() map[string]bool {
	yes := map[string]bool{}
	for _, cell := range c.Yes {
		yes[string(cell)] = true
	}
	if len(yes) == 0 {
		for _, cell := range []string{"1", "1.0", "yes", "Yes", "YES", "true", "True", "TRUE"} {
			yes[cell] = true
		}
	}
	return yes
}

func newAsked(q *Question, missing map[string]bool) *asked {
	a := &asked{Question: q, spellings: map[string]uint16{}, exclusive: make([]bool, len(q.Options)+1), chosen: make([]bool, len(q.Options)+1), shown: -1}
	codes := map[string]uint16{}
	for i, o := range q.Options {
		codes[string(o.Code)] = uint16(i + 1)
		a.exclusive[i+1] = o.Exclusive
	}
	// What the mapping says of the file goes before codes, and these before labels.
	for i, o := range q.Options {
		for _, cell := range []string{string(o.Label), strings.ToLower(string(o.Label))} {
			if _, taken := a.spellings[cell]; !taken {
				a.spellings[cell] = uint16(i + 1)
			}
		}
	}
	for code, option := range codes {
		a.spellings[code] = option
	}
	for _, p := range q.Values {
		a.spellings[p.key] = codes[p.value]
	}
	if q.Shown != nil {
		a.yes = q.Shown.set()
	}
	for _, p := range q.Columns {
		option := codes[p.value]
		a.options = append(a.options, option)
		a.wide = append(a.wide, a.marks(option))
	}
	for i := range a.quick {
		a.quick[i] = unknown
	}
	for i := range 256 {
		cell := string([]byte{byte(i)})
		if missing[cell] {
			continue
		}
		if len(a.wide) > 0 {
			// Columns differ in what their own codes say, and only in that.
			if mark, ok := a.wide[0][cell]; ok && !slices.ContainsFunc(a.wide, func(m map[string]uint16) bool { other, ok := m[cell]; return !ok || other != mark }) {
				a.quick[i] = mark
			}
		} else if option, ok := a.spellings[cell]; ok {
			a.quick[i] = option
		}
	}
	return a
}

// marks are what the cells of an option's own column may say.
func (a *asked) marks(option uint16) map[string]uint16 {
	marks := map[string]uint16{}
	if len(a.Selected) == 0 {
		for cell, of := range a.spellings {
			if of == option {
				marks[cell] = isChosen
			}
		}
		for _, cell := range []string{"1", "1.0", "true", "yes", "x", "selected", "checked"} {
			for _, written := range []string{cell, strings.ToUpper(cell), strings.ToUpper(cell[:1]) + cell[1:]} {
				marks[written] = isChosen
			}
		}
	}
	if len(a.NotSelected) == 0 {
		for _, cell := range []string{"0", "0.0", "false", "no", "not selected", "unselected", "unchecked"} {
			for _, written := range []string{cell, strings.ToUpper(cell), strings.ToUpper(cell[:1]) + cell[1:]} {
				marks[written] = notChosen
			}
		}
	}
	for _, cell := range a.NotSelected {
		marks[string(cell)] = notChosen
	}
	for _, cell := range a.Selected {
		marks[string(cell)] = isChosen
	}
	return marks
}

// wanted are the columns that the mapping names, each once.
func (m *Mapping) wanted() []string {
	var names []string
	add := func(name text) {
		if name != "" && !slices.Contains(names, string(name)) {
			names = append(names, string(name))
		}
	}
	add(m.Respondent)
	add(m.Date.Column)
	add(m.Weight)
	add(m.Duration)
	add(m.Stratum)
	add(m.Cluster)
	add(m.Market.Column)
	add(m.Age.Column)
	for _, d := range m.Domains {
		add(d.Column)
	}
	if m.Contact != nil {
		add(m.Contact.Column)
		add(m.Contact.Consent.Column)
	}
	for _, q := range m.Questions {
		add(q.Column)
		for _, p := range q.Columns {
			add(text(p.key))
		}
		if q.Shown != nil {
			add(q.Shown.Column)
		}
	}
	return names
}

// bind finds the columns of the mapping in a file.
func (p *plan) bind(columns []string) error {
	places := map[string]int{}
	var twice mistakes
	for i, name := range columns {
		if first, ok := places[name]; ok && name != "" && slices.Contains(p.m.wanted(), name) {
			twice.add("column %q is there twice, as column %d and %d of the file: rename one", name, first+1, i+1)
		}
		places[name] = i
	}
	var absent []string
	for _, name := range p.m.wanted() {
		if _, ok := places[name]; !ok {
			absent = append(absent, strconv.Quote(name))
		}
	}
	if len(absent) > 0 {
		have := make([]string, 0, 60)
		for _, name := range columns[:min(len(columns), 60)] {
			have = append(have, strconv.Quote(name))
		}
		more := ""
		if len(columns) > 60 {
			more = fmt.Sprintf(" and %d more", len(columns)-60)
		}
		twice.add("the file has no column %s; it has %s%s: mend the mapping, or its csv separator and header_rows", strings.Join(absent, ", "), strings.Join(have, ", "), more)
	}
	if len(twice) > 0 {
		return errors.Join(twice...)
	}
	at := func(name text) int {
		if name == "" {
			return -1
		}
		return places[string(name)]
	}
	p.respondent, p.date, p.weight, p.duration, p.cluster = at(p.m.Respondent), at(p.m.Date.Column), at(p.m.Weight), at(p.m.Duration), at(p.m.Cluster)
	p.contact, p.consent = -1, -1
	if c := p.m.Contact; c != nil {
		p.contact, p.consent = at(c.Column), at(c.Consent.Column)
	}
	for _, g := range p.groups {
		g.column = at(text(g.columnName))
	}
	for _, q := range p.questions {
		q.column = at(q.Column)
		q.columns = q.columns[:0]
		for _, c := range q.Columns {
			q.columns = append(q.columns, at(text(c.key)))
		}
		if q.Shown != nil {
			q.shown = at(q.Shown.Column)
		}
	}
	return nil
}

// read turns the cells of a row into p.row, whose mistakes say what could not be read.
func (p *plan) read(cells []string) {
	r := &p.row
	r.options, r.mistakes = r.options[:0], r.mistakes[:0]
	wrong := func(column text, err error) {
		r.mistakes = append(r.mistakes, cellError{string(column), err})
	}
	if id := strings.TrimSpace(cells[p.respondent]); id == "" {
		wrong(p.m.Respondent, errors.New("the respondent's id is empty: give each respondent one"))
	} else {
		r.id = p.pseudonym.Respondent(string(p.m.Business), string(p.m.Survey), "respondent", id)
	}
	r.day = p.fixedDay
	if p.date >= 0 {
		day, err := parseDay(cells[p.date], string(p.m.Date.Order))
		if err != nil {
			wrong(p.m.Date.Column, err)
		}
		r.day = day
	}
	r.weight = 1
	if p.weight >= 0 {
		weight, err := p.number(cells[p.weight])
		if err == nil && weight <= 0 {
			err = errors.New("a weight must be above 0: leave out respondents who do not count")
		}
		if err != nil {
			wrong(p.m.Weight, err)
		}
		r.weight = weight
	}
	r.seconds = math.NaN()
	if p.duration >= 0 && !p.missing[strings.TrimSpace(cells[p.duration])] {
		seconds, err := p.number(cells[p.duration])
		if err == nil && seconds < 0 {
			err = errors.New("a duration is not negative: write seconds, or list the cell under missing")
		}
		if err != nil {
			wrong(p.m.Duration, err)
		}
		r.seconds = seconds
	}
	r.cluster = 0
	if p.cluster >= 0 {
		r.cluster = p.readCluster(cells[p.cluster])
	}
	for i, g := range p.groups {
		r.groups[i] = 0
		if g.column < 0 {
			continue
		}
		cell := strings.TrimSpace(cells[g.column])
		if p.missing[cell] {
			r.groups[i] = g.place("")
			continue
		}
		place, err := g.read(cell, r.day)
		if err != nil {
			wrong(text(g.columnName), err)
		}
		r.groups[i] = place
	}
	r.contact = ingest.ID{}
	if p.contact >= 0 && p.consents[strings.TrimSpace(cells[p.consent])] {
		address, err := ingest.ParseAddress(ingest.AddressKind(p.m.Contact.Kind), cells[p.contact])
		if err != nil {
			p.contactsUnread++
		} else {
			r.contact = p.pseudonym.Contact(string(p.m.Business), string(p.m.Contact.Account), address)
		}
	}
	for i, q := range p.questions {
		r.answers[i] = p.answer(q, cells)
	}
}

func (p *plan) readCluster(cell string) uint64 {
	cell = strings.TrimSpace(cell)
	if p.missing[cell] {
		return 0
	}
	hash, ok := p.clusters[cell]
	if !ok {
		hash = p.pseudonym.Respondent(string(p.m.Business), string(p.m.Survey), "cluster", cell)
		p.clusters[strings.Clone(cell)] = hash
	}
	return hash
}

// answer reads what a row says to a question.
func (p *plan) answer(q *asked, cells []string) answer {
	r := &p.row
	a := answer{from: len(r.options), shown: true}
	if q.shown >= 0 {
		cell := strings.TrimSpace(cells[q.shown])
		a.shown = q.yes[cell]
		if !a.shown && len(q.Shown.Yes) == 0 && !p.missing[cell] && !noes[strings.ToLower(cell)] {
			r.mistakes = append(r.mistakes, cellError{string(q.Shown.Column), fmt.Errorf(
				"%s says neither that question %s was shown nor that it was not: list under yes what says that it was", quoted(cell), q.ID)})
		}
	}
	given := false
	switch {
	case q.Type == "open":
		cell := strings.TrimSpace(cells[q.column])
		if !p.missing[cell] {
			given = true
			a.characters = uint32(utf8.RuneCountInString(cell))
			if q.Store {
				a.text = strings.ToValidUTF8(cell, "\uFFFD")
			}
		}
	case len(q.columns) > 0:
		given = p.readWide(q, cells)
	case q.Separator != "":
		given = p.readPacked(q, cells[q.column])
	default:
		cell := cells[q.column]
		option, there := p.option(q, cell)
		if given = there; given {
			r.options = append(r.options, option)
		}
	}
	a.to = len(r.options)
	if q.Type == "multiple" {
		a.flag, given = q.judge(r.options[a.from:a.to], given)
	}
	if given && !a.shown {
		a.flag |= answeredNotShown
	}
	a.answered = given && a.shown
	return a
}

// judge flags what is odd about chosen options, and says whether they are an answer.
func (q *asked) judge(chosen []uint16, given bool) (flag, bool) {
	if given && len(chosen) == 0 {
		return nothingChosen, q.Nothing == "answer"
	}
	if len(chosen) > 1 {
		for _, option := range chosen {
			if q.exclusive[option] {
				return exclusiveViolated, given
			}
		}
	}
	return 0, given
}

// option returns which one a cell names. Not there: the cell is empty, or wrong, which is noted.
func (p *plan) option(q *asked, cell string) (option uint16, there bool) {
	if len(cell) == 1 {
		if option := q.quick[cell[0]]; option != unknown {
			return option, true
		}
	}
	option, ok := q.spellings[cell]
	if ok && !p.missing[cell] {
		return option, true
	}
	trimmed := strings.TrimSpace(cell)
	if p.missing[trimmed] {
		return 0, false
	}
	if option, ok = q.spellings[trimmed]; !ok {
		if option, ok = q.spellings[strings.ToLower(trimmed)]; !ok {
			// Statistical software writes the code 1 as 1.0.
			if x, err := strconv.ParseFloat(trimmed, 64); err == nil {
				option, ok = q.spellings[strconv.FormatFloat(x, 'f', -1, 64)]
			}
		}
	}
	if !ok {
		p.row.mistakes = append(p.row.mistakes, cellError{string(q.Column), fmt.Errorf(
			"%s is no option of question %s: add it to its values or to missing, or mend the cell", quoted(trimmed), q.ID)})
		return 0, false
	}
	if len(q.spellings) < 10*mostCategories {
		q.spellings[strings.Clone(cell)] = option
	}
	return option, true
}

func (p *plan) readPacked(q *asked, cells string) (given bool) {
	if p.missing[strings.TrimSpace(cells)] {
		return false
	}
	separator := string(q.Separator)
	if strings.Contains(cells, listMark) {
		separator = listMark
	}
	for part := range strings.SplitSeq(cells, separator) {
		if option, there := p.option(q, part); there {
			q.chosen[option] = true
			given = true
		}
	}
	p.collect(q)
	return given
}

func (p *plan) readWide(q *asked, cells []string) (given bool) {
	r := &p.row
	for i, column := range q.columns {
		cell := cells[column]
		if cell == "" {
			continue
		}
		if len(cell) == 1 {
			if mark := q.quick[cell[0]]; mark != unknown {
				given = true
				q.chosen[q.options[i]] = mark == isChosen
				continue
			}
		}
		mark, ok := q.wide[i][cell]
		if !ok || p.missing[cell] {
			cell = strings.TrimSpace(cell)
			if p.missing[cell] {
				continue
			}
			if mark, ok = q.wide[i][cell]; !ok {
				mark, ok = q.wide[i][strings.ToLower(cell)]
			}
		}
		if !ok {
			r.mistakes = append(r.mistakes, cellError{q.Columns[i].key, fmt.Errorf(
				"%s says neither chosen nor not chosen: list it under selected or not_selected of question %s, or under missing", quoted(cell), q.ID)})
			continue
		}
		given = true
		q.chosen[q.options[i]] = mark == isChosen
	}
	p.collect(q)
	return given
}

// collect moves chosen options to the row, ascending.
func (p *plan) collect(q *asked) {
	for option, chosen := range q.chosen {
		if chosen {
			p.row.options = append(p.row.options, uint16(option))
			q.chosen[option] = false
		}
	}
}

// The same mistake is told once, so the cell is not in it.
var (
	errNumber = errors.New("it is no number: mend it")
	errComma  = errors.New("it is no number; if the comma is its decimal mark, write decimal: \",\" under csv in the mapping")
)

func (p *plan) number(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	if p.m.CSV.Decimal == "," {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	x, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		if strings.Contains(cell, ",") {
			return 0, errComma
		}
		return 0, errNumber
	}
	return x, nil
}

var errDay = errors.New("it is no date such as 2026-05-31; of dates such as 31/5/2026 say the order in the mapping: dmy, mdy or ymd")

// parseDay returns days since 1970. What follows the date, such as a time, is ignored.
func parseDay(cell, order string) (int32, error) {
	cell = strings.TrimSpace(cell)
	if order == "" {
		if len(cell) < 10 || cell[4] != '-' || cell[7] != '-' || len(cell) > 10 && cell[10] >= '0' && cell[10] <= '9' {
			return 0, errDay
		}
		return dayOf(cell[:4], cell[5:7], cell[8:10])
	}
	var parts [3]string
	rest := cell
	for i := range parts {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		parts[i] = rest[:n]
		rest = strings.TrimLeft(rest[n:], "/.- ")
	}
	named := map[byte]string{order[0]: parts[0], order[1]: parts[1], order[2]: parts[2]}
	return dayOf(named['y'], named['m'], named['d'])
}

func dayOf(year, month, day string) (int32, error) {
	y, err := strconv.Atoi(year)
	m, err2 := strconv.Atoi(month)
	d, err3 := strconv.Atoi(day)
	if err != nil || err2 != nil || err3 != nil {
		return 0, errDay
	}
	if len(year) != 4 || y < 1970 || y > 2148 {
		return 0, errors.New("the year of the date is not 1970 to 2148, in four digits")
	}
	at := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if at.Day() != d || int(at.Month()) != m {
		return 0, errDay
	}
	return int32(at.Unix() / 86400), nil
}

// ageReader turns years, or a year of birth, into bands such as 18-24.
func (p *plan) ageReader() func(string, int32) (string, error) {
	bands := p.m.Age.Bands
	names := make([]string, len(bands))
	for i, from := range bands {
		names[i] = fmt.Sprintf("%d+", from)
		if i+1 < len(bands) {
			names[i] = fmt.Sprintf("%d-%d", from, bands[i+1]-1)
			if bands[i+1]-1 == from {
				names[i] = strconv.Itoa(from)
			}
		}
	}
	return func(cell string, day int32) (string, error) {
		x, err := p.number(cell)
		if err != nil {
			return "", err
		}
		if p.m.Age.Number == "birth_year" {
			x = float64(time.Unix(int64(day)*86400, 0).UTC().Year()) - x
		}
		i, _ := slices.BinarySearch(bands, int(math.Floor(x))+1)
		if x > 130 || x < 0 {
			return "", errors.New("it is no age of 0 to 130: mend it, or list it under missing")
		}
		if i == 0 {
			return "", fmt.Errorf("it is below the first band, %d: add a band, or leave the respondent out of the file", bands[0])
		}
		return names[i-1], nil
	}
}
