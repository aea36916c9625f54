package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A still is a chart as SVG: for those without scripts, for paper, and until the live chart is there.
// ECharts can draw it too, without a browser, but takes a tenth of a second for each of a hundred; so
// stills are drawn here, from the same options, by ECharts' rules of layout. They know the words that
// Dots, Bars and Heat use. A word they do not know is an error, and a browser test holds their texts
// and places against the live charts.

type (
	stillOptions struct {
		Animation, TextStyle, Tooltip any // no still has them

		Grid struct {
			OuterBoundsMode, OuterBoundsContain any // labels stand inside, always

			Left, Right, Top, Bottom float64
		}
		XAxis, YAxis [1]stillAxis
		Series       []stillSeries
	}
	stillAxis struct {
		AxisPointer, AxisTick, SplitArea any

		Type                string // category or value
		Data                []string
		Inverse             bool
		Min, Max, Interval  *float64
		SplitNumber         float64
		AxisLine, SplitLine struct {
			Show      bool
			LineStyle stillStyle
		}
		AxisLabel struct {
			Show, ShowMinLabel, ShowMaxLabel, HideOverlap any // not followed: a still may keep a label that the live chart leaves out

			Color, Formatter string
			FontSize         float64
			Overflow         string // break: a name wider than Width has several lines
			Width            float64
			LineHeight       float64
			Interval         *int // one in so many more has a label
			Rich             map[string]stillText
		}
	}
	stillText struct {
		Color                string
		FontSize, LineHeight float64
	}
	stillStyle struct {
		Color, BorderColor, Cap     string
		Width, BorderWidth, Opacity float64
		Decal                       *struct {
			Symbol, DashArrayX, DashArrayY, Rotation any // all are alike
			Color                                    string
		}
	}
	stillSeries struct {
		Animation, Name, Z, Emphasis, Silent, Tooltip, Cursor, ShowAllSymbol, Stack any

		Type, Symbol         string
		SymbolSize           float64
		ShowSymbol           bool
		BarMaxWidth          float64
		ItemStyle, LineStyle stillStyle
		Label                struct {
			Formatter any // the name

			Show                        bool
			Position, Color, FontWeight string
			FontSize, TextBorderWidth   float64
			TextBorderColor             string
			Distance                    *float64
		}
		Data []stillDatum
	}
	stillDatum struct {
		Name      string
		Value     []*float64
		ItemStyle stillStyle
		Label     struct{ Align string }
	}
)

const axisGap = 8 // between an axis and its labels

// drawn is how large a still is: the size of its place on a wide screen, to which the page scales it. The
// panels of a figure stand in as many columns as its size has.
func drawn(size, figure Size, panels int) (width, height float64) {
	height = map[Size]float64{Small: 144, Medium: 280, Wide: 320, Tall: 460}[size]
	switch {
	case figure == Small:
		return 234, height
	case figure == Wide || figure == Tall || panels == 1:
		return 1032, height
	case panels == 2:
		return 498, height
	}
	return 320, height
}

// still draws a chart. The id tells its patterns from those of others on the page.
func still(c Chart, id string, width, height float64) (template.HTML, error) {
	text, err := json.Marshal(c.Options)
	if err != nil {
		return "", fmt.Errorf("write the chart %s: %w", id, err)
	}
	var o stillOptions
	decode := json.NewDecoder(bytes.NewReader(text))
	decode.DisallowUnknownFields()
	if err := decode.Decode(&o); err != nil {
		return "", fmt.Errorf("draw the chart %s: %w", id, err)
	}
	s := sketch{id: id}
	fmt.Fprintf(&s, `<svg aria-hidden="true" preserveAspectRatio="xMinYMin meet" viewBox="0 0 %s %s">`, short(width), short(height))
	x, y := newRuler(o.XAxis[0], 0, o.Series), newRuler(o.YAxis[0], 1, o.Series)
	layOut(x, y, o, width, height)
	s.grid(x, y)
	s.grid(y, x)
	s.axisLine(x, y)
	s.axisLine(y, x)
	s.labelsBelow(x, max(y.start, y.end))
	s.labelsLeft(y, x.start)
	base := map[float64]float64{}
	for i, series := range o.Series {
		switch series.Type {
		case "line":
			s.line(series, x, y)
		case "bar":
			s.bars(series, i, x, y, base)
		case "heatmap":
			s.heat(series, x, y)
		case "scatter": // carries labels, no marks
		default:
			return "", fmt.Errorf("draw the chart %s: stills know no series of type %q", id, series.Type)
		}
	}
	for _, series := range o.Series {
		if series.Type == "scatter" {
			s.names(series, x, y)
		}
	}
	s.WriteString("</svg>")
	return template.HTML(s.String()), nil
}

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

// sketch is the SVG as it grows. Every text in it is escaped by text.
type sketch struct {
	strings.Builder
	id string
}

// text writes a label whose middle line is at y.
func (s *sketch) text(x, y float64, anchor, text string) {
	if text != "" {
		fmt.Fprintf(s, `<text x="%s" y="%s"%s>%s</text>`, short(x), short(y), anchor, html.EscapeString(text))
	}
}

func (s *sketch) group(anchor, colour string, size float64, weight string) {
	fmt.Fprintf(s, `<g fill="%s" font-size="%s"`, html.EscapeString(colour), short(size))
	if anchor != "" {
		fmt.Fprintf(s, ` text-anchor="%s"`, anchor)
	}
	if weight != "" {
		fmt.Fprintf(s, ` font-weight="%s"`, html.EscapeString(weight))
	}
	s.WriteString(">")
}

func (s *sketch) stroke(path string, l stillStyle) {
	if path == "" || l.Color == "" {
		return
	}
	fmt.Fprintf(s, `<path d="%s" fill="none" stroke="%s"`, path, html.EscapeString(l.Color))
	if l.Width != 0 && l.Width != 1 {
		fmt.Fprintf(s, ` stroke-width="%s"`, short(l.Width))
	}
	if l.Opacity != 0 && l.Opacity != 1 {
		fmt.Fprintf(s, ` stroke-opacity="%s"`, short(l.Opacity))
	}
	if l.Cap != "" {
		fmt.Fprintf(s, ` stroke-linecap="%s"`, html.EscapeString(l.Cap))
	}
	s.WriteString("/>")
}

// crisp puts a thin line into the middle of a row of pixels.
func crisp(v float64) float64 { return math.Floor(v) + 0.5 }

// grid draws a line across at every tick of values.
func (s *sketch) grid(of, across *ruler) {
	if of.category || !of.SplitLine.Show {
		return
	}
	path := ""
	for _, v := range of.ticks {
		path += of.rule(crisp(of.at(v)), across)
	}
	s.stroke(path, of.SplitLine.LineStyle)
}

// rule is a line at a pixel of an axis, along the other.
func (r *ruler) rule(at float64, along *ruler) string {
	if r.upright {
		return fmt.Sprintf("M%s %sH%s", short(along.start), short(at), short(along.end))
	}
	return fmt.Sprintf("M%s %sV%s", short(at), short(along.start), short(along.end))
}

// axisLine draws an axis where the other is 0, or begins.
func (s *sketch) axisLine(of, across *ruler) {
	if !of.AxisLine.Show {
		return
	}
	at := across.start
	if !across.category {
		at = across.at(0)
	}
	line := of.AxisLine.LineStyle
	line.Cap = "round"
	s.stroke(across.rule(crisp(at), of), line)
}

func (s *sketch) labelsBelow(x *ruler, bottom float64) {
	s.group("middle", x.AxisLabel.Color, x.AxisLabel.FontSize, "")
	for i, name := range x.names {
		if name == "" {
			continue
		}
		texts, styles := x.parts(name)
		top := bottom + axisGap
		for k, text := range texts {
			other := ""
			if styles[k].Color != x.AxisLabel.Color || styles[k].FontSize != x.AxisLabel.FontSize {
				other = fmt.Sprintf(` fill="%s" font-size="%s"`, html.EscapeString(styles[k].Color), short(styles[k].FontSize))
			}
			s.text(x.at(x.ticks[i]), top+styles[k].LineHeight/2, other, text)
			top += styles[k].LineHeight
		}
	}
	s.WriteString("</g>")
}

func (s *sketch) labelsLeft(y *ruler, left float64) {
	s.group("end", y.AxisLabel.Color, y.AxisLabel.FontSize, "")
	for i, name := range y.names {
		texts, styles := y.parts(name)
		for k, text := range texts {
			s.text(left-axisGap, y.at(y.ticks[i])+(float64(k)-float64(len(texts)-1)/2)*styles[k].LineHeight, "", text)
		}
	}
	s.WriteString("</g>")
}

// point is the place of a mark; false where it has no value.
func point(d stillDatum, x, y *ruler) (px, py float64, shown bool) {
	if d.Value[0] == nil || d.Value[1] == nil {
		return 0, 0, false
	}
	return x.at(*d.Value[0]), y.at(*d.Value[1]), true
}

// line joins points, breaks where a value is missing, and puts a symbol on each point.
func (s *sketch) line(series stillSeries, x, y *ruler) {
	var path, symbols strings.Builder
	drawing := false
	for _, d := range series.Data {
		px, py, shown := point(d, x, y)
		if !shown {
			drawing = false
			continue
		}
		fmt.Fprintf(&path, "%s%s %s", map[bool]string{true: "L", false: "M"}[drawing], short(px), short(py))
		drawing = true
		if series.ShowSymbol {
			symbols.WriteString(symbol(series.Symbol, px, py, series.SymbolSize/2))
		}
	}
	if series.LineStyle.Width > 0 {
		s.stroke(path.String(), series.LineStyle)
	}
	if symbols.Len() > 0 {
		s.fill(symbols.String(), series.ItemStyle)
	}
}

func symbol(name string, x, y, r float64) string {
	switch name {
	case "diamond":
		return fmt.Sprintf("M%s %sl%s %sl%s %sl%s %sz", short(x), short(y-r), short(r), short(r), short(-r), short(r), short(-r), short(-r))
	case "triangle":
		return fmt.Sprintf("M%s %sl%s %sh%sz", short(x), short(y-r), short(r), short(2*r), short(-2*r))
	case "rect":
		return fmt.Sprintf("M%s %sh%sv%sh%sz", short(x-r), short(y-r), short(2*r), short(2*r), short(-2*r))
	}
	return fmt.Sprintf("M%s %sa%[3]s %[3]s 0 1 0 %[4]s 0a%[3]s %[3]s 0 1 0 -%[4]s 0z", short(x-r), short(y), short(r), short(2*r))
}

func (s *sketch) fill(path string, style stillStyle) {
	fmt.Fprintf(s, `<path d="%s" fill="%s"`, path, html.EscapeString(style.Color))
	if style.BorderColor != "" {
		fmt.Fprintf(s, ` stroke="%s"`, html.EscapeString(style.BorderColor))
		if style.BorderWidth != 1 {
			fmt.Fprintf(s, ` stroke-width="%s"`, short(style.BorderWidth))
		}
	}
	s.WriteString("/>")
}

func box(x0, y0, x1, y1 float64) string {
	return fmt.Sprintf("M%s %sH%sV%sH%sz", short(x0), short(y0), short(x1), short(y1), short(x0))
}

// bars stand on the ends of the series before: base is how far each has come, by category.
func (s *sketch) bars(series stillSeries, n int, x, y *ruler, base map[float64]float64) {
	names, values, value := x, y, 1
	if y.category {
		names, values, value = y, x, 0
	}
	thick := math.Abs(names.band()) * 0.69 // ECharts leaves 31% between
	if series.BarMaxWidth > 0 {
		thick = min(thick, series.BarMaxWidth)
	}
	var path strings.Builder
	type end struct {
		name string
		x, y float64
	}
	var ends []end
	for _, d := range series.Data {
		if d.Value[value] == nil || d.Value[1-value] == nil {
			continue
		}
		i := *d.Value[1-value]
		middle, from, to := names.at(i), values.at(base[i]), values.at(base[i]+*d.Value[value])
		base[i] += *d.Value[value]
		if value == 1 {
			path.WriteString(box(middle-thick/2, to, middle+thick/2, from))
			ends = append(ends, end{d.Name, middle, to - 5 - series.Label.FontSize/2})
		} else {
			path.WriteString(box(from, middle-thick/2, to, middle+thick/2))
			ends = append(ends, end{d.Name, to + 5, middle})
		}
	}
	if path.Len() == 0 {
		return
	}
	s.fill(path.String(), series.ItemStyle)
	if decal := series.ItemStyle.Decal; decal != nil {
		pattern := fmt.Sprintf("%s-p%d", s.id, n)
		fmt.Fprintf(s, `<pattern id="%[1]s" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><path d="M0 0h5v2h-5z" fill="%[2]s"/></pattern><path d="%[3]s" fill="url(#%[1]s)"/>`,
			html.EscapeString(pattern), html.EscapeString(decal.Color), path.String())
	}
	if series.Label.Show {
		s.group(map[int]string{0: "", 1: "middle"}[value], series.Label.Color, series.Label.FontSize, series.Label.FontWeight)
		for _, e := range ends {
			s.text(e.x, e.y, "", e.name)
		}
		s.WriteString("</g>")
	}
}

// heat draws a box a cell, a path a colour.
func (s *sketch) heat(series stillSeries, x, y *ruler) {
	var colours []string
	paths := map[string]string{}
	width, height := math.Abs(x.band())/2, math.Abs(y.band())/2
	for _, d := range series.Data {
		px, py, shown := point(d, x, y)
		if !shown {
			continue
		}
		colour := d.ItemStyle.Color
		if !slices.Contains(colours, colour) {
			colours = append(colours, colour)
		}
		paths[colour] += box(px-width, py-height, px+width, py+height)
	}
	for _, colour := range colours {
		style := series.ItemStyle
		style.Color = colour
		s.fill(paths[colour], style)
	}
}

// names writes the labels of points that are not drawn.
func (s *sketch) names(series stillSeries, x, y *ruler) {
	if !series.Label.Show || len(series.Data) == 0 {
		return
	}
	away := 5.0 // ECharts' own distance
	if series.Label.Distance != nil {
		away = *series.Label.Distance
	}
	away += series.SymbolSize / 2
	right := series.Label.Position == "right"
	anchors := map[string]string{"left": ` text-anchor="start"`, "right": ` text-anchor="end"`}
	s.group(map[bool]string{false: "middle"}[right], series.Label.Color, series.Label.FontSize, series.Label.FontWeight)
	if series.Label.TextBorderColor != "" {
		fmt.Fprintf(s, `<g stroke="%s" stroke-width="%s" paint-order="stroke">`, html.EscapeString(series.Label.TextBorderColor), short(series.Label.TextBorderWidth))
		defer s.WriteString("</g>")
	}
	for _, d := range series.Data {
		px, py, shown := point(d, x, y)
		switch {
		case !shown:
		case right:
			s.text(px+away, py, "", d.Name)
		default:
			s.text(px, py-away-series.Label.FontSize/2, anchors[d.Label.Align], d.Name)
		}
	}
	s.WriteString("</g>")
}

// short is a length with one decimal at most.
func short(v float64) string {
	text := strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	if text == "-0" {
		return "0"
	}
	return text
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
