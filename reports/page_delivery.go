package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// deliveryPage says how far messages get, in which window they were sent, and what they cost.
var deliveryPage = Page{
	Name: "delivery", Title: "Delivery and cost",
	Asks: []string{"delivery_funnel", "delivery_failures", "send_window_shares", "window_refusals dimension=all",
		"spend", "spend_by_exposure", "spend_what_if", "prices_missing"},
	Build: buildDelivery,
}

type funnelStateRow struct {
	Channel  string `json:"channel"`
	Market   string `json:"market"`
	State    string `json:"state"`
	Method   string `json:"method"`
	Sent     uint64 `json:"sent"`
	Messages uint64 `json:"messages"`
	InState  uint64 `json:"in_state"`
	Rate
}

type failureRow struct {
	Channel  string `json:"channel"`
	Cause    string `json:"cause"`
	Code     string `json:"error_code"`
	Attempts uint64 `json:"attempts"`
	Failed   uint64 `json:"failed"`
	Rate
}

type windowShareRow struct {
	inSegment
	State    string `json:"state"`
	Failed   uint64 `json:"failed"`
	Messages uint64 `json:"messages"`
	InState  uint64 `json:"in_state"`
	Rate
}

type refusalRow struct {
	inSegment
	Code     string `json:"error_code"`
	Attempts uint64 `json:"attempts"`
	Refused  uint64 `json:"refused"`
	Rate
}

type spendRow struct {
	inSegment
	Month        Time        `json:"month"`
	Currency     string      `json:"currency"`
	Messages     uint64      `json:"messages"`
	Charged      uint64      `json:"charged"`
	WithoutPrice uint64      `json:"without_price"`
	Contacts     uint64      `json:"contacts"`
	Amount       json.Number `json:"amount"`
	Why          string      `json:"why"`
	PerReply     *float64    `json:"per_reply"`
	Lower        *float64    `json:"per_reply_lower"`
	Upper        *float64    `json:"per_reply_upper"`
}

type exposureSpendRow struct {
	inSegment
	Currency string   `json:"currency"`
	From     uint16   `json:"exposure_from"`
	To       uint16   `json:"exposure_to"`
	Messages uint64   `json:"messages"`
	Replied  uint64   `json:"replied"`
	Why      string   `json:"why"`
	PerReply *float64 `json:"per_reply"`
	Lower    *float64 `json:"per_reply_lower"`
	Upper    *float64 `json:"per_reply_upper"`
}

type savingRow struct {
	inSegment
	Cap      uint8    `json:"cap"`
	Currency string   `json:"currency"`
	Contacts uint64   `json:"contacts"`
	Messages uint64   `json:"messages"`
	Why      string   `json:"why"`
	Observed *float64 `json:"observed"`
	Capped   *float64 `json:"capped"`
	Saving   *float64 `json:"saving"`
	Lower    *float64 `json:"saving_lower"`
	Upper    *float64 `json:"saving_upper"`
}

type missingPriceRow struct {
	Channel  string `json:"channel"`
	Unit     string `json:"unit"`
	Market   string `json:"market"`
	Category string `json:"category"`
	Month    Time   `json:"month"`
	Units    uint64 `json:"units"`
}

func buildDelivery(d *Data) Content {
	funnel := figureDelivered(Rows[funnelStateRow](d, "delivery_funnel"))
	failures := figureFailures(Rows[failureRow](d, "delivery_failures"))
	shares := Rows[windowShareRow](d, "send_window_shares")
	windows := figureWindows(shares)
	spend := Rows[spendRow](d, "spend")
	c := Content{Finding: "How messages were delivered", Caveat: "Each channel reports other states, so every rate has its own base. Amounts come from your rate card; currencies are never added up."}
	if len(funnel.Views) > 0 {
		c.Finding = funnel.Views[0].finding(funnel)
	}
	if r, ok := noWindow(shares); ok {
		a := Answer{Question: "Do we keep to the platforms' windows?", Sentence: windowWords(r) + ".", Figure: windows.ID}
		if cell := newCell(0, 0, r.Messages, r.InState, r.Rate); cell.Shown {
			a.Value, a.Of, a.Interval = percent.one(cell.Rate), "of messages were sent in no window", "95% interval "+percent.betweenWords(cell.Lower, cell.Upper)
		}
		c.Answers = append(c.Answers, a)
		c.Lede = append(c.Lede, windowWords(r)+".")
	}
	cost := figureSpend(spend)
	if words := spendWords(spend); words != "" {
		c.Finding = words
		c.Lede = append([]string{funnelWords(funnel)}, c.Lede...)
	}
	var prices []Answer
	for _, r := range wholeSpend(spend) {
		if finite(r.PerReply) && finite(r.Lower) && finite(r.Upper) && *r.PerReply >= leastAmount {
			prices = append(prices, Answer{Question: "What does a reply cost in " + r.Currency + "?", Sentence: spendWords(spend) + ".", Value: Money.write(*r.PerReply), Of: r.Currency + " for each reply",
				Interval: "95% interval " + Money.write(*r.Lower) + " to " + Money.write(*r.Upper), Figure: cost.ID})
		}
	}
	c.Answers = append(prices, c.Answers...) // the summary may have room for the first alone
	var currencies []string
	for _, r := range wholeSpend(spend) {
		if finite(r.PerReply) && *r.PerReply >= leastAmount {
			currencies = append(currencies, r.Currency)
		}
	}
	byExposure := figuresByExposure(Rows[exposureSpendRow](d, "spend_by_exposure"), currencies)
	c.Sections = []Section{
		{ID: "delivery", Title: "Delivery", Figures: []Figure{funnel, failures}},
		{ID: "windows", Title: "Windows", Intro: "Platforms allow a message in certain windows only: for a day after the person wrote, with a token or template, or not at all. A message is read by the rules of its day.",
			Figures: []Figure{windows, figureRefusals(Rows[refusalRow](d, "window_refusals dimension=all"))}},
		{ID: "cost", Title: "Cost", Figures: slices.Concat([]Figure{cost}, byExposure, figuresSaving(Rows[savingRow](d, "spend_what_if"), currencies), []Figure{figureMissing(Rows[missingPriceRow](d, "prices_missing"))})},
	}
	return c
}

var deliveryStates = []struct{ state, title string }{{"delivered", "Delivered"}, {"opened", "Opened"}, {"clicked", "Clicked"}, {"replied", "Replied"}, {"failed", "Failed"}}

// figureDelivered shows what each channel reports of its messages, a chart a state.
func figureDelivered(rows []funnelStateRow) Figure {
	f := Figure{ID: "states", Topic: "What became of messages", Unit: "% of the messages whose account reports the state", Interval: byContact, Level: Counted, Ask: "delivery_funnel", Metric: "delivery_funnel",
		Columns: slices.Concat([]Column{{"channel", "Channel", Text, false}, {"state", "State", Text, false}, {"method", "Known by", Text, false}, {"contacts", "Contacts", Count, false}, {"messages", "Base", Count, false}, {"in_state", "In the state", Count, false}, {"rate", "Share", Percent, true}}, lowerUpper(Percent), []Column{whyColumn}),
		Notes:   []string{"Each state has its own base: the rates are no steps of one funnel, and a state that no account reports is not here."}}
	v := View{}
	var sent uint64
	counted := map[string]bool{}
	var delivered []string
	for _, s := range deliveryStates {
		chart := Ranked{Title: s.title, Label: "Share of messages " + strings.ToLower(s.title) + ", by channel", Kind: Percent, Colour: Engage, Size: Medium}
		if s.state == "failed" {
			chart.Colour = Leave
		}
		for _, r := range rows {
			if r.State != s.state || r.Market != all {
				continue
			}
			if !counted[r.Channel] {
				counted[r.Channel], sent = true, sent+r.Sent
			}
			c := newCell(0, 0, r.Messages, r.InState, r.Rate)
			if c.Shown && s.state == "delivered" {
				delivered = append(delivered, percent.one(c.Rate)+" on "+channelName(r.Channel))
			}
			values := c.values()
			chart.Names = append(chart.Names, channelName(r.Channel))
			chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			v.Rows = append(v.Rows, append([]any{r.Channel, s.state, methodWords(r.Method)}, values...))
		}
		if len(chart.Names) > 0 {
			v.Charts = append(v.Charts, chart.Chart())
		}
	}
	if len(v.Rows) == 0 {
		return f
	}
	v.N = count(sent) + " messages"
	v.Finding = "Few deliveries are reported"
	if len(delivered) > 0 {
		v.Finding = "Messages reported delivered: " + strings.Join(delivered, ", ")
	}
	f.Views = []View{v}
	return f
}

// channelName writes a channel as its makers do.
func channelName(channel string) string {
	if name, ok := map[string]string{"messenger": "Messenger", "whatsapp": "WhatsApp", "instagram": "Instagram", "sms": "SMS", "rcs": "RCS", "email": "e-mail", "line": "LINE"}[channel]; ok {
		return name
	}
	return channel
}

func methodWords(method string) string {
	switch method {
	case "by_mid":
		return "receipts of single messages"
	case "by_watermark":
		return "receipts up to a time"
	}
	return method
}

// figureFailures ranks why messages failed.
func figureFailures(rows []failureRow) Figure {
	f := Figure{ID: "failures", Topic: "Why messages failed", Unit: "% of messages attempted, by channel and cause", Interval: byContact, Level: Counted, Ask: "delivery_failures", Metric: "delivery_failures",
		Columns: slices.Concat([]Column{{"channel", "Channel", Text, false}}, shareColumns("cause", "Cause", "attempts", "Attempts", "failed", "Failed", Percent))}
	v := View{}
	var total []string
	var attempts uint64
	for _, channel := range names(rows, func(r failureRow) string { return r.Channel })[1:] {
		chart := Ranked{Title: channelName(channel), Label: "Share of attempts that failed, by cause", Kind: Percent, Colour: Leave, Size: Medium}
		own := slices.DeleteFunc(slices.Clone(rows), func(r failureRow) bool { return r.Channel != channel || r.Code != "" })
		slices.SortStableFunc(own, func(a, b failureRow) int { return a.Rate.compare(b.Rate) })
		for _, r := range own {
			c := newCell(0, 0, r.Attempts, r.Failed, r.Rate)
			if r.Cause == "any" {
				attempts += r.Attempts
				if c.Shown {
					total = append(total, percent.one(c.Rate)+" on "+channelName(channel))
				}
			} else {
				chart.Names = append(chart.Names, strings.ReplaceAll(r.Cause, "_", " "))
				chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			}
			v.Rows = append(v.Rows, append([]any{channel, r.Cause}, c.values()...))
		}
		if slices.ContainsFunc(chart.Dots, func(d Dot) bool { return finite(d.Value) }) {
			v.Charts = append(v.Charts, chart.Chart())
		}
	}
	if len(v.Rows) == 0 {
		return f
	}
	v.N = count(attempts) + " attempts"
	if len(total) > 0 {
		v.Finding = "Messages that failed: " + strings.Join(total, ", ")
	}
	f.Views = []View{v}
	return f
}

// windowStates are the states in the words of the page.
var windowStates = map[string]string{
	"standard": "within 24 hours of the person's message", "human_agent": "agent, within 7 days", "free_entry_point": "free entry point", "ad_entry": "entry by an ad",
	"one_time_token": "one-time token", "recurring_token": "recurring token", "message_tag": "message tag", "paid_template": "paid template", "sponsored": "sponsored",
	"no_window": "channel without windows", "unknown": "not known", "none": "none: no rule allowed it",
}

func noWindow(rows []windowShareRow) (windowShareRow, bool) {
	i := slices.IndexFunc(rows, func(r windowShareRow) bool { return r.Dimension == "all" && r.State == "none" })
	if i < 0 {
		return windowShareRow{}, false
	}
	return rows[i], true
}

func windowWords(r windowShareRow) string {
	c := newCell(0, 0, r.Messages, r.InState, r.Rate)
	switch {
	case c.Shown:
		return percent.one(c.Rate) + " of messages were sent in no window that the platform's rules allow"
	case r.InState == 0:
		return "Every message was sent in a window that the platform's rules allow"
	}
	return "Too few messages were sent outside every window to show a rate"
}

// figureWindows shows in which windows messages were sent.
func figureWindows(rows []windowShareRow) Figure {
	f := Figure{ID: "send-windows", Topic: "In which window messages were sent", Unit: "% of messages on channels that have windows, failed ones too", Interval: byContact, Level: Counted, Ask: "send_window_shares", Metric: "send_window_shares",
		Columns: shareColumns("state", "Window", "messages", "Messages", "in_state", "In the window", Percent)}
	for _, s := range bySlice(rows, func(r windowShareRow) (string, string, uint64) { return r.Dimension, r.Segment, r.Messages }) {
		v := View{Slice: s.Slice}
		own := slices.Clone(s.Rows)
		slices.SortStableFunc(own, func(a, b windowShareRow) int { return a.Rate.compare(b.Rate) })
		chart := Ranked{Label: f.Topic, Kind: Percent, Colour: Plain}
		for _, r := range own {
			c := newCell(0, 0, r.Messages, r.InState, r.Rate)
			name := windowStates[r.State]
			if name == "" {
				name = r.State
			}
			chart.Names = append(chart.Names, name)
			chart.Dots = append(chart.Dots, c.dot(0, len(v.Rows)))
			v.Rows = append(v.Rows, append([]any{name}, c.values()...))
			v.N = count(r.Messages) + " messages"
			if r.State == "none" {
				v.Finding = windowWords(r)
			}
		}
		v.Charts = []Chart{chart.Chart()}
		f.Views = append(f.Views, v)
	}
	return f
}

// figureRefusals lists what platforms refused for a closed window.
func figureRefusals(rows []refusalRow) Figure {
	f := Figure{ID: "refusals", Topic: "Messages that platforms refused for a closed window", Unit: "% of messages attempted on channels with windows", Interval: byContact, Level: Counted, Ask: "window_refusals dimension=all", Metric: "window_refusals",
		Columns: shareColumns("error_code", "Error code", "attempts", "Attempts", "refused", "Refused", Percent)}
	v := View{}
	for _, r := range rows {
		code := r.Code
		if code == "" {
			code = "any"
			v.N = count(r.Attempts) + " attempts"
			v.Finding = percentOf(r.Rate, "of messages were refused because their window was closed")
		}
		v.Rows = append(v.Rows, append([]any{code}, newCell(0, 0, r.Attempts, r.Refused, r.Rate).values()...))
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

// leastAmount is the smallest that Money shows: a currency in which next to nothing was charged says nothing of replies.
const leastAmount = 0.0001

// wholeSpend are the rows of everything together, over the whole window: one a currency.
func wholeSpend(rows []spendRow) (whole []spendRow) {
	for _, r := range rows {
		if r.Dimension == all && r.Month.Unix() == 0 && r.Currency != "" {
			whole = append(whole, r)
		}
	}
	return whole
}

// spendWords say what was charged in all currencies; "" where nothing had a price.
func spendWords(rows []spendRow) string {
	var amounts []string
	whole := wholeSpend(rows)
	for _, r := range whole {
		amounts = append(amounts, r.Amount.String()+" "+r.Currency)
	}
	if len(amounts) == 0 {
		return ""
	}
	words := count(whole[0].Charged) + " charged messages cost " + strings.Join(amounts, " and ")
	if missing := whole[0].WithoutPrice; missing > 0 {
		words += ", and " + count(missing) + " of them have no price yet"
	}
	return words
}

func funnelWords(f Figure) string {
	if len(f.Views) == 0 {
		return "What became of messages is not reported."
	}
	return f.Views[0].finding(f) + "."
}

var moneyColumns = slices.Concat([]Column{{"per_reply", "For each reply", Money, true}}, lowerUpper(Money), []Column{whyColumn})

// figureSpend shows what messages of each channel, market, category and campaign cost.
func figureSpend(rows []spendRow) Figure {
	f := Figure{ID: "spend", Topic: "What messages cost", Unit: "Amount charged, and amount for each reply, in the currency of the row", Interval: byContact, Level: Counted, Ask: "spend", Metric: "spend",
		Notes: []string{"An amount for each reply says what was spent beside the replies, not what caused them."},
		Columns: slices.Concat([]Column{{"dimension", "By", Text, false}, {"segment", "Segment", Text, false}, {"currency", "Currency", Text, false}, {"messages", "Messages", Count, false},
			{"charged", "Charged", Count, false}, {"without_price", "Without a price", Count, false}, {"amount", "Amount", Text, false}}, moneyColumns)}
	v := View{}
	for _, dimension := range []string{"all", "channel", "category", "campaign", "market"} {
		for _, r := range rows {
			if r.Dimension != dimension || r.Month.Unix() != 0 || r.Currency == "" {
				continue
			}
			if dimension == "all" {
				v.N = count(r.Messages) + " messages"
				v.Finding = spendWords(rows)
			}
			name := r.Segment
			if dimension == all {
				name = all
			}
			v.Rows = append(v.Rows, []any{dimension, name, r.Currency, r.Messages, r.Charged, r.WithoutPrice, r.Amount.String(), number(r.PerReply), number(r.Lower), number(r.Upper), r.Why})
		}
	}
	for _, dimension := range []string{"category", "channel", "campaign"} {
		chart := Ranked{Title: "By " + dimension, Label: "Amount for each reply, by " + dimension, Kind: Money, Colour: Plain, Size: Medium}
		for i, row := range v.Rows {
			value, shown := row[7].(float64)
			if row[0] != dimension || row[1] == "" || !shown || value < leastAmount {
				continue
			}
			lower, upper := row[8], row[9]
			dot := Dot{Row: i, Value: &value}
			if l, ok := lower.(float64); ok {
				dot.Lower = &l
			}
			if u, ok := upper.(float64); ok {
				dot.Upper = &u
			}
			chart.Names = append(chart.Names, fmt.Sprintf("%v, %v", row[1], row[2]))
			chart.Dots = append(chart.Dots, dot)
		}
		if len(chart.Names) > 1 {
			v.Charts = append(v.Charts, chart.Chart())
		}
	}
	if len(v.Rows) > 0 {
		f.Views = []View{v}
	}
	return f
}

// figuresByExposure show what the n-th message of a week costs for each reply: a figure a currency.
func figuresByExposure(rows []exposureSpendRow, currencies []string) (figures []Figure) {
	for _, currency := range currencies {
		f := Figure{ID: "cost-by-exposure-" + strings.ToLower(currency), Topic: "What a reply costs in " + currency + ", by messages in 7 days", Unit: currency + " for each reply to messages at this exposure", Interval: byContact, Level: Crude,
			Ask: "spend_by_exposure", Metric: "spend_by_exposure",
			Columns: slices.Concat([]Column{{"exposure", "Messages in 7 days", Text, false}, {"messages", "Messages", Count, false}, {"replied", "Replies", Count, false}}, moneyColumns)}
		v := View{}
		chart := Dots{Label: f.Topic, Under: "Messages in 7 days; below each, n", Kind: Money, Size: Wide}
		line := Line{Colour: Plain}
		var n uint64
		for _, r := range rows {
			if r.Dimension != "all" || r.Currency != currency {
				continue
			}
			n += r.Messages
			line.Dots = append(line.Dots, Dot{At: len(chart.Axis), Row: len(v.Rows), Value: r.PerReply, Lower: r.Lower, Upper: r.Upper, Why: r.Why})
			chart.Axis, chart.N = append(chart.Axis, bin(r.From, r.To)), append(chart.N, shortCount(r.Messages))
			v.Rows = append(v.Rows, []any{bin(r.From, r.To), r.Messages, r.Replied, number(r.PerReply), number(r.Lower), number(r.Upper), r.Why})
		}
		if len(v.Rows) == 0 {
			continue
		}
		chart.Lines = []Line{line}
		v.N, v.Charts = count(n)+" messages", []Chart{chart.Chart()}
		v.Finding = risesOrFalls("A reply costs", line.Dots, chart.Axis, currency)
		f.Views = []View{v}
		figures = append(figures, f)
	}
	return figures
}

// risesOrFalls compares the first and the last estimate, and says so only where their intervals lie apart.
func risesOrFalls(subject string, dots []Dot, axis []string, unit string) string {
	shown := slices.DeleteFunc(slices.Clone(dots), func(d Dot) bool { return !d.shown() })
	if len(shown) < 2 {
		return "Too few replies at most frequencies to compare what they cost"
	}
	first, last := shown[0], shown[len(shown)-1]
	between := fmt.Sprintf("%s %s %s at %s in 7 days and %s at %s", subject, Money.write(*first.Value), unit, axis[first.At], Money.write(*last.Value), axis[last.At])
	if *first.Lower > *last.Upper || *last.Lower > *first.Upper {
		return between
	}
	return between + ": no clear change"
}

// figuresSaving show what caps would have saved: a figure a currency.
func figuresSaving(rows []savingRow, currencies []string) (figures []Figure) {
	for _, currency := range currencies {
		f := Figure{ID: "saving-" + strings.ToLower(currency), Topic: "What a cap would save in " + currency, Unit: currency + " per 1,000 contacts at risk and 30 days, by cap on the messages of any 7 days", Interval: "95% intervals, by the delta method", Level: Counted,
			Ask: "spend_what_if", Metric: "spend_what_if", Notes: []string{"Spared messages cost what the others cost on average. What a cap does to engagement and opt-outs is on the page of frequency."},
			Columns: slices.Concat([]Column{{"cap", "Cap", Text, false}, {"observed", "Observed", Money, false}, {"capped", "Under the cap", Money, false}, {"saving", "Saving", Money, true}}, lowerUpper(Money), []Column{whyColumn})}
		v := View{}
		chart := Dots{Label: f.Topic, Under: "At most so many messages in any 7 days", Kind: Money, Size: Wide}
		line := Line{Colour: Engage}
		for _, r := range rows {
			if r.Dimension != "all" || r.Currency != currency {
				continue
			}
			name := fmt.Sprint(r.Cap)
			line.Dots = append(line.Dots, Dot{At: len(chart.Axis), Row: len(v.Rows), Value: r.Saving, Lower: r.Lower, Upper: r.Upper, Why: r.Why})
			chart.Axis = append(chart.Axis, name)
			v.N = count(r.Messages) + " messages of " + count(r.Contacts) + " contacts"
			v.Rows = append(v.Rows, []any{name, number(r.Observed), number(r.Capped), number(r.Saving), number(r.Lower), number(r.Upper), r.Why})
		}
		if len(v.Rows) == 0 {
			continue
		}
		chart.Lines = []Line{line}
		v.Charts = []Chart{chart.Chart()}
		f.Views = []View{v}
		figures = append(figures, f)
	}
	return figures
}

// figureMissing lists what was charged and has no price.
func figureMissing(rows []missingPriceRow) Figure {
	f := Figure{ID: "prices-missing", Topic: "Charged, but without a price on the rate card", Unit: "Charged messages and conversations", Level: Counted, Ask: "prices_missing", Metric: "spend",
		Columns: []Column{{"channel", "Channel", Text, false}, {"unit", "Unit", Text, false}, {"market", "Market", Text, false}, {"category", "Category", Text, false}, {"month", "Month", Text, false}, {"units", "Units", Count, true}}}
	v := View{}
	var n uint64
	for _, r := range rows {
		n += r.Units
		v.Rows = append(v.Rows, []any{r.Channel, r.Unit, r.Market, r.Category, r.Month.Format("January 2006"), r.Units})
	}
	if len(v.Rows) > 0 {
		v.N, v.Finding = count(n)+" units", count(n)+" charged units have no price: amounts are too low by what they cost"
		f.Views = []View{v}
	}
	return f
}
