package transform

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// openBetween is how long a calendar is open from one local time to another.
func openBetween(t *testing.T, c Calendar, from, to string) time.Duration {
	t.Helper()
	at := func(text string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", text, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	start, end := at(from), at(to)
	var sum time.Duration
	for _, o := range c.open(start, end) {
		if o.from.Before(start) {
			o.from = start
		}
		if o.to.After(end) {
			o.to = end
		}
		sum += max(0, o.to.Sub(o.from))
	}
	return sum
}

func calendar(t *testing.T, text string) Calendar {
	t.Helper()
	all, err := parseCalendars([]byte(text))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d calendars, %v", len(all), err)
	}
	return all[0]
}

func TestBusinessMinutes(t *testing.T) {
	manila := calendar(t, "PH: {hours: {mon-fri: 09:00-18:00}, holidays: [2026-06-12]}")
	sydney := calendar(t, "AU: {hours: {mon-fri: 09:00-17:00}}")
	always := calendar(t, "US: {zone: America/Los_Angeles, hours: {mon-sun: 00:00-24:00}}")
	sydneyAlways := calendar(t, "AU: {hours: {mon-sun: 00:00-24:00}}")
	night := calendar(t, "PH: {hours: {'fri, sat': '22:00-06:00', 'sun': '04:00-07:00'}, holidays: [2026-03-07]}")
	f := func(c Calendar, from, to string, want time.Duration) {
		t.Helper()
		if got := openBetween(t, c, from, to); got != want*time.Minute {
			t.Errorf("%s to %s: %v, want %d min", from, to, got, want)
		}
	}
	f(manila, "2026-03-06 17:30", "2026-03-09 09:15", 45)
	f(manila, "2026-03-07 12:00", "2026-03-09 09:00", 0)
	f(manila, "2026-03-09 08:00", "2026-03-09 10:00", 60)
	f(manila, "2026-03-09 10:00", "2026-03-10 10:00", 540)
	f(manila, "2026-06-11 17:00", "2026-06-15 10:00", 120)
	f(sydney, "2026-04-03 16:00", "2026-04-06 10:00", 120)
	f(sydneyAlways, "2026-04-03 16:00", "2026-04-06 10:00", 4020)
	f(always, "2026-03-08 01:30", "2026-03-08 03:30", 60)        // an hour is left out
	f(sydneyAlways, "2026-04-05 01:30", "2026-04-05 03:30", 180) // an hour comes twice
	// Friday's hours end on Saturday, which is a holiday of its own hours; Sunday's begin before those of Saturday would end.
	f(night, "2026-03-06 12:00", "2026-03-09 12:00", 8*60+3*60)
	f(night, "2026-03-13 12:00", "2026-03-16 12:00", 8*60+9*60)
}

func TestCalendarsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"PH: {hours: {mon-fri: 09:00-18:00}, holiday: [2026-06-12]}":  "unknown field",
		"ph: {hours: {mon-fri: 09:00-18:00}}":                         "no such market",
		"PH: {zone: Manila, hours: {mon-fri: 09:00-18:00}}":           `zone "Manila"`,
		"PH: {hours: {mon-day: 09:00-18:00}}":                         `"mon-day" is not a weekday`,
		"PH: {hours: {mon-fri: 9-18}}":                                `"9-18" is not a time`,
		"PH: {hours: {mon-fri: 09:00-18:00, fri: 10:00-11:00}}":       "twice",
		"PH: {zone: Asia/Manila}":                                     "no hours",
		"PH: {hours: {mon: 09:00-18:00}, holidays: ['12 June 2026']}": `holiday "12 June 2026"`,
		"PH: {hours: {mon: 24:00-18:00}}":                             "is not a time",
	} {
		if _, err := parseCalendars([]byte(text)); !errors.Is(err, ErrCalendar) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}
