package simulate

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// ConsentTruth is what a consent world was made of, and what a faultless analysis of its lines finds.
type ConsentTruth struct {
	Options  ConsentOptions `json:"options"`
	Model    ConsentModel   `json:"model"`
	Cutoff   time.Time      `json:"cutoff"`
	Lines    int            `json:"lines"`
	Copies   int            `json:"copies"`
	Promises []PromiseTruth `json:"promises"`
	Counts   []Count        `json:"counts"` // of the reference's rows, by what they say
	Spend    []Spend        `json:"spend"`
	Broken   []Period       `json:"broken"`   // promised periods with more than one message
	Breaches []WindowedSend `json:"breaches"` // messages that the contact had not agreed to
}

// PromiseTruth says how a promise does: as people chose it, and had everybody been promised it.
type PromiseTruth struct {
	Promise string          `json:"promise"`
	Crude   PromiseOutcomes `json:"crude"`
	Causal  PromiseOutcomes `json:"causal"`
}

// PromiseOutcomes are of the marketing messages that consents of one promise cover, and of these consents.
type PromiseOutcomes struct {
	Messages int     `json:"messages"` // sent 7 days before the cutoff or earlier
	Opened   int     `json:"opened"`   // of these, within 7 days; also because a later one was opened
	Days     float64 `json:"days"`     // that the consents lasted, together
	Left     int     `json:"left"`     // consents stopped or blocked, as far as it was told
}

// Spend is what all charged units with a price cost.
type Spend struct {
	Currency string `json:"currency"`
	Units    int    `json:"units"`
	Amount   string `json:"amount"`
}

// promises are in the order of what they allow.
var promises = []string{"daily", "weekly", "monthly"}

// Truth lives the world, at the prices of ConsentCard, and once more for each promise.
func (w *ConsentWorld) Truth() ConsentTruth {
	ref := MeasureConsent(w.Lines(), ConsentRates())
	t := ConsentTruth{
		Options: w.Options, Model: consentModel, Cutoff: ref.Cutoff, Lines: ref.Lines, Copies: ref.Copies,
		Counts: ref.Counts(), Spend: ref.Spend(),
	}
	for _, promise := range promises {
		o := w.Options
		o.Promise = promise
		other := MeasureConsent(NewConsent(o).Lines(), nil)
		t.Promises = append(t.Promises, PromiseTruth{promise, ref.outcomes(promise), other.outcomes(promise)})
	}
	for _, p := range ref.Periods {
		if p.State == "exceeded" {
			t.Broken = append(t.Broken, p)
		}
	}
	for _, m := range ref.Sends {
		if m.Breach != "" {
			t.Breaches = append(t.Breaches, m)
		}
	}
	return t
}

func (ref *ConsentReference) outcomes(promise string) (o PromiseOutcomes) {
	for _, m := range ref.Sends {
		if m.Promise == promise && !m.Sent.After(ref.Cutoff.Add(-openWindow)) {
			o.Messages++
			if m.Opened {
				o.Opened++
			}
		}
	}
	for _, s := range ref.Spells {
		if s.Promise == promise && s.Topic != scopeOneTime {
			o.Days += s.To.Sub(s.From).Hours() / 24
			if s.Ended == "stopped" || s.Ended == "blocked" {
				o.Left++
			}
		}
	}
	return o
}

// Counts sums up the reference's rows: spells by beginning and end, requests, periods by promise and state, messages by
// window, breach and charge, service windows.
func (ref *ConsentReference) Counts() []Count {
	n := map[string]int{}
	for _, s := range ref.Spells {
		n["spells begun "+s.Begun]++
		n["spells ended "+s.Ended]++
		n["renewals"] += s.Renewals
	}
	for _, a := range ref.Asks {
		n["requests"]++
		if a.Answered {
			n["requests answered"]++
		}
	}
	for _, p := range ref.Periods {
		n["periods "+p.Promise+" "+p.State]++
	}
	for _, m := range ref.Sends {
		n["messages "+m.State]++
		if m.Refused {
			n["messages refused for the window"]++
		}
		if m.Breach != "" {
			n["breaches "+m.Breach]++
		}
		if m.Way != "" {
			n["breaches after "+m.Way]++
		}
		switch {
		case !m.Charged:
			n["uncharged "+m.Why]++
		case m.HasPrice:
			n["charged per "+m.Unit]++
		default:
			n["charged without price"]++
		}
	}
	for _, w := range ref.Windows {
		switch {
		case !w.Over:
			n["service windows open"]++
		case w.Answered:
			n["service windows answered"]++
		default:
			n["service windows unanswered"]++
		}
	}
	return counts(n)
}

// Spend sums up the prices, exactly, in each currency apart.
func (ref *ConsentReference) Spend() []Spend {
	units, amounts := map[string]int{}, map[string]int64{}
	for _, m := range ref.Sends {
		if m.HasPrice {
			units[m.Currency]++
			amounts[m.Currency] += m.Amount
		}
	}
	var all []Spend
	for _, currency := range slices.Sorted(maps.Keys(units)) {
		digits := strconv.FormatInt(1e9+amounts[currency]%1e9, 10)[1:]
		all = append(all, Spend{currency, units[currency], strconv.FormatInt(amounts[currency]/1e9, 10) + "." + digits})
	}
	return all
}
