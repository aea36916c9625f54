package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Calendar says when the people who answer a market's messages are at work.
type Calendar struct {
	Market   string    `json:"market"`
	Zone     string    `json:"zone"`
	Hours    [7][]Span `json:"hours"`    // by time.Weekday; the spans of a day are in order and apart
	Holidays []string  `json:"holidays"` // local dates, closed all day

	location *time.Location
}

// Span is [From, To) in minutes of the local clock.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Calendars returns the calendars of the world's markets.
func Calendars() []Calendar { return slices.Clone(calendars) }

// WriteCalendars writes them as the file of calendars that the product reads.
func WriteCalendars(to io.Writer) error {
	var text strings.Builder
	for _, c := range calendars {
		fmt.Fprintf(&text, "%s:\n  zone: %s\n  hours:\n", c.Market, c.Zone)
		for day, spans := range c.Hours {
			if len(spans) == 0 {
				continue
			}
			fmt.Fprintf(&text, "    %s: ", strings.ToLower(time.Weekday(day).String()[:3]))
			for i, s := range spans {
				if i > 0 {
					text.WriteString(", ")
				}
				fmt.Fprintf(&text, "%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
			}
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "  holidays: [%s]\n", strings.Join(c.Holidays, ", "))
	}
	if _, err := io.WriteString(to, text.String()); err != nil {
		return fmt.Errorf("write the calendars: %w", err)
	}
	return nil
}

// works reports whether anybody works on a local date.
func (c *Calendar) works(date time.Time) bool {
	return len(c.Hours[date.Weekday()]) > 0 && !slices.Contains(c.Holidays, date.Format(time.DateOnly))
}

// after returns the instant at which so many seconds of work are over, counted from an instant.
func (c *Calendar) after(at, seconds int64) int64 {
	for date := time.Unix(at, 0).In(c.location); ; {
		if c.works(date) {
			for _, s := range c.Hours[date.Weekday()] {
				opens, closes := max(at, clock(date, s.From)), clock(date, s.To)
				if opens >= closes {
					continue
				}
				if seconds < closes-opens {
					return opens + seconds
				}
				seconds -= closes - opens
			}
		}
		date = time.Date(date.Year(), date.Month(), date.Day()+1, 0, 0, 0, 0, c.location)
	}
}

// Between returns how much of the time from one instant to a later one is time of work, in a zone that exists.
func (c Calendar) Between(from, to time.Time) (worked time.Duration) {
	if c.location == nil {
		c.location = zone(c.Zone)
	}
	local := from.In(c.location)
	for date := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, c.location); date.Before(to); date = date.AddDate(0, 0, 1) {
		if !c.works(date) {
			continue
		}
		for _, s := range c.Hours[date.Weekday()] {
			opens, closes := time.Unix(clock(date, s.From), 0), time.Unix(clock(date, s.To), 0)
			if opens.Before(from) {
				opens = from
			}
			if closes.After(to) {
				closes = to
			}
			worked += max(0, closes.Sub(opens))
		}
	}
	return worked
}

// open reports whether somebody works at an instant.
func (c *Calendar) open(at int64) bool { return c.after(at, 0) == at }

// clock is when the local clock of a date shows so many minutes past midnight.
func clock(date time.Time, minutes int) int64 {
	return time.Date(date.Year(), date.Month(), date.Day(), 0, minutes, 0, 0, date.Location()).Unix()
}
