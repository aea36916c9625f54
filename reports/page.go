package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"drumbeat/queries"
)

// data is what one edition is built from: the rows of the catalogue's queries.
type data struct {
	business   string
	window     windowRow
	engagement []engagementRow
	optOut     []optOutRow
	messages   messagesRow
	arrivals   []arrivalRow
	freshness  freshnessRow
}

// The view that the template prints. Every string in it is plain text but for the named types.
type (
	page struct {
		Policy      string
		Style       template.CSS
		Business    string
		Window      string
		Cutoff      string
		Index       bool
		Answer      answer
		Stale       string
		Figures     []fact
		Engagement  []panel
		OptOut      []panel
		Slices      []slicePanels
		Tables      []binTable
		SliceTables []sliceTable
		Facts       []fact
		Definitions template.HTML
		Arrivals    []arrival
		Freshness   string
		Queries     []queries.Query
		Library     template.JS
		Script      template.JS
	}
	fact struct {
		Name, Value string
		Long        bool
	}
	panel struct {
		Title, Subtitle, Under string
		Chart                  chart
	}
	slicePanels struct {
		ID, Title, Intro, Everyone, Left string
		Panels                           []panel
	}
	binTable struct {
		Caption, Note, BinHead, NHead, EventHead, RateHead string
		Rows                                               []binLine
	}
	binLine struct{ Bin, Contacts, N, Events, Why, Rate, Interval, Effect string }

	sliceTable struct {
		Caption, Note, SliceHead string
		Bins                     []string
		Rows                     []sliceLine
	}
	sliceLine struct {
		Slice string
		Cells []binLine
	}
	arrival struct{ Channel, Type, Arrived, Unique, Duplicates, Late, First, Last string }
)

const all = "all" // every channel or market together

// The page shows the largest slices as charts, and all of them as numbers.
const largestSlices = 12

// The queries behind the page, in the order in which it uses them.
var pageQueries = []string{"frequency_engagement", "frequency_opt_out", "window_messages", "arrivals", "freshness", "windows"}

// newPage builds the view. What the renderer adds (definitions, library) is not in it yet.
func newPage(d data) (page, error) {
	p := page{
		Business: d.business,
		Window:   days(d.window.From, d.window.To),
		Cutoff:   minute(d.window.Cutoff),
	}

	whole := map[string]curve{}
	for _, o := range outcomes {
		if c := engagementCurve(d.engagement, o.Name, all, all); len(c.Cells) > 0 {
			whole[o.Name] = c
		}
	}
	optOut := optOutCurve(d.optOut, all)
	p.Answer = answerOf(whole, optOut)
	if d.freshness.Cutoff.After(d.window.Cutoff) {
		p.Stale = "Newer events have arrived since these figures were computed: up to " + minute(d.freshness.Cutoff) + ". Run the job again to include them."
	}

	p.Figures = []fact{
		{Name: "contacts messaged", Value: count(d.messages.Contacts)},
		{Name: "proactive messages", Value: count(d.messages.Proactive)},
		{Name: "opt-outs in " + count(optOut.n()) + " person-days", Value: count(optOut.events())},
		{Name: "data up to, UTC", Value: d.window.Cutoff.UTC().Format("2 Jan 2006, 15:04"), Long: true},
	}

	for _, o := range outcomes {
		c, ok := whole[o.Name]
		if !ok {
			continue
		}
		if len(c.shown()) > 0 {
			drawn, err := draw(c, look{
				id: "chart-" + o.Name, label: "Share of messages that " + o.Did + ", by messages in 7 days.",
				colour: "var(--engage)", scale: percent, unit: o.Plural, base: "messages", when: "in 7 days",
			})
			if err != nil {
				return page{}, err
			}
			p.Engagement = append(p.Engagement, panel{
				Title: o.Title, Subtitle: "% of messages " + o.Past + " within " + o.Within, Chart: drawn,
				Under: "Messages in 7 days; below each, n. " + smallNote(c),
			})
		}
		p.Tables = append(p.Tables, binTableOf(c, percent, binTable{
			Caption: o.Title + " by messages in 7 days", Note: "within " + o.Within + " of sending",
			BinHead: "Messages in 7 days", NHead: "Messages", EventHead: o.Title, RateHead: "Rate",
		}))
	}
	if len(optOut.shown()) > 0 {
		drawn, err := draw(optOut, look{
			id: "chart-opt-out", label: "Opt-outs per 1,000 person-days, by messages in the 7 days before the day.",
			colour: "var(--leave)", scale: perThousand, unit: "opt-outs", base: "person-days", when: "in the week before", wide: true,
		})
		if err != nil {
			return page{}, err
		}
		p.OptOut = []panel{{
			Title: "Opt-outs per 1,000 person-days at risk", Chart: drawn,
			Under: "Messages in the 7 days before; below each, n person-days. " + smallNote(optOut),
		}}
	}
	if len(optOut.Cells) > 0 {
		p.Tables = append(p.Tables, binTableOf(optOut, perThousand, binTable{
			Caption: "Opt-outs by messages in the week before", Note: "per 1,000 person-days at risk",
			BinHead: "Messages in the week before", NHead: "Person-days", EventHead: "Opt-outs", RateHead: "Per 1,000",
		}))
	}

	if err := p.addSlices(d, whole); err != nil {
		return page{}, err
	}

	p.Facts = []fact{
		{Name: "Kind of evidence", Value: "Crude association. Nothing was adjusted for who gets more messages; only a randomised test can tell an effect."},
		{Name: "Messages in 7 days", Value: "Proactive messages not known to have failed, to the same contact, in the 7 × 24 hours up to and including this one. Answers to a contact do not count."},
		{Name: "Too young to count", Value: "A message counts once its window had passed by the cutoff: 24 hours for replies, 7 days for opens and clicks. Opt-outs count on days that were over by the cutoff."},
		{Name: "Base of a rate", Value: "Messages known to have been delivered, where the account reports deliveries; else those not known to have failed."},
		{Name: "Left out", Value: "Proactive messages of the first 7 days of an account’s data, whose number of messages is unknown: " + count(d.messages.ExposureUnknown) + ". Failed: " + count(d.messages.Failed) + ". Responses to contacts: " + count(d.messages.Responses) + "."},
		{Name: "Intervals", Value: "95%, allowing for several messages or days of one contact (clustered by contact). The design effect says how much wider that makes the variance than independent messages would. Rates count as different only where intervals do not overlap."},
		{Name: "Window", Value: p.Window + ", in UTC days"},
		{Name: "Data up to", Value: p.Cutoff + ", the latest event that had arrived when the figures were computed"},
	}
	var unmeasured []string
	for _, o := range outcomes {
		if whole[o.Name].n() == 0 {
			unmeasured = append(unmeasured, o.Plural)
		}
	}
	if len(unmeasured) > 0 && len(unmeasured) < len(outcomes) {
		p.Facts = append(p.Facts, fact{Name: "Not measured", Value: strings.Join(unmeasured, ", ") + ": no account reported any in this window, which is not a rate of 0"})
	}
	for _, a := range d.arrivals {
		p.Arrivals = append(p.Arrivals, arrival{
			Channel: a.Channel, Type: a.EventType, Arrived: count(a.Arrived), Unique: count(a.UniqueEvents),
			Duplicates: count(a.Duplicates), Late: count(a.Late), First: minute(a.FirstEventAt), Last: minute(a.LastEventAt),
		})
	}
	p.Freshness = "the newest arrived on " + minute(d.freshness.LastIngestedAt)
	for _, name := range pageQueries {
		q, err := queries.Find(name)
		if err != nil {
			return page{}, err
		}
		p.Queries = append(p.Queries, q)
	}
	return p, nil
}

// addSlices adds the channels and markets: the replies of each, or what else engagement has, beside
// the same of everyone.
func (p *page) addSlices(d data, whole map[string]curve) error {
	o, everyone := headlineOutcome(whole)
	for _, s := range []struct {
		id, title, head, everyone string
		names                     []string
		curve                     func(name string) curve
	}{
		{"channels", "By channel", "Channel", "every channel together", channels(d.engagement), func(name string) curve { return engagementCurve(d.engagement, o.Name, name, all) }},
		{"markets", "By market", "Market", "every market together", markets(d.engagement), func(name string) curve { return engagementCurve(d.engagement, o.Name, all, name) }},
	} {
		if len(s.names) < 2 {
			continue // one slice is the whole
		}
		var curves []curve
		for _, name := range s.names {
			if c := s.curve(name); len(c.Cells) > 0 {
				c.Slice = name
				curves = append(curves, c)
			}
		}
		p.SliceTables = appendSliceTable(p.SliceTables, curves, percent, sliceTable{
			Caption: o.Title + " " + strings.ToLower(s.title[:1]) + s.title[1:], SliceHead: s.head,
			Note: "% of messages " + o.Past + " within " + o.Within + ", by messages in 7 days, with 95% intervals",
		})

		largest := slices.Clone(curves)
		slices.SortStableFunc(largest, func(a, b curve) int { // names are ordered, and stay so among equals
			switch {
			case a.n() > b.n():
				return -1
			case a.n() < b.n():
				return 1
			}
			return 0
		})
		largest = slices.DeleteFunc(largest, func(c curve) bool { return len(c.shown()) == 0 })
		group := slicePanels{ID: s.id, Title: s.title, Everyone: s.everyone,
			Intro: fmt.Sprintf("%s: %% of messages %s within %s, by messages in 7 days. All on one scale, largest first.", o.Title, o.Past, o.Within)}
		if len(largest) > largestSlices {
			group.Left = fmt.Sprintf("The %d largest of %d; the tables below have them all.", largestSlices, len(largest))
			largest = largest[:largestSlices]
		}
		top := niceTop(append(slices.Clone(largest), everyone), percent)
		for i, c := range largest {
			drawn, err := draw(c, look{
				id: fmt.Sprintf("chart-%s-%d", s.id, i+1), label: c.Slice + ": share of messages that " + o.Did + ", by messages in 7 days.",
				colour: "var(--engage)", scale: percent, unit: o.Plural, base: "messages", when: "in 7 days",
				small: true, top: &top, behind: &everyone,
			})
			if err != nil {
				return err
			}
			group.Panels = append(group.Panels, panel{Title: c.Slice, Subtitle: shortCount(c.n()) + " messages", Chart: drawn})
		}
		if len(group.Panels) > 0 {
			p.Slices = append(p.Slices, group)
		}
	}

	var curves []curve
	for _, market := range optOutMarkets(d.optOut) {
		c := optOutCurve(d.optOut, market)
		c.Slice = market
		curves = append(curves, c)
	}
	if len(curves) > 1 {
		p.SliceTables = appendSliceTable(p.SliceTables, curves, perThousand, sliceTable{
			Caption: "Opt-outs by market", SliceHead: "Market",
			Note: "per 1,000 person-days at risk, by messages in the week before, with 95% intervals",
		})
	}
	return nil
}

// niceTop ends a shared axis a little above the highest interval, at a number that divides in two.
func niceTop(curves []curve, s scale) float64 {
	highest := 0.0
	for _, c := range curves {
		for _, cell := range c.shown() {
			highest = max(highest, cell.Upper*s.factor)
		}
	}
	if highest == 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, m := range []float64{1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 12} {
		if top := m * step; top >= highest*1.02 {
			return top / s.factor
		}
	}
	return highest / s.factor
}

func smallNote(c curve) string {
	if len(c.shown()) == len(c.Cells) {
		return ""
	}
	return "n<30: fewer than 30 contacts, <5: fewer than 5 events; not shown."
}

// binLineOf prints a cell. What is too small to show is never printed as a number.
func binLineOf(c cell, s scale) binLine {
	line := binLine{Bin: bin(c.From, c.To), Contacts: count(c.Contacts), N: count(c.N), Events: count(c.Events), Why: c.why(), Effect: c.Effect}
	switch {
	case c.Shown:
		line.Rate, line.Interval = s.one(c.Rate), s.between(c.Lower, c.Upper)
	case c.Contacts < fewContacts:
		line.Contacts, line.N, line.Events = "<30", "", ""
	case c.Events < fewEvents:
		line.Events = "<5"
	}
	return line
}

func binTableOf(c curve, s scale, t binTable) binTable {
	for _, cell := range c.Cells {
		t.Rows = append(t.Rows, binLineOf(cell, s))
	}
	return t
}

func appendSliceTable(tables []sliceTable, curves []curve, s scale, t sliceTable) []sliceTable {
	var bins []cell // the union, in order
	for _, c := range curves {
		for _, x := range c.Cells {
			if !slices.ContainsFunc(bins, func(b cell) bool { return b.From == x.From && b.To == x.To }) {
				bins = append(bins, x)
			}
		}
	}
	if len(bins) == 0 {
		return tables
	}
	slices.SortFunc(bins, func(a, b cell) int { return int(a.From) - int(b.From) })
	for _, b := range bins {
		t.Bins = append(t.Bins, bin(b.From, b.To))
	}
	for _, c := range curves {
		line := sliceLine{Slice: c.Slice}
		for _, b := range bins {
			i := slices.IndexFunc(c.Cells, func(x cell) bool { return x.From == b.From && x.To == b.To })
			if i < 0 {
				line.Cells = append(line.Cells, binLine{Why: "none"})
			} else {
				line.Cells = append(line.Cells, binLineOf(c.Cells[i], s))
			}
		}
		t.Rows = append(t.Rows, line)
	}
	return append(tables, t)
}

func engagementCurve(rows []engagementRow, outcome, channel, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Outcome == outcome && r.Channel == channel && r.Market == market {
			c.Cells = append(c.Cells, r.cell())
		}
	}
	slices.SortFunc(c.Cells, func(a, b cell) int { return int(a.From) - int(b.From) })
	return c
}

func optOutCurve(rows []optOutRow, market string) curve {
	c := curve{Slice: all}
	for _, r := range rows {
		if r.Market == market {
			c.Cells = append(c.Cells, r.cell())
		}
	}
	slices.SortFunc(c.Cells, func(a, b cell) int { return int(a.From) - int(b.From) })
	return c
}

func channels(rows []engagementRow) []string {
	return names(rows, func(r engagementRow) (string, bool) { return r.Channel, r.Market == all })
}

func markets(rows []engagementRow) []string {
	return names(rows, func(r engagementRow) (string, bool) { return r.Market, r.Channel == all })
}

func optOutMarkets(rows []optOutRow) []string {
	return names(rows, func(r optOutRow) (string, bool) { return r.Market, true })
}

// names returns the slices that rows have beside "all", ordered.
func names[R any](rows []R, name func(R) (string, bool)) []string {
	var list []string
	for _, r := range rows {
		if n, ok := name(r); ok && n != all && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

func windowParams(business string, w windowRow) map[string]string {
	return map[string]string{"business": business, "from": w.From.Format(time.DateOnly), "to": w.To.Format(time.DateOnly)}
}
