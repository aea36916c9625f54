package reports

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

const axisGap = 8 // between an axis and its labels

// ruler is an axis with its place: start is the pixel of its low end, end of its high end.
type ruler struct {
	stillAxis
	category   bool
	upright    bool
	low, high  float64 // of values
	ticks      []float64
	names      []string // of the ticks; "" has no label
	start, end float64
}

func newRuler(a stillAxis, dimension int, series []stillSeries) *ruler {
	r := &ruler{stillAxis: a, category: a.Type == "category", upright: dimension == 1}
	if r.category {
		for i, name := range a.Data {
			r.ticks, r.names = append(r.ticks, float64(i)), append(r.names, name)
		}
		return r
	}
	r.extent(dimension, series)
	for _, v := range r.ticks {
		r.names = append(r.names, strings.ReplaceAll(a.AxisLabel.Formatter, "{value}", grouped(v)))
	}
	return r
}

// extent finds the ends and ticks of an axis of values: those of the data and 0, widened to a round step.
func (r *ruler) extent(dimension int, series []stillSeries) {
	low, high := math.Inf(1), math.Inf(-1)
	stacked := map[float64]float64{}
	for _, s := range series {
		for _, d := range s.Data {
			v := d.Value[dimension]
			if v == nil {
				continue
			}
			at := *v
			if s.Type == "bar" {
				stacked[*d.Value[1-dimension]] += at
				at = stacked[*d.Value[1-dimension]]
			}
			low, high = min(low, at), max(high, at)
		}
	}
	if low > high { // nothing to measure
		r.low, r.high = 0, 1
		return
	}
	if r.Min != nil {
		low = *r.Min
	} else if low > 0 {
		low = 0
	}
	if r.Max != nil {
		high = *r.Max
	} else if high < 0 {
		high = 0
	}
	if high <= low {
		high = low + 1
	}
	parts := r.SplitNumber
	if parts == 0 {
		parts = 5
	}
	step := roundStep((high - low) / parts)
	if r.Interval != nil {
		step = *r.Interval
	}
	if r.Min == nil {
		low = math.Floor(low/step+1e-9) * step
	}
	if r.Max == nil {
		high = math.Ceil(high/step-1e-9) * step
	}
	r.low, r.high = low, high
	for i := math.Ceil(low/step - 1e-9); i*step <= high*(1+1e-9)+1e-12; i++ {
		r.ticks = append(r.ticks, i*step)
	}
}

// roundStep is ECharts' nearest 1, 2, 3, 5 or 10 of a power of ten.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, c := range []struct{ below, step float64 }{{1.5, 1}, {2.5, 2}, {4, 3}, {7, 5}} {
		if v/power < c.below {
			return c.step * power
		}
	}
	return 10 * power
}

// at is the pixel of a value, or of the middle of a category.
func (r *ruler) at(v float64) float64 {
	if r.category {
		return r.start + (v+0.5)*r.band()
	}
	return r.start + (min(max(v, r.low), r.high)-r.low)/(r.high-r.low)*(r.end-r.start)
}

func (r *ruler) band() float64 { return (r.end - r.start) / float64(max(len(r.names), 1)) }

// layOut places the axes so that their labels stand inside the grid's margins.
func layOut(x, y *ruler, o stillOptions, width, height float64) {
	widest := 0.0
	for i := range y.names {
		widest = max(widest, y.labelWidth(i))
	}
	x.start, x.end = o.Grid.Left, width-o.Grid.Right
	if len(x.names) > 0 { // the outer labels reach beyond the middle of their tick
		first, last := x.labelWidth(0)/2, x.labelWidth(len(x.names)-1)/2
		if x.category {
			first, last = first-x.band()/2, last-x.band()/2
		}
		x.end -= max(last, 0)
		if widest > 0 {
			widest += axisGap
		}
		x.start += max(widest, first)
	}
	y.start, y.end = height-o.Grid.Bottom-axisGap-x.labelHeight(), o.Grid.Top
	if !y.category { // the highest label reaches above its tick
		y.end = max(y.end, o.Grid.Top+y.AxisLabel.FontSize/2)
	}
	if y.Inverse {
		y.start, y.end = y.end, y.start
	}
	if x.category && x.AxisLabel.Interval == nil { // as many as fit
		most := 0.0
		for i := range x.names {
			most = max(most, x.labelWidth(i))
		}
		every := int(math.Ceil((most + 4) / x.band()))
		x.AxisLabel.Interval = new(int)
		*x.AxisLabel.Interval = max(every, 1) - 1
	}
	for _, r := range []*ruler{x, y} {
		if r.category && r.AxisLabel.Interval != nil {
			for i := range r.names {
				if i%(*r.AxisLabel.Interval+1) != 0 {
					r.names[i] = ""
				}
			}
		}
	}
}

// parts are the lines of a label: "{bin|6–7}\n{n|9.1k}" has one in each of two styles.
func (r *ruler) parts(name string) (texts []string, styles []stillText) {
	if r.AxisLabel.Rich == nil || !strings.HasPrefix(name, "{") {
		texts = r.broken(name)
		return texts, slices.Repeat([]stillText{{r.AxisLabel.Color, r.AxisLabel.FontSize, max(r.AxisLabel.FontSize, r.AxisLabel.LineHeight)}}, len(texts))
	}
	for _, line := range strings.Split(name, "\n") {
		style, text, _ := strings.Cut(strings.Trim(line, "{}"), "|")
		texts, styles = append(texts, text), append(styles, r.AxisLabel.Rich[style])
	}
	return texts, styles
}

const kerning = 3 // by so much letters that stand together are narrower than one by one

// broken cuts a name into lines, at spaces, where the axis says so.
func (r *ruler) broken(name string) (lines []string) {
	if r.AxisLabel.Overflow != "break" {
		return []string{name}
	}
	for _, word := range strings.Fields(name) {
		if n := len(lines); n > 0 && textWidth(lines[n-1]+" "+word, r.AxisLabel.FontSize) <= r.AxisLabel.Width+kerning {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

func (r *ruler) labelWidth(i int) (width float64) {
	texts, styles := r.parts(r.names[i])
	if r.AxisLabel.Overflow == "break" { // the place is kept, however short the name
		return r.AxisLabel.Width
	}
	for k, text := range texts {
		width = max(width, textWidth(text, styles[k].FontSize))
	}
	return width
}

func (r *ruler) labelHeight() (most float64) {
	for _, name := range r.names {
		height := 0.0
		_, styles := r.parts(name)
		for _, s := range styles {
			height += s.LineHeight
		}
		most = max(most, height)
	}
	return most
}

// letterWidths are those of Noto Sans, from the space to the tilde, in hundredths of the font's size; readers' own
// fonts differ.
var letterWidths = [...]float64{
	26, 26, 40, 65, 57, 83, 73, 22, 30, 30, 55, 57, 26, 32, 26, 37,
	57, 57, 57, 57, 57, 57, 57, 57, 57, 57, 26, 26, 57, 57, 57, 43,
	90, 63, 65, 63, 73, 56, 52, 73, 74, 28, 27, 61, 52, 90, 75, 78,
	60, 78, 62, 55, 55, 73, 60, 92, 58, 56, 57, 33, 37, 33, 57, 44,
	28, 56, 61, 48, 61, 56, 34, 54, 61, 25, 25, 53, 25, 93, 61, 60,
	61, 61, 41, 48, 36, 61, 50, 77, 52, 50, 47, 38, 55, 38, 57,
}

// textWidth estimates a text in a sans-serif font of this size.
func textWidth(text string, size float64) (width float64) {
	for _, c := range text {
		switch {
		case c >= ' ' && int(c-' ') < len(letterWidths):
			width += letterWidths[c-' '] / 100
		case c == '–':
			width += .5
		case c >= 0x2e80: // an ideograph is a square
			width++
		default:
			width += .57
		}
	}
	return width * size
}

// grouped is a tick as ECharts writes it: 12,000 or -0.25.
func grouped(v float64) string {
	whole, rest, fraction := strings.Cut(strconv.FormatFloat(math.Abs(math.Round(v*1e9)/1e9), 'f', -1, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		whole += "." + rest
	}
	if v < 0 && whole != "0" {
		whole = "-" + whole
	}
	return whole
}
