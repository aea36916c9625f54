package reports

import (
	"slices"
	"strings"
)

// Figure is one finding with all that proves it. Chart, table, CSV, SQL and definition are rendered
// from this value, in html.go; a page states only what it knows.
type Figure struct {
	ID       string // unique on the page: it is the address of the figure
	Topic    string // what is drawn, in a few words: "Replies by messages in 7 days"
	Unit     string // what a mark is, its unit and its base: "% of delivered messages answered within 24 hours"
	Interval string // how the interval was made; "" where there is none
	Zone     string // of days and hours; default UTC
	When     string // what it is of in time, where that is not the edition's window: "answered 5 to 9 May 2026"
	Level    Level  // what kind of evidence it is
	Ask      string // the question of Page.Asks that answered it
	Metric   string // its heading in docs/metrics.md
	Notes    []string
	Columns  []Column
	Views    []View // the first is of everything; a filter chooses among the others
	Behind   *Behind
}

// View is a figure for one slice that SQL computed.
type View struct {
	Slice   Slice
	Finding string // what the rows allow to say; default: the topic
	N       string // "71,204 messages of 2,949 contacts"
	Charts  []Chart
	Rows    [][]any // one value a column: string, uint64, float64, or nil where there is none
}

// Slice names what a view is of; "" is all.
type Slice struct{ Channel, Market, Category string }

// Column is one column of a figure's table, on the page and as CSV.
type Column struct {
	Key   string // in CSV: the name that the query gives it
	Title string
	Kind  Kind
	Main  bool // the estimate: where it is missing, the column "why" says why
}

// Kind is how a value is written.
type Kind string

// The kinds. A ratio stays a ratio in CSV.
const (
	Text           Kind = "text"
	Count          Kind = "count"
	Percent        Kind = "percent"         // a ratio, as % with one decimal
	Points         Kind = "points"          // a difference of ratios, as percentage points with its sign
	Permille       Kind = "permille"        // a ratio, per 1,000 with two decimals
	Number         Kind = "number"          // with two decimals, from 100 on with none
	Money          Kind = "money"           // an amount of the currency named beside it, with four decimals
	PermilleChange Kind = "permille_change" // a difference of ratios, per 1,000 with its sign
	Change         Kind = "change"          // the same with its sign
)

// The columns that every estimate has. A column named "why" is not shown: it stands in place of the
// main value.
func lowerUpper(k Kind) []Column {
	return []Column{{"lower", "95% from", k, false}, {"upper", "to", k, false}}
}

var whyColumn = Column{"why", "Not shown because", Text, false}

// Level is how far a figure may be read as cause and effect.
type Level string

// The levels, from counting to an experiment.
const (
	Counted      Level = "counted"      // what happened, nothing compared
	Crude        Level = "crude"        // compared as it came
	Standardised Level = "standardised" // compared at equal prior engagement
	Within       Level = "within"       // each contact compared with itself
	Randomised   Level = "randomised"   // by a test
	Stated       Level = "stated"       // what people say of themselves
	Published    Level = "published"    // what others have published
	OwnSQL       Level = "own"          // what a page of the user's own says
)

func (l Level) words() string {
	switch l {
	case Crude:
		return "Association, not adjusted: who gets more messages may differ in other ways"
	case Standardised:
		return "Association at equal prior engagement and market: other differences remain"
	case Within:
		return "Association within contacts: each is compared with itself at another time"
	case OwnSQL:
		return "As its own SQL says"
	case Randomised:
		return "Effect of being assigned, from a randomised test"
	case Stated:
		return "What people say of themselves"
	case Published:
		return "Of other people and other businesses"
	}
	return "Counted, nothing compared"
}

// Behind are pseudonymous rows behind the marks of a figure's first view: at most 50 of each, and
// none of a mark that is too small to show.
type Behind struct {
	Title   string // "messages at this exposure"
	Ask     string
	Columns []Column
	Rows    map[int][][]any // by row of the table
}

const mostBehind = 20 // of the 50 that the queries give, so that a page stays small

func (f Figure) empty() bool { return len(f.Views) == 0 || len(f.Views[0].Rows) == 0 }

// withoutBare leaves out the charts that would be empty in every view, and says so. Their rows stay in the table, with the reason.
func (f Figure) withoutBare() Figure {
	var titles []string
	kept := make([][]Chart, len(f.Views))
	for i, c := range f.Views[0].Charts {
		if !slices.ContainsFunc(f.Views, func(v View) bool { return i >= len(v.Charts) || !v.Charts[i].Bare }) {
			titles = append(titles, c.Title)
			continue
		}
		for k, v := range f.Views {
			if i < len(v.Charts) {
				kept[k] = append(kept[k], v.Charts[i])
			}
		}
	}
	switch {
	case len(titles) == 0:
		return f
	case len(titles) == len(f.Views[0].Charts):
		f.Notes = append(slices.Clone(f.Notes), "Too little data to draw; the table says why.")
	default:
		f.Notes = append(slices.Clone(f.Notes), "Not drawn, for too little data: "+strings.Join(titles, ", ")+".")
	}
	f.Views = slices.Clone(f.Views)
	for k := range f.Views {
		f.Views[k].Charts = kept[k]
	}
	return f
}

func (v View) finding(f Figure) string {
	if v.Finding != "" {
		return v.Finding
	}
	if words := v.Slice.words(); words != "" {
		return f.Topic + ": " + words
	}
	return f.Topic
}

// key names a slice in the page's data.
func (s Slice) key() [3]string {
	key := [3]string{s.Channel, s.Market, s.Category}
	for i := range key {
		if key[i] == "" {
			key[i] = all
		}
	}
	return key
}
