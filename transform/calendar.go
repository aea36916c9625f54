package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Calendar says when a market is open for business.
type Calendar struct {
	Market   string // ISO 3166-1 alpha-2
	zone     *time.Location
	hours    [7][]dayHours // by time.Weekday
	holidays map[string]bool
}

// dayHours is [from, to) in minutes of the local clock; a `to` that is not after `from` is on the next day.
type dayHours struct{ from, to int }

// ErrCalendar says that a file of calendars cannot be read.
var ErrCalendar = errors.New("calendars need for each market its hours, such as `PH: {hours: {mon-fri: 09:00-18:00}}`")

// ReadCalendars reads a file of calendars by market; docs/operations.md has an example. Error: ErrCalendar, with the place.
func ReadCalendars(path string) ([]Calendar, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the calendars: %w", err)
	}
	calendars, err := parseCalendars(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return calendars, nil
}

func parseCalendars(text []byte) ([]Calendar, error) {
	var file map[string]struct {
		Zone     string            `yaml:"zone"`     // IANA; else the market's main zone
		Hours    map[string]string `yaml:"hours"`    // mon-fri: 09:00-12:00, 13:00-18:00
		Holidays []string          `yaml:"holidays"` // local dates, closed all day
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrCalendar, strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	markets, zones := mainZones()
	var calendars []Calendar
	for market, said := range file {
		fail := func(format string, args ...any) ([]Calendar, error) {
			return nil, fmt.Errorf("%w: %s: %s", ErrCalendar, market, fmt.Sprintf(format, args...))
		}
		c := Calendar{Market: market, holidays: map[string]bool{}}
		i := slices.Index(markets, market)
		if i < 0 {
			return fail("there is no such market; write its two letters in capitals")
		}
		if said.Zone == "" {
			said.Zone = zones[i]
		}
		var err error
		if c.zone, err = time.LoadLocation(said.Zone); err != nil {
			return fail("zone %q is not an IANA time zone such as Asia/Manila", said.Zone)
		}
		for days, spans := range said.Hours {
			weekdays, err := parseWeekdays(days)
			if err != nil {
				return fail("%v", err)
			}
			hours, err := parseHours(spans)
			if err != nil {
				return fail("%s: %v", days, err)
			}
			for _, d := range weekdays {
				if c.hours[d] != nil {
					return fail("%s: a day has its hours twice", days)
				}
				c.hours[d] = hours
			}
		}
		if len(said.Hours) == 0 {
			return fail("no hours")
		}
		for _, holiday := range said.Holidays {
			if _, err := time.Parse(time.DateOnly, holiday); err != nil {
				return fail("holiday %q is not a date such as 2026-06-12", holiday)
			}
			c.holidays[holiday] = true
		}
		calendars = append(calendars, c)
	}
	slices.SortFunc(calendars, func(a, b Calendar) int { return strings.Compare(a.Market, b.Market) })
	return calendars, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseWeekdays reads mon, mon-fri or mon, wed, sat-sun.
func parseWeekdays(text string) (days []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
		from := slices.Index(weekdays, first)
		to := from
		if ranged {
			to = slices.Index(weekdays, last)
		}
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("%q is not a weekday such as mon, nor days such as mon-fri", text)
		}
		for d := from; ; d = (d + 1) % 7 {
			days = append(days, d)
			if d == to {
				break
			}
		}
	}
	return days, nil
}

// parseHours reads 09:00-18:00, several behind commas.
func parseHours(text string) (hours []dayHours, err error) {
	for part := range strings.SplitSeq(text, ",") {
		var h dayHours
		first, last, _ := strings.Cut(strings.TrimSpace(part), "-")
		for i, clock := range []string{first, last} {
			var minutes int
			if clock = strings.TrimSpace(clock); clock == "24:00" && i == 1 {
				minutes = 24 * 60
			} else {
				at, err := time.Parse("15:04", clock)
				if err != nil {
					return nil, fmt.Errorf("%q is not a time such as 09:00-18:00", strings.TrimSpace(part))
				}
				minutes = 60*at.Hour() + at.Minute()
			}
			*[]*int{&h.from, &h.to}[i] = minutes
		}
		hours = append(hours, h)
	}
	return hours, nil
}

// openInterval is [from, to).
type openInterval struct{ from, to time.Time }

// open returns the intervals in which the market is open, apart and in order, of all local days that touch [from, to). The
// first is empty and lies before all, so that every instant of [from, to) has one that began by then. Hours are those of the local clock: a
// day of 23 or 25 hours has an hour less or more, if the market is open then.
func (c Calendar) open(from, to time.Time) []openInterval {
	start := from.UTC().Truncate(day).Add(-2 * day)
	all := []openInterval{{start, start}}
	first := from.In(c.zone).AddDate(0, 0, -1) // hours may end on the next day
	year, month, date := first.Date()
	for i := 0; ; i++ {
		local := time.Date(year, month, date+i, 0, 0, 0, 0, c.zone)
		if !local.Before(to) {
			break
		}
		y, m, d := time.Date(year, month, date+i, 12, 0, 0, 0, time.UTC).Date()
		noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
		if c.holidays[noon.Format(time.DateOnly)] {
			continue
		}
		for _, h := range c.hours[noon.Weekday()] {
			end := h.to
			if end <= h.from {
				end += 24 * 60
			}
			all = append(all, openInterval{
				time.Date(y, m, d, 0, h.from, 0, 0, c.zone).UTC(),
				time.Date(y, m, d, 0, end, 0, 0, c.zone).UTC()})
		}
	}
	slices.SortFunc(all, func(a, b openInterval) int { return a.from.Compare(b.from) })
	merged := all[:1]
	for _, o := range all[1:] {
		last := &merged[len(merged)-1]
		switch {
		case len(merged) > 1 && !o.from.After(last.to):
			if o.to.After(last.to) {
				last.to = o.to
			}
		case o.to.After(o.from):
			merged = append(merged, o)
		}
	}
	return merged
}

// fillOpenHours writes the intervals of every calendar from the first event to the cutoff.
func fillOpenHours(ctx context.Context, r *run, m model, staging string, w Window) error {
	var spans []struct {
		From time.Time `ch:"data_from"`
		To   time.Time `ch:"cutoff"`
	}
	if err := r.selectModel(ctx, &spans, m, w); err != nil {
		return err
	}
	var rows [][]any
	for _, span := range spans {
		for _, c := range r.calendars {
			before := time.Duration(0)
			for _, o := range c.open(span.From, span.To.Add(time.Millisecond)) {
				rows = append(rows, []any{c.Market, o.from, o.to, before.Milliseconds()})
				before += o.to.Sub(o.from)
			}
		}
	}
	return stageRows(ctx, r, staging, "market, opens_at, closes_at, open_ms_before", rows)
}
