package survey

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// inspectedRows are what a mapping is proposed from.
const inspectedRows = 5000

// Inspect writes a mapping proposed for a file, with a comment where it is unsure or where a person has to fill something in.
// It shows categories and no other cells.
func Inspect(out io.Writer, name string, in io.ReadSeeker) error {
	p, err := inspect(name, in)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", name, err)
	}
	if _, err := io.WriteString(out, p.mapping()); err != nil {
		return fmt.Errorf("write the mapping: %w", err)
	}
	return nil
}

// proposal is what was seen of a file, and what becomes of its columns.
type proposal struct {
	name    string
	how     csvMapping
	isCSV   bool
	heads   [][]string
	columns []*column
	known   map[string]Question
	y       strings.Builder
}

// column is what was seen of one.
type column struct {
	name, wording string
	option        string // below the question's text, in exports with two header rows
	taken         bool
	n             int            // cells that are not empty
	values        map[string]int // distinct ones, up to manyValues
	many          bool
	numbers       int
	whole         int
	least, most   float64
	decimalComma  int
	isoDates      int
	otherDates    int
	firstParts    []int // of other dates: the largest first and second part
	addresses     int
	length        int // of all cells
	lists         int
	packed        map[string]int // cells by separator
}

const manyValues = 60

func inspect(name string, in io.ReadSeeker) (*proposal, error) {
	p := &proposal{name: name}
	var err error
	if p.known, err = shipped(); err != nil {
		return nil, err
	}
	t, err := open(in, csvMapping{}, nil)
	if err != nil {
		return nil, err
	}
	if csv, ok := t.(*csvTable); ok {
		p.isCSV = true
		p.how.Separator = text(csv.r.Comma)
		if csv.r.Comma == '\t' {
			p.how.Separator = "tab"
		}
		p.how.HeaderRows = headerRows(csv)
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if t, err = open(in, p.how, nil); err != nil {
			return nil, err
		}
		p.heads = t.(*csvTable).heads
	}
	for i, name := range t.columns() {
		c := &column{name: name, wording: name, values: map[string]int{}, packed: map[string]int{}, least: math.Inf(1), most: math.Inf(-1), firstParts: []int{0, 0}}
		if above, below, ok := strings.Cut(name, crossed); ok && p.how.HeaderRows == 2 {
			c.wording, c.option = above, below
		} else if p.how.HeaderRows == 3 && i < len(p.heads[1]) {
			c.wording = strings.Join(strings.Fields(p.heads[1][i]), " ")
			// Qualtrics writes "question - option" above the columns of one question.
			if j := strings.LastIndex(c.wording, " - "); j > 0 {
				c.option = c.wording[j+3:]
			}
		}
		p.columns = append(p.columns, c)
	}
	for range inspectedRows {
		cells, _, err := t.next()
		var bad rowError
		if errors.As(err, &bad) {
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i, cell := range cells {
			p.columns[i].see(strings.TrimSpace(cell))
		}
	}
	if len(p.columns) == 0 || !slices.ContainsFunc(p.columns, func(c *column) bool { return c.n > 0 }) {
		return nil, errors.New("it has no rows below its header")
	}
	return p, nil
}

// headerRows is 3 of a Qualtrics export, 2 where the first row leaves cells empty, else 1.
func headerRows(t *csvTable) int {
	empty := 0
	for _, cell := range t.heads[0] {
		if strings.TrimSpace(cell) == "" {
			empty++
		}
	}
	for i := range 2 {
		cells, _, err := t.next()
		if err != nil {
			break
		}
		if i == 1 && strings.HasPrefix(cells[0], `{"ImportId"`) {
			return 3
		}
		if i == 0 && empty > 0 && strings.TrimSpace(cells[0]) == "" {
			return 2
		}
	}
	return 1
}

var (
	isoDate   = regexp.MustCompile(`^\d{4}-\d\d-\d\d(\D|$)`)
	otherDate = regexp.MustCompile(`^(\d{1,4})[/.-](\d{1,2})[/.-](\d{2,4})(\D|$)`)
	comma     = regexp.MustCompile(`^-?\d+,\d+$`)
	phone     = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{8,}$`)
)

func (c *column) see(cell string) {
	if cell == "" {
		return
	}
	c.n++
	c.length += len(cell)
	if _, ok := c.values[cell]; ok || len(c.values) < manyValues {
		c.values[strings.Clone(cell)]++
	} else {
		c.many = true
	}
	if x, err := strconv.ParseFloat(cell, 64); err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) {
		c.numbers++
		c.least, c.most = min(c.least, x), max(c.most, x)
		if x == math.Trunc(x) {
			c.whole++
		}
	}
	if comma.MatchString(cell) {
		c.decimalComma++
	}
	if isoDate.MatchString(cell) {
		c.isoDates++
	} else if m := otherDate.FindStringSubmatch(cell); m != nil {
		c.otherDates++
		for i := range 2 {
			n, _ := strconv.Atoi(m[i+1])
			c.firstParts[i] = max(c.firstParts[i], n)
		}
	}
	if strings.Contains(cell, "@") || phone.MatchString(cell) && !isoDate.MatchString(cell) {
		c.addresses++
	}
	if strings.Contains(cell, listMark) {
		c.lists++
	}
	for _, separator := range []string{";", "|", ","} {
		if strings.Contains(cell, separator) {
			c.packed[separator]++
		}
	}
}

func (c *column) mostly(n int) bool { return c.n > 0 && n*10 >= c.n*9 }
func (c *column) date() bool        { return c.mostly(c.isoDates + c.otherDates) }
func (c *column) number() bool      { return c.mostly(c.numbers + c.decimalComma) }
func (c *column) categories() bool  { return c.n > 0 && !c.many && len(c.values) <= 40 }

// sorted are the distinct cells, whole numbers in their order, else the most frequent first.
func (c *column) sorted() []string {
	values := slices.Sorted(maps.Keys(c.values))
	if c.whole == c.n {
		slices.SortStableFunc(values, func(a, b string) int {
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			return cmp.Compare(x, y)
		})
		return values
	}
	slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(c.values[b], c.values[a]) })
	return values
}

// find takes the first free column whose name matches and which is as wanted.
func (p *proposal) find(names string, wanted func(*column) bool) *column {
	pattern := regexp.MustCompile(`(?i)` + names)
	for _, c := range p.columns {
		if !c.taken && c.n > 0 && pattern.MatchString(c.name) && wanted(c) {
			c.taken = true
			return c
		}
	}
	return nil
}

func anything(*column) bool { return true }

func (p *proposal) line(format string, args ...any) { fmt.Fprintf(&p.y, format+"\n", args...) }

// mapping writes the YAML.
func (p *proposal) mapping() string {
	base := filepath.Base(p.name)
	id := slug(strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), filepath.Ext(strings.TrimSuffix(base, ".gz"))))
	p.line("# Proposed by `drumbeat survey inspect` from the first rows of %s. Read it through, mend what is marked", strings.ReplaceAll(base, "\n", " "))
	p.line("# \"unsure\", fill in what is empty, then: drumbeat import --survey THIS.yaml %s", strings.ReplaceAll(base, "\n", " "))
	p.line("survey: %s", quote(id))
	p.line("business: \"\"    # fill in: whose contacts were asked, as in the events")
	p.line("population: \"\"  # fill in: in words, who could be asked")
	p.line("")
	p.csv()
	p.people()
	p.questions()
	return p.y.String()
}

func (p *proposal) csv() {
	if !p.isCSV {
		return
	}
	p.line("csv:")
	p.line("  separator: %s", quote(string(p.how.Separator)))
	p.line("  header_rows: %d", p.how.HeaderRows)
	if slices.ContainsFunc(p.columns, func(c *column) bool { return c.n > 0 && c.decimalComma*2 > c.n && len(c.values) > 2 }) {
		p.line("  decimal: \",\"")
	}
	p.line("")
}

// people writes what the mapping says of respondents.
func (p *proposal) people() {
	unique := func(c *column) bool { return len(c.values) == min(c.n, manyValues) && c.lists == 0 }
	if c := p.find(`^(respondent|response|participant|record|case|person|interview|user|panelist)?[ _.-]?(id|no|nr|number|key|serial)$|respondent|response ?id`, unique); c != nil {
		p.line("respondent: %s", quote(c.name))
	} else if c := p.find(`.`, func(c *column) bool {
		return unique(c) && !c.date() && c.addresses == 0 && c.length/c.n < 40 && c.n > 5
	}); c != nil {
		p.line("respondent: %s  # unsure: the first column whose cells all differ", quote(c.name))
	} else {
		p.line("respondent: \"\"  # fill in: the column with an id of each respondent")
	}
	if c := p.find(`date|time|start|end|submit|complet|record`, (*column).date); c != nil {
		p.date(c)
	} else if c := p.find(`.`, (*column).date); c != nil {
		p.date(c)
	} else {
		p.line("date: {value: \"\"}  # fill in: a day such as 2026-05-15, or column: with the day of each answer")
	}
	if c := p.find(`weight|^wt|wgt|^w$`, (*column).number); c != nil {
		p.line("weight: %s", quote(c.name))
	} else {
		p.line("# weight: column of the design weight; without one all count alike")
	}
	if c := p.find(`strat`, (*column).categories); c != nil {
		p.line("stratum: %s", quote(c.name))
	}
	if c := p.find(`cluster|psu|household|sampling.?unit`, anything); c != nil {
		p.line("cluster: %s  # unsure: respondents who were drawn together", quote(c.name))
	}
	if c := p.find(`market|country|nation`, (*column).categories); c != nil {
		p.line("market:")
		p.line("  column: %s", quote(c.name))
		p.line("  values:  # to the codes of the log's markets, such as PH")
		for _, value := range c.sorted() {
			p.line("    %s: %s%s", quote(value), quote(value), unless(len(value) == 2 && value == strings.ToUpper(value), "  # unsure: its code of two letters"))
		}
	} else {
		p.line("# market: {value: PH}  # if all are of one market, or {column: ..., values: {Philippines: PH}}")
	}
	if c := p.find(`^age|[_ .-]age([_ .-]?(group|band))?$|birth|yob`, func(c *column) bool { return c.number() || c.categories() }); c != nil {
		p.age(c)
	}
	var groups []*column
	for {
		c := p.find(`gender|^sex$|region|province|segment|educ|income|race|ethnic|employ|language|device|loyal|tier|tenure`, func(c *column) bool { return c.categories() && len(c.values) <= 30 && c.addresses == 0 })
		if c == nil {
			break
		}
		groups = append(groups, c)
	}
	if len(groups) > 0 {
		p.line("domains:  # further groups to show results by")
		for _, c := range groups {
			p.line("  %s: {column: %s}", quote(slug(c.name)), quote(c.name))
		}
	}
	p.contact()
	p.line("")
}

func unless(fine bool, comment string) string {
	if fine {
		return ""
	}
	return comment
}

func (p *proposal) date(c *column) {
	switch {
	case c.isoDates >= c.otherDates:
		p.line("date: {column: %s}", quote(c.name))
	case c.firstParts[0] > 31:
		p.line("date: {column: %s, order: ymd}", quote(c.name))
	case c.firstParts[0] > 12:
		p.line("date: {column: %s, order: dmy}", quote(c.name))
	case c.firstParts[1] > 12:
		p.line("date: {column: %s, order: mdy}", quote(c.name))
	default:
		p.line("date: {column: %s, order: dmy}  # unsure: or mdy", quote(c.name))
	}
}

func (p *proposal) age(c *column) {
	switch {
	case c.whole == c.n && c.least >= 1900:
		p.line("age: {column: %s, number: birth_year, bands: [18, 25, 35, 45, 55, 65]}", quote(c.name))
	case c.whole == c.n && c.least >= 10 && c.most <= 120:
		p.line("age: {column: %s, number: years, bands: [18, 25, 35, 45, 55, 65]}", quote(c.name))
	default:
		p.line("age: {column: %s}", quote(c.name))
	}
}

func (p *proposal) contact() {
	var address *column
	for _, c := range p.columns {
		if !c.taken && c.mostly(c.addresses) {
			c.taken = true
			address = cmp.Or(address, c)
		}
	}
	if address == nil {
		return
	}
	consent := p.find(`consent|agree|opt.?in|permission|join|link`, (*column).categories)
	if consent == nil {
		p.line("# %s looks like addresses. It is not read, unless a column says who agreed to be joined to the log:", quote(address.name))
		p.line("# contact: {column: %s, consent: {column: ..., yes: [\"yes\"]}}", quote(address.name))
		return
	}
	p.line("# unsure: who agreed to be joined to the log, and with which answers. Of all others the address is not read.")
	yes := consent.sorted()
	if i := slices.IndexFunc(yes, affirmative.MatchString); i > 0 {
		yes[0] = yes[i]
	}
	p.line("# contact: {column: %s, consent: {column: %s, yes: [%s]}}", quote(address.name), quote(consent.name), quote(yes[0]))
}

var affirmative = regexp.MustCompile(`(?i)^(1|y|yes|true|i agree|agree)`)

var numbered = regexp.MustCompile(`^(.*?)[ _.-]*\d+[a-z]?$`)

// stem is what the columns of one question share.
func (c *column) stem() string {
	if above, _, ok := strings.Cut(c.name, crossed); ok {
		return above
	}
	if m := numbered.FindStringSubmatch(c.name); m != nil {
		return m[1]
	}
	return ""
}

// marks tells that the cells say chosen or not.
func (c *column) marks() bool {
	if c.n == 0 || c.many || len(c.values) > 2 {
		return false
	}
	plain := newAsked(&Question{Type: "multiple", Options: []Option{{Code: "-"}}, Columns: lookup{{"-", "-"}}}, nil).wide[0]
	others := 0
	for value := range c.values {
		if _, ok := plain[strings.ToLower(value)]; !ok {
			others++
		}
	}
	return others == 0 || others == 1 && len(c.values) == 1
}

func (p *proposal) questions() {
	p.line("questions:  # leave out what is none")
	any := false
	for i := 0; i < len(p.columns); i++ {
		c := p.columns[i]
		if c.taken {
			continue
		}
		group := p.wideFrom(i)
		switch {
		case len(group) > 1:
			p.wide(group)
		case c.n == 0:
			continue
		case c.separator() != "":
			p.packedQuestion(c)
		case c.addresses*10 > c.n || c.date():
			continue
		case c.whole == c.n && c.categories() && len(c.values) > 2 && c.least >= 0 && c.most <= 10:
			p.scale(c)
		case c.categories() && len(c.values) > 1 && (p.isShipped(c) || len(c.values)*2 <= max(c.n, 4) && c.length/c.n < 80):
			p.single(c)
		case c.number():
			continue
		case c.length/c.n >= 10 && c.many:
			p.head(c, "", "open", c.wording)
			p.line("    column: %s", quote(c.name))
		default:
			continue
		}
		c.taken, any = true, true
	}
	if !any {
		p.line("  []")
	}
	var left []string
	for _, c := range p.columns {
		if !c.taken {
			left = append(left, strconv.Quote(c.name))
		}
	}
	if len(left) > 0 {
		p.line("# left out: %s", strings.Join(left, ", "))
	}
}

// wideFrom are the columns that together hold the options of one question, from the i-th on.
func (p *proposal) wideFrom(i int) []*column {
	stem := p.columns[i].stem()
	var group []*column
	some := false
	for _, c := range p.columns[i:] {
		if c.taken || stem == "" || c.stem() != stem || c.n > 0 && !c.marks() {
			break
		}
		some = some || c.n > 0
		group = append(group, c)
	}
	if !some {
		return nil
	}
	return group
}

func (c *column) separator() string {
	if c.lists > 0 {
		return ";"
	}
	for _, separator := range []string{";", "|", ","} {
		if c.packed[separator]*5 < c.n || c.mostly(c.decimalComma) {
			continue
		}
		parts := map[string]bool{}
		all := 0
		for value := range c.values {
			for part := range strings.SplitSeq(value, separator) {
				parts[strings.TrimSpace(part)] = true
				all++
			}
		}
		few := len(parts)*3 <= all*2
		if separator == "," { // which labels have too
			few = len(parts)*2 < all
		}
		if len(parts) <= 40 && few {
			return separator
		}
	}
	return ""
}

// head writes what all questions have.
func (p *proposal) head(c *column, use, kind, wording string) {
	id := slug(cmp.Or(c.stem(), c.name))
	if kind != "multiple" {
		id = slug(c.name)
	}
	p.line("")
	if use != "" {
		p.line("  - use: %s  # unsure: it looks like this question of `drumbeat survey questions`; was it asked in these words, and of whom?", use)
		p.line("    id: %s", quote(id))
		if wording != c.name {
			p.line("    wording: %s", quote(wording))
		}
		return
	}
	p.line("  - id: %s", quote(id))
	p.line("    type: %s", kind)
	if wording == c.name {
		p.line("    wording: %s  # unsure: write it as it was asked", quote(wording))
	} else {
		p.line("    wording: %s", quote(wording))
	}
	p.line("    base: all respondents  # unsure: who was asked")
}

// like is the shipped question with most of these labels, and the options by label. Empty if there is none.
func (p *proposal) like(kind string, labels []string) (use string, codes map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(p.known)) {
		q := p.known[name]
		if (q.Type == "multiple") != (kind == "multiple") || q.Type == "open" {
			continue
		}
		found := map[string]string{}
		for _, label := range labels {
			for _, o := range q.Options {
				if o.Exclusive && exclusiveLabel.MatchString(label) || slug(label) == slug(string(o.Label)) || slug(label) == string(o.Code) {
					found[label] = string(o.Code)
				}
			}
		}
		if len(found) > len(codes) && len(found)*3 >= len(labels)*2 && len(found) > 2 {
			use, codes = name, found
		}
	}
	return use, codes
}

func (p *proposal) isShipped(c *column) bool {
	use, _ := p.like("single", c.sorted())
	return use != ""
}

var exclusiveLabel = regexp.MustCompile(`(?i)^(none( of (these|the above))?|nothing|no problems?)\b`)

// options writes options in the order of their labels; it returns their codes.
func (p *proposal) options(labels []string, multiple bool) []string {
	if multiple {
		p.line("    options:  # add exclusive: true where one means none of these")
	} else {
		p.line("    options:  # unsure: put them in the order of the questionnaire")
	}
	var codes []string
	for i, label := range labels {
		code := slug(label)
		if code == "" || slices.Contains(codes, code) {
			code = fmt.Sprintf("option_%d", i+1)
		}
		codes = append(codes, code)
		comment, exclusive := "", ""
		if _, err := strconv.Atoi(label); err == nil || slices.ContainsFunc(p.columns, func(c *column) bool { return c.name == label }) {
			comment = "  # unsure: write the label that stands for this"
		}
		if multiple && exclusiveLabel.MatchString(label) {
			exclusive = ", exclusive: true"
		}
		p.line("      - {code: %s, label: %s%s}%s", quote(code), quote(label), exclusive, comment)
	}
	return codes
}

func (p *proposal) wide(group []*column) {
	var labels []string
	for _, c := range group {
		c.taken = true
		label := cmp.Or(c.option, c.name)
		if c.option == "" && len(c.values) == 1 {
			value := c.sorted()[0]
			if _, err := strconv.ParseFloat(value, 64); err != nil && !slices.Contains([]string{"yes", "true", "x", "selected", "checked"}, strings.ToLower(value)) {
				label = value // tools write the option's label where it was chosen
			}
		}
		labels = append(labels, label)
	}
	wording := group[0].wording
	if group[0].option != "" {
		wording = strings.TrimSuffix(strings.TrimSuffix(wording, group[0].option), " - ")
	}
	use, known := p.like("multiple", labels)
	p.head(group[0], use, "multiple", wording)
	codes := make([]string, len(labels))
	if use == "" {
		codes = p.options(labels, true)
	} else {
		for i, label := range labels {
			codes[i] = known[label]
		}
	}
	p.line("    columns:")
	for i, c := range group {
		if codes[i] == "" {
			p.line("      # unsure: %s: which option? %s", quote(c.name), quote(labels[i]))
			continue
		}
		p.line("      %s: %s", quote(c.name), quote(codes[i]))
	}
}

func (p *proposal) packedQuestion(c *column) {
	separator := c.separator()
	counts := map[string]int{}
	for value, n := range c.values {
		split := separator
		if strings.Contains(value, listMark) {
			split = listMark
		}
		for part := range strings.SplitSeq(value, split) {
			if part = strings.TrimSpace(part); part != "" {
				counts[part] += n
			}
		}
	}
	labels := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(labels, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	use, known := p.like("multiple", labels)
	p.head(c, use, "multiple", c.wording)
	p.line("    column: %s", quote(c.name))
	p.line("    separator: %s", quote(separator))
	p.choices(use, known, labels, true)
}

func (p *proposal) single(c *column) {
	labels := c.sorted()
	use, known := p.like("single", labels)
	p.head(c, use, "single", c.wording)
	p.line("    column: %s", quote(c.name))
	p.choices(use, known, labels, false)
}

// choices writes the options, or which of a shipped question's the cells are.
func (p *proposal) choices(use string, known map[string]string, labels []string, multiple bool) {
	if use == "" {
		p.options(labels, multiple)
		return
	}
	p.line("    values:")
	for _, label := range labels {
		if code := known[label]; code != "" {
			p.line("      %s: %s", quote(label), quote(code))
		} else {
			p.line("      # unsure: %s: which option?", quote(label))
		}
	}
}

func (p *proposal) scale(c *column) {
	p.head(c, "", "scale", c.wording)
	p.line("    column: %s", quote(c.name))
	p.line("    scale: {from: %v, to: %v}  # unsure: these are the ends that occur; if the numbers are codes of options, use type single", c.least, c.most)
}

// slug is a text as a code: lower case, with _ between words.
func slug(label string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(label) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
		if b.Len() > 40 {
			break
		}
	}
	return b.String()
}

var bare = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// quote writes a scalar of YAML; JSON's strings are YAML's.
func quote(s string) string {
	if bare.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "y", "n", "on", "off"}, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(s)
}
