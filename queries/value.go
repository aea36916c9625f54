package queries

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	wrapped = regexp.MustCompile(`^(Nullable|LowCardinality)\((.*)\)$`)
	// DateTime64(3, 'UTC') and its shorter forms. Only UTC: every time of the warehouse is.
	instant = regexp.MustCompile(`^DateTime(64)?(\(.*\))?$`)
	integer = regexp.MustCompile(`^(U?)Int(8|16|32|64)$`)
	float   = regexp.MustCompile(`^Float(32|64)$`)
)

// serverValue checks the text of a value against the type of its parameter and returns it in the
// form that the server reads. Types that it does not know go through as they are.
func serverValue(p Param, text string) (string, error) {
	typ := unwrapped(p.Type)
	fail := func(want string) (string, error) {
		return "", fmt.Errorf("parameter %s: %q is not %s", p.Name, text, want)
	}
	switch {
	case typ == "Date" || typ == "Date32":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return fail("a date like 2026-03-01")
		}
	case instant.MatchString(typ):
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
			if t, err := time.Parse(layout, text); err == nil {
				layout := "2006-01-02 15:04:05"
				if strings.HasPrefix(typ, "DateTime64") {
					layout += ".000"
				}
				return t.UTC().Format(layout), nil
			}
		}
		return fail("a UTC time like 2026-03-01T08:00:00Z, or a date")
	case integer.MatchString(typ):
		m := integer.FindStringSubmatch(typ)
		bits, _ := strconv.Atoi(m[2]) // the pattern allows numbers only
		var err error
		if m[1] == "U" {
			_, err = strconv.ParseUint(text, 10, bits)
		} else {
			_, err = strconv.ParseInt(text, 10, bits)
		}
		if err != nil {
			return fail("a whole number of type " + typ)
		}
	case float.MatchString(typ):
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return fail("a number")
		}
	case typ == "Bool":
		if text != "true" && text != "false" {
			return fail("true or false")
		}
	}
	return text, nil
}
