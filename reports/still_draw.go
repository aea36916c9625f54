package reports

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

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
