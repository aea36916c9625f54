package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Truth is what only the maker of a world knows, beside what a faultless analysis would find.
type Truth struct {
	Options   Options       `json:"options"`
	Model     Model         `json:"model"`
	Open      Curve         `json:"open"`
	Reply     Curve         `json:"reply"`
	OptOut    []Hazard      `json:"opt_out"`
	Slopes    []Slope       `json:"slopes"`
	Steady    []Steady      `json:"steady"`
	Arms      []InArm       `json:"arms,omitempty"`
	Support   *SupportTruth `json:"support,omitempty"`
	Late      int           `json:"late"` // facts that arrived an hour or more after they happened, copies aside
	Reference Reference     `json:"reference"`
}

// Model states what the world draws from. z is a contact's engagement, e a week's whim, both standard normal.
type Model struct {
	WeeklySends string  `json:"weekly_sends"`
	Open        string  `json:"open"`
	Reply       string  `json:"reply"`
	Click       string  `json:"click,omitempty"`
	Timing      string  `json:"timing,omitempty"`
	Reacts      string  `json:"reacts,omitempty"`
	Leave       string  `json:"leave"`
	ByBlock     float64 `json:"share_of_leavers_who_block"`
	ReceiptsOff float64 `json:"share_of_contacts_with_receipts_off"`
	Late        float64 `json:"share_late"`
	Copied      float64 `json:"share_copied"`
	OpenDelay   delay   `json:"open_delay"`
	ReplyDelay  delay   `json:"reply_delay"`
}

// Curve sets the rates that exposure causes beside those that counting finds.
type Curve struct {
	Causal []Point  `json:"causal"`
	Bins   []Beside `json:"bins"`
	// The change of the rate for each further message in the week: the line through the bins that
	// are shown, by their messages.
	CausalSlope float64 `json:"causal_slope"`
	CrudeSlope  float64 `json:"crude_slope"`
	WrongSign   bool    `json:"crude_has_wrong_sign"`
}

// Point is the rate among all contacts of the world, equally weighted, had each this exposure.
type Point struct {
	Exposure int     `json:"exposure"`
	Rate     float64 `json:"rate"`
}

// Beside is a bin's crude rate, and the rate that all contacts would have at the bin's exposures.
type Beside struct {
	From   int     `json:"exposure_from"`
	To     int     `json:"exposure_to"` // 65535: no upper end
	Causal float64 `json:"causal"`
	Crude  float64 `json:"crude"`
	Shown  bool    `json:"shown"` // 30 contacts and 5 outcomes or more
}

// Hazard is the chance of a told opt-out on a day at risk. What is found lies a little under what
// is caused: those who blocked the number are still counted at risk.
type Hazard struct {
	From   int     `json:"dose_from"`
	To     int     `json:"dose_to"` // 65535: no upper end
	Causal float64 `json:"causal"`
	Found  float64 `json:"found"`
	Shown  bool    `json:"shown"` // 30 contacts and 5 opt-outs or more
}

// Truth lives the world once more and measures its lines. It needs memory for all of them.
func (w *World) Truth() Truth {
	t := Truth{Options: w.Options, Model: w.model(), Reference: Measure(w.Lines())}
	for f := range w.facts {
		if f.late && !f.repeats {
			t.Late++
		}
	}
	rates := w.rates()
	t.Open = t.Reference.curve("open", func(exposure int) float64 { return rates(exposure).Opened })
	t.Reply = t.Reference.curve("reply", func(exposure int) float64 { return rates(exposure).Replied })
	t.OptOut = t.Reference.hazards(w.toldLeaves)
	panel := w.Panel()
	t.Slopes = panel.Slopes()
	t.Steady = w.Steady()
	t.Arms = w.arms(panel)
	t.Support = w.supportTruth(t.Reference)
	return t
}

// toldLeaves is the chance of an opt-out that is told.
func (w *World) toldLeaves(dose int) float64 { return w.Options.leaves(dose) * (1 - leaveByBlock) }

// rates returns what becomes of a delivered message of an exposure among all contacts, equally weighted, timing aside.
func (w *World) rates() func(exposure int) Acts {
	var all Acts
	for i := range w.Options.Contacts {
		c := w.draw(i, rand.New(w.stream(i)))
		if c.receipts {
			all.Opened += c.open
		}
		if w.Options.Clicks {
			all.Clicked += c.open * c.click
		}
		all.Replied += c.open * c.reply
	}
	n := float64(w.Options.Contacts)
	opens, replies := inTime()
	clicks := within7(delays().click)
	return func(exposure int) Acts {
		opened := w.Options.openFalls(exposure)
		return Acts{
			Opened:  all.Opened / n * opens * opened,
			Clicked: all.Clicked / n * clicks * opened * w.Options.clickFalls(exposure),
			Replied: all.Replied / n * replies * opened * w.Options.replyFalls(exposure),
		}
	}
}

func (w *World) model() Model {
	leave := fmt.Sprintf("P(leave on a day at risk) = %v * exp(%v * min(dose, %d))", leaveBase, leaveDose, leaveDoseMost)
	if w.Options.Null {
		leave = fmt.Sprintf("P(leave on a day at risk) = %v, whatever the dose", leaveNull)
	}
	fatigue := w.Options.Fatigue
	m := Model{
		WeeklySends: fmt.Sprintf("min(%v, exp(%v + %v z + %v e)), e drawn anew each week", sendsMost, sendsLog, sendsEngaged, sendsWeek),
		Open:        fmt.Sprintf("P(open | delivered) = logistic(%v + %v z + market) * exp(-%v (exposure - 1))", openBase, openEngaged, round(fatigue*openFatigue)),
		Reply:       fmt.Sprintf("P(reply | opened) = min(%v, %v exp(%v z)) * exp(-%v (exposure - 1))", replyMost, replyBase, replyEngaged, round(fatigue*replyFatigue)),
		Leave:       leave,
		ByBlock:     leaveByBlock,
		ReceiptsOff: receiptsOff,
		Late:        late,
		Copied:      copied,
		OpenDelay:   openDelay,
		ReplyDelay:  replyDelay,
	}
	if w.Options.Clicks {
		m.Click = fmt.Sprintf("P(click | opened) = min(%v, %v exp(%v z)) * exp(-%v (exposure - 1))", clickMost, clickBase, clickEngaged, round(fatigue*clickFatigue))
	}
	if w.Options.Timing {
		m.Timing = fmt.Sprintf("P(open | delivered) is multiplied by (1 - %v exp(-hours since the proactive message before / %v)) * (1 - %v (1 - cos(2 pi (local hour - %d) / 24)) / 2)",
			habituation, recovers, hourSwing, hourBest)
	}
	if w.Options.Reacts {
		m.Reacts = fmt.Sprintf("%v times the sends on the %d days after a told open or an inbound message", reacts, reactDays)
	}
	return m
}

// inTime returns the shares of opens and replies that come within their attribution windows. The
// delays add up to no known distribution, so they are drawn: within .002, the same every time.
func inTime() (opens, replies float64) {
	const draws = 200_000
	r := rand.New(rand.NewPCG(1, 2))
	var opened, replied int
	for range draws {
		at := max(drawDelivery(r), openDelay.draw(r))
		if at <= int64(openWindow.Seconds()) {
			opened++
		}
		if at+1+replyDelay.draw(r) <= int64(replyWindow.Seconds()) {
			replied++
		}
	}
	return float64(opened) / draws, float64(replied) / draws
}

const causalMost = 15 // exposure up to which the causal curve is spelled out

func (ref Reference) curve(outcome string, causal func(exposure int) float64) (c Curve) {
	for exposure := 1; exposure <= causalMost; exposure++ {
		c.Causal = append(c.Causal, Point{exposure, round(causal(exposure))})
	}
	var causalFit, crudeFit fit
	for _, cell := range ref.Engagement {
		if cell.Market != "all" || cell.Outcome != outcome {
			continue
		}
		var sum, exposures, messages float64
		for _, e := range ref.Exposures {
			if e.Exposure >= cell.From && e.Exposure <= cell.To {
				n := float64(e.Measured)
				messages += n
				exposures += n * float64(e.Exposure)
				sum += n * causal(e.Exposure)
			}
		}
		b := Beside{From: cell.From, To: cell.To, Crude: round(cell.Rate()), Shown: cell.shown()}
		if messages > 0 {
			b.Causal = round(sum / messages)
		}
		if b.Shown && messages > 0 {
			causalFit.add(messages, exposures/messages, b.Causal)
			crudeFit.add(messages, exposures/messages, b.Crude)
		}
		c.Bins = append(c.Bins, b)
	}
	c.CausalSlope, c.CrudeSlope = round(causalFit.slope()), round(crudeFit.slope())
	c.WrongSign = c.CausalSlope*c.CrudeSlope < 0
	return c
}

// fit is a weighted least-squares line.
type fit struct{ w, x, y, xx, xy float64 }

func (f *fit) add(w, x, y float64) {
	f.w += w
	f.x += w * x
	f.y += w * y
	f.xx += w * x * x
	f.xy += w * x * y
}

// slope returns 0 where there is none, as through one point.
func (f *fit) slope() float64 {
	spread := f.w*f.xx - f.x*f.x
	if spread <= 0 {
		return 0
	}
	return (f.w*f.xy - f.x*f.y) / spread
}

func (ref Reference) hazards(causal func(dose int) float64) (all []Hazard) {
	for _, cell := range ref.OptOut {
		if cell.Market != "all" {
			continue
		}
		var sum, days float64
		for _, d := range ref.Doses {
			if d.Dose >= cell.From && d.Dose <= cell.To {
				sum += causal(d.Dose) * float64(d.Days)
				days += float64(d.Days)
			}
		}
		h := Hazard{From: cell.From, To: cell.To, Found: round(cell.Rate()), Shown: cell.shown()}
		if days > 0 {
			h.Causal = round(sum / days)
		}
		all = append(all, h)
	}
	return all
}

// shown reports whether a cell is large enough to be printed.
func (s Sums) shown() bool { return s.Contacts >= 30 && s.Outcomes >= 5 }

// round keeps six decimals: what processors agree on.
func round(x float64) float64 { return math.Round(x*1e6) / 1e6 }
