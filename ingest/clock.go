package ingest

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Values of Event.TimeFlag: why the source's time was not used.
const (
	TimeMissing     = "missing"
	TimeUnreadable  = "unreadable"
	TimeImplausible = "implausible" // before 2004, or more than a day ahead of our clock, if that was ever set
)

// written is when this rule was: a clock of ours that shows less was never set, and cannot judge a
// source's. It is no limit for events, which may be as old as an import's.
var written = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ErrTime says that a text is no instant in any of the forms that platforms use.
var ErrTime = errors.New("not a time")

// earliest is before every source that we read: what is older is a clock that was never set.
var earliest = time.Date(2004, 1, 1, 0, 0, 0, 0, time.UTC)

// ParseTime reads an instant as platforms write it: a number, bare or as text, of seconds,
// milliseconds (from 1e11) or microseconds (from 1e14) since 1970, or ISO 8601 with a zone.
// It returns ErrTime, which does not quote the text.
func ParseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, ErrTime
	}
	if isDigits(strings.TrimPrefix(text, "-")) {
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return time.Time{}, ErrTime
		case n >= 1e14:
			return time.UnixMicro(n).UTC(), nil
		case n >= 1e11:
			return time.UnixMilli(n).UTC(), nil
		}
		return time.Unix(n, 0).UTC(), nil
	}
	// A client that multiplies a clock of seconds by 1000 writes fractions of milliseconds, too.
	if whole, fraction, ok := strings.Cut(text, "."); ok && isDigits(whole) && isDigits(fraction) {
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil {
			return time.Time{}, ErrTime
		}
		part, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // of a unit, in billionths
		switch {
		case n >= 1e14:
			return time.UnixMicro(n).Add(time.Duration(part / 1e6)).UTC(), nil
		case n >= 1e11:
			return time.UnixMilli(n).Add(time.Duration(part / 1e3)).UTC(), nil
		}
		return time.Unix(n, part).UTC(), nil
	}
	// RFC 3339 covers Z and +00:00 with any number of decimals; Meta also writes +0000.
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, ErrTime
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// EventTime decides when a fact happened: as text says; where that is missing as fallback (an
// envelope's text) says; else when we received it. No fact is dropped for its time: flag tells
// why the source's own was not used.
func EventTime(text, fallback string, received time.Time) (at time.Time, flag string) {
	if text == "" {
		text = fallback
	}
	if text == "" {
		return received, TimeMissing
	}
	at, err := ParseTime(text)
	switch {
	case err != nil:
		return received, TimeUnreadable
	case at.Before(earliest), at.After(received.Add(24*time.Hour)) && !received.Before(written):
		return received, TimeImplausible
	}
	return at, ""
}
