package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// count writes 1234567 as 1,234,567.
func count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// shortCount writes 12345 as 12k, for the narrow places under an axis.
func shortCount(n uint64) string {
	for _, unit := range []struct {
		from   uint64
		size   float64
		suffix string
	}{{999_500_000, 1e9, "bn"}, {999_500, 1e6, "m"}, {1000, 1e3, "k"}} {
		if n >= unit.from {
			digits := 0
			if float64(n)/unit.size < 9.95 {
				digits = 1
			}
			return strconv.FormatFloat(float64(n)/unit.size, 'f', digits, 64) + unit.suffix
		}
	}
	return strconv.FormatUint(n, 10)
}

// scale turns a ratio into the unit of its figure.
type scale struct {
	factor float64
	digits int
	suffix string
}

var (
	percent     = scale{100, 1, "%"}
	perThousand = scale{1000, 2, ""}
)

func (s scale) number(ratio float64) string {
	return strconv.FormatFloat(ratio*s.factor, 'f', s.digits, 64)
}

func (s scale) one(ratio float64) string { return s.number(ratio) + s.suffix }

// betweenWords writes it in a sentence, on one line: 11.5 to 12.8%.
func (s scale) betweenWords(lower, upper float64) string {
	const space = "\u00a0"
	return s.number(lower) + space + "to" + space + s.number(upper) + s.suffix
}

// plotted is the value on a chart's axis, without digits that nobody sees.
func (s scale) plotted(ratio float64) float64 {
	digits := math.Pow10(s.digits + 2)
	return math.Round(ratio*s.factor*digits) / digits
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func minute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// days writes the half-open window [from, to) with the days that are in it.
func days(from, to time.Time) string {
	last := to.UTC().AddDate(0, 0, -1)
	from = from.UTC()
	switch {
	case !last.After(from):
		return day(from)
	case last.Year() != from.Year():
		return day(from) + " to " + day(last)
	case last.Month() != from.Month():
		return from.Format("2 January") + " to " + day(last)
	}
	return from.Format("2") + " to " + day(last)
}

// bin writes the limits of a bin on an axis: 5, 6–7, 11+.
func bin(from, to uint16) string {
	switch {
	case to == noUpperEnd:
		return strconv.Itoa(int(from)) + "+"
	case to <= from:
		return strconv.Itoa(int(from))
	}
	return strconv.Itoa(int(from)) + "–" + strconv.Itoa(int(to))
}

// binWords writes them in a sentence: 5, 6 to 7, 11 or more.
func binWords(from, to uint16) string {
	switch {
	case to == noUpperEnd:
		return strconv.Itoa(int(from)) + " or more"
	case to <= from:
		return strconv.Itoa(int(from))
	}
	return strconv.Itoa(int(from)) + " to " + strconv.Itoa(int(to))
}

var scales = map[Kind]scale{
	Percent: percent, Permille: perThousand,
	PermilleChange: {1000, 2, ""},
	Points:         {100, 1, " pp"}, Number: {1, 2, ""}, Money: {1, 4, ""}, Change: {1, 2, ""}, Count: {1, 0, ""},
}

func (k Kind) scale() scale { return scales[k] }

func (k Kind) signed() bool { return k == Points || k == Change || k == PermilleChange }

// write prints a value of the kind in full: 6.0%, +1.2 pp, 71,204.
func (k Kind) write(v float64) string {
	if k == Count {
		if v < 0 {
			return "−" + count(uint64(-v))
		}
		return count(uint64(v))
	}
	s := k.scale()
	text := s.number(math.Abs(v))
	if (k == Number || k == Change) && math.Abs(v) >= 100 {
		text = count(uint64(math.Round(math.Abs(v))))
	}
	switch {
	case v < 0:
		text = "−" + text
	case k.signed() && v > 0:
		text = "+" + text
	}
	return text + s.suffix
}

// short prints it beside a mark, where the axis has the unit.
func (k Kind) short(v float64) string {
	switch k {
	case Count:
		return shortCount(uint64(v))
	case Points:
		return strings.TrimSuffix(k.write(v), " pp")
	}
	return k.write(v)
}

// text prints a cell of a table.
func (k Kind) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case uint64:
		return count(v)
	case float64:
		return k.write(v)
	}
	panic(fmt.Sprintf("a table's cell is a string, uint64, float64 or nil, not %T", v))
}

// number is a cell of a table: nil where there is no finite value.
func number(v *float64) any {
	if !finite(v) {
		return nil
	}
	return *v
}

// between prints an interval in words: −2.8 to −2.4 pp.
func (k Kind) between(lower, upper float64) string {
	s := k.scale()
	const space = "\u00a0"
	return strings.TrimSuffix(k.write(lower), s.suffix) + space + "to" + space + k.write(upper)
}

// plainNumber writes a configured value: 1, 0.05.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
