package reports

import "math"

const noUpperEnd = 65535 // the end of the last bin

func finite(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

// Rate is what every row of a rate has, under whichever name its query gives n and the outcomes.
type Rate struct {
	Contacts   uint64   `json:"contacts"`
	Suppressed uint8    `json:"suppressed"`
	Rate       *float64 `json:"rate"`
	Lower      *float64 `json:"lower"`
	Upper      *float64 `json:"upper"`
}

// The limits of suppression, to say which one a cell fell under.
const (
	fewContacts = 30
	fewEvents   = 5
)

// cell is one bin of a curve: n messages or person-days of so many contacts, and what came of them.
type cell struct {
	From, To           uint16
	Contacts, N        uint64
	Events             uint64
	Rate, Lower, Upper float64 // where Shown
	Shown              bool
}

// newCell shows a rate only where the row has it, whole and finite.
func newCell(from, to uint16, n, events uint64, r Rate) cell {
	c := cell{From: from, To: to, Contacts: r.Contacts, N: n, Events: events}
	if r.Suppressed == 0 && finite(r.Rate) && finite(r.Lower) && finite(r.Upper) {
		c.Rate, c.Lower, c.Upper, c.Shown = *r.Rate, *r.Lower, *r.Upper, true
	}
	return c
}

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
	return "none"
}

// values are the cell in a figure's table: contacts, n, events, rate, lower, upper, why. What is too
// small to show is never printed as a number.
func (c cell) values() []any {
	switch {
	case c.Shown:
		return []any{c.Contacts, c.N, c.Events, c.Rate, c.Lower, c.Upper, ""}
	case c.Contacts < fewContacts:
		return []any{nil, nil, nil, nil, nil, nil, c.why()}
	case c.Events < fewEvents:
		return []any{c.Contacts, c.N, nil, nil, nil, nil, c.why()}
	}
	return []any{c.Contacts, c.N, c.Events, nil, nil, nil, c.why()}
}

// dot is the cell in a chart.
func (c cell) dot(at, row int) Dot {
	if !c.Shown {
		return Dot{At: at, Row: row, Why: c.why()}
	}
	return Dot{At: at, Row: row, Value: &c.Rate, Lower: &c.Lower, Upper: &c.Upper}
}

// under is n below a bin of a chart.
func (c cell) under() string {
	if !c.Shown && c.Contacts < fewContacts {
		return "<30"
	}
	return shortCount(c.N)
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
