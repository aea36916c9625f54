package reports

import (
	"slices"
	"time"
)

// Page is one subject: an HTML file of its own, that names the questions it asks of the catalogue
// and turns their rows into sections. docs/reports.md shows how to write one.
type Page struct {
	Name  string // of its file, NAME.html
	Title string // in the navigation: two or three words
	// Asks are the catalogue queries whose rows Build reads: the name, and parameters other than
	// business and window, as in "frequency_recommendation dimension=market".
	Asks []string
	// Build makes the page of the rows. A page without figures is not shown.
	Build func(d *Data) Content
}

// pages are all pages, in the order of the navigation. The summary is made of the others' answers.
var pages = []Page{frequencyPage, painsPage, conversationsPage, promisesPage, deliveryPage, qualityPage}

// Content is what a page says.
type Content struct {
	Finding  string   // the page's title: a sentence that the rows support
	Lede     []string // a paragraph each: the numbers behind it, with their intervals
	Caveat   string   // what it is not
	Answers  []Answer // for the summary
	Sections []Section
}

// Section is a chapter of a page.
type Section struct {
	ID, Title, Intro string
	Figures          []Figure
}

// Answer is one answer on the summary: a sentence, and the figure that it rests on.
type Answer struct {
	Question string
	Sentence string
	Value    string // the figure as one reads it: "6.0%"; "" where there is none
	Of       string // what the figure is: "of messages answered at 1 in 7 days"
	Interval string // "95% interval 5.5 to 6.6%"; "" where it has none
	Figure   string // the ID of the figure on the page that proves it
}

func (c Content) empty() bool {
	return !slices.ContainsFunc(c.Sections, func(s Section) bool { return len(s.Figures) > 0 })
}

// twice is an id that two sections or figures share, "" if there is none: it could not be an address.
func (c Content) twice() string {
	seen := map[string]bool{}
	for _, s := range c.Sections {
		ids := []string{s.ID}
		for _, f := range s.Figures {
			ids = append(ids, f.ID)
		}
		for _, id := range ids {
			if seen[id] {
				return id
			}
			seen[id] = true
		}
	}
	return ""
}

// shown leaves out figures without rows, and sections without figures.
func (c Content) shown() Content {
	var sections []Section
	for _, s := range c.Sections {
		s.Figures = slices.DeleteFunc(slices.Clone(s.Figures), func(f Figure) bool { return f.empty() })
		if len(s.Figures) > 0 {
			sections = append(sections, s)
		}
	}
	c.Sections = sections
	return c
}

// Edition says of what and of when a set of pages is.
type Edition struct {
	Business string    `json:"business"`
	From     time.Time `json:"from"` // window [From, To), UTC days
	To       time.Time `json:"to"`
	Cutoff   time.Time `json:"cutoff"`
}

// all is every channel, market or category together, in the queries and in a Slice.
const all = "all"
