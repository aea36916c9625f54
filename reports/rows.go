package reports

import (
	"context"
	"math"
	"time"
)

// Source answers the questions of the catalogue; *queries.Runner is one.
type Source interface {
	// Select scans the answer of a named query into dest, a pointer to a slice of structs with
	// `ch` tags. Parameters are text; missing ones take the query's defaults.
	Select(ctx context.Context, dest any, query string, params map[string]string) error
}

// The rows that the page asks for, as the queries' headers describe them.
type (
	windowRow struct {
		Business        string    `ch:"business_id"`
		From            time.Time `ch:"window_from"`
		To              time.Time `ch:"window_to"`
		Cutoff          time.Time `ch:"cutoff"`
		EngagementCells uint64    `ch:"engagement_cells"`
		OptOutCells     uint64    `ch:"opt_out_cells"`
	}
	businessRow struct {
		Business string `ch:"business_id"`
	}
	engagementRow struct {
		Channel      string    `ch:"channel"`
		Market       string    `ch:"market"`
		Outcome      string    `ch:"outcome"`
		From         uint16    `ch:"exposure_from"`
		To           uint16    `ch:"exposure_to"`
		Contacts     uint64    `ch:"contacts"`
		Messages     uint64    `ch:"messages"`
		Outcomes     uint64    `ch:"outcomes"`
		Suppressed   uint8     `ch:"suppressed"`
		Rate         *float64  `ch:"rate"`
		Lower        *float64  `ch:"lower"`
		Upper        *float64  `ch:"upper"`
		DesignEffect *float64  `ch:"design_effect"`
		Cutoff       time.Time `ch:"cutoff"`
	}
	optOutRow struct {
		Market       string    `ch:"market"`
		From         uint16    `ch:"dose_from"`
		To           uint16    `ch:"dose_to"`
		Contacts     uint64    `ch:"contacts"`
		PersonDays   uint64    `ch:"person_days"`
		OptOuts      uint64    `ch:"opt_outs"`
		Suppressed   uint8     `ch:"suppressed"`
		Rate         *float64  `ch:"rate"`
		Lower        *float64  `ch:"lower"`
		Upper        *float64  `ch:"upper"`
		DesignEffect *float64  `ch:"design_effect"`
		Cutoff       time.Time `ch:"cutoff"`
	}
	messagesRow struct {
		Contacts        uint64 `ch:"contacts"`
		Messages        uint64 `ch:"messages"`
		Proactive       uint64 `ch:"proactive"`
		Responses       uint64 `ch:"responses"`
		Failed          uint64 `ch:"failed"`
		ExposureUnknown uint64 `ch:"exposure_unknown"`
	}
	arrivalRow struct {
		Channel      string    `ch:"channel"`
		EventType    string    `ch:"event_type"`
		Arrived      uint64    `ch:"arrived"`
		UniqueEvents uint64    `ch:"unique_events"`
		Duplicates   uint64    `ch:"duplicates"`
		Late         uint64    `ch:"late"`
		FirstEventAt time.Time `ch:"first_event_at"`
		LastEventAt  time.Time `ch:"last_event_at"`
	}
	freshnessRow struct {
		Business       string     `ch:"business_id"`
		Events         uint64     `ch:"events"`
		Cutoff         time.Time  `ch:"cutoff"`
		LastIngestedAt time.Time  `ch:"last_ingested_at"`
		FutureEvents   uint64     `ch:"future_events"`
		ComputedTo     *time.Time `ch:"computed_to"`
	}
)

// cell is one bin of a curve: n messages or person-days of so many contacts, and what came of them.
type cell struct {
	From, To           uint16
	Contacts, N        uint64
	Events             uint64
	Rate, Lower, Upper float64 // where Shown
	Shown              bool
	Effect             string // design effect
}

// newCell shows a rate only where the row has it, whole and finite.
func newCell(from, to uint16, contacts, n, events uint64, suppressed uint8, rate, lower, upper, effect *float64) cell {
	c := cell{From: from, To: to, Contacts: contacts, N: n, Events: events}
	if suppressed == 0 && finite(rate) && finite(lower) && finite(upper) {
		c.Rate, c.Lower, c.Upper, c.Shown = *rate, *lower, *upper, true
	}
	if c.Shown && finite(effect) {
		c.Effect = scale{1, 1, ""}.number(*effect)
	}
	return c
}

func finite(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

func (r engagementRow) cell() cell {
	return newCell(r.From, r.To, r.Contacts, r.Messages, r.Outcomes, r.Suppressed, r.Rate, r.Lower, r.Upper, r.DesignEffect)
}

func (r optOutRow) cell() cell {
	return newCell(r.From, r.To, r.Contacts, r.PersonDays, r.OptOuts, r.Suppressed, r.Rate, r.Lower, r.Upper, r.DesignEffect)
}

// The limits of suppression, to say which one a cell fell under.
const (
	fewContacts = 30
	fewEvents   = 5
)

// why says in a word why a cell has no rate.
func (c cell) why() string {
	switch {
	case c.Shown:
		return ""
	case c.Contacts < fewContacts:
		return "n<30"
	case c.Events < fewEvents:
		return "<5"
	}
	return "—"
}

// curve is one outcome in one slice, by bin.
type curve struct {
	Slice string // market or channel; "all"
	Cells []cell
}

func (c curve) shown() []cell {
	var cells []cell
	for _, cell := range c.Cells {
		if cell.Shown {
			cells = append(cells, cell)
		}
	}
	return cells
}

func (c curve) n() uint64 {
	var n uint64
	for _, cell := range c.Cells {
		n += cell.N
	}
	return n
}

func (c curve) events() uint64 {
	var n uint64
	for _, cell := range c.Cells {
		n += cell.Events
	}
	return n
}
