package reports

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Dots draws estimates as dots over ordered bins, each with a bar behind it that is its interval.
type Dots struct {
	Title, Note string
	Label       string // for those who do not see it: what the values are
	Under       string
	Kind        Kind // of the values: Percent, Points, Permille, Number or Change
	Size        Size
	Axis        []string // names of the bins
	N           []string // under each bin; nil where there is no room
	Every       int      // one bin in so many is named; default: all that fit
	Lines       []Line
	Top         float64 // shared end of the value axis, as a value; 0: its own
	Signed      bool    // the axis may go below 0
	Values      bool    // every value is written, also of several lines
}

// Line is one series of Dots.
type Line struct {
	Name   string // written at its end, where there are several
	Colour string
	Symbol string // circle, diamond, triangle, rect: several lines differ in shape too
	Behind bool   // for comparison: a grey line without dots
	Loose  bool   // dots that no line joins
	Dots   []Dot
}

// Dot is one estimate.
type Dot struct {
	At                  int      // bin on the axis
	Row                 int      // in the table of the figure
	Value, Lower, Upper *float64 // nil: not shown
	Why                 string   // written where a value is not shown
}

// Chart draws the dots.
func (d Dots) Chart() Chart {
	s := d.Kind.scale()
	line := charts.NewLine()
	frame(&line.RectChart, opts.XAxis{
		Type:      "category",
		AxisLine:  &opts.AxisLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: muted}},
		AxisTick:  &opts.AxisTick{Show: opts.Bool(false)},
		AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ink, FontSize: 12},
	}, opts.YAxis{
		Type:      "value",
		AxisLine:  &opts.AxisLine{Show: opts.Bool(false)},
		SplitLine: &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: rule}},
		AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: muted, FontSize: 12},
	}, "axis")
	line.SetXAxis(d.names())

	many := len(d.Axis) > 20
	width, dot := float32(8), 9
	switch {
	case many:
		width, dot = 3, 4
	case d.Size == Small:
		width, dot = 5, 6
	}
	unseen := charts.WithItemStyleOpts(opts.ItemStyle{Color: clear}) // opacity would hide the label too
	labels := charts.NewScatter()
	right := 10
	places := d.places(s)
	for i, l := range d.Lines {
		if l.Behind {
			line.AddSeries("behind", l.points(s, false),
				charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false)}),
				charts.WithLineStyleOpts(opts.LineStyle{Color: muted, Width: 1.5, Opacity: opts.Float(0.7)}))
			continue
		}
		line.AddSeries("interval", l.intervals(s),
			charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false)}),
			charts.WithLineStyleOpts(opts.LineStyle{Color: l.Colour, Width: width, Opacity: opts.Float(0.3)}))
		name := "value"
		if l.Loose {
			name = "loose"
		}
		line.AddSeries(name, l.points(s, true),
			charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(true), Symbol: l.symbol(), SymbolSize: dot}),
			charts.WithLineStyleOpts(opts.LineStyle{Color: l.Colour, Width: 1.5, Opacity: opts.Float(0.75)}),
			charts.WithItemStyleOpts(opts.ItemStyle{Color: l.Colour, BorderColor: paper, BorderWidth: 1, Opacity: opts.Float(1)}))
		if len(d.Lines) > 1 && l.Name != "" && !d.Values && !d.compared() {
			right = max(right, 14+7*len(l.Name))
			labels.AddSeries("name", places[i], unseen, charts.WithScatterChartOpts(opts.ScatterChart{SymbolSize: 1}),
				charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "right", Formatter: "{b}", Color: ink, FontSize: 12}))
		} else if !many {
			labels.AddSeries("label", d.ends(l, s), unseen, charts.WithScatterChartOpts(opts.ScatterChart{SymbolSize: 1}),
				charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "top", Formatter: "{b}", Color: ink, FontSize: 12, FontWeight: "600"}))
		}
		if !many {
			labels.AddSeries("why", l.missing(d.Size == Small), unseen, charts.WithScatterChartOpts(opts.ScatterChart{SymbolSize: 1}),
				charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "top", Formatter: "{b}", Color: muted, FontSize: 11}))
		}
	}
	line.Overlap(labels)

	options := finish(line, func(options, x, y map[string]any) {
		options["grid"] = map[string]any{"left": 4, "right": right, "top": 24, "bottom": 5, "outerBoundsMode": "same", "outerBoundsContain": "axisLabel"}
		xLabel, yLabel := x["axisLabel"].(map[string]any), y["axisLabel"].(map[string]any)
		x["axisPointer"] = map[string]any{"lineStyle": map[string]any{"color": muted, "type": "solid", "width": 1}, "label": map[string]any{"show": false}}
		xLabel["interval"] = 0
		if d.N != nil {
			xLabel["rich"] = map[string]any{
				"bin": map[string]any{"color": ink, "fontSize": 12, "lineHeight": 20},
				"n":   map[string]any{"color": muted, "fontSize": 11, "lineHeight": 15},
			}
		}
		yLabel["formatter"] = "{value}" + s.suffix
		y["splitNumber"] = 4
		if d.Size == Small {
			y["splitNumber"], xLabel["fontSize"], yLabel["fontSize"] = 2, 11, 11
		}
		if !d.Signed {
			y["min"] = 0
		}
		if d.Top > 0 {
			y["max"], y["interval"] = s.plotted(d.Top), s.plotted(d.Top/2)
		}
		for _, each := range options["series"].([]any) {
			series := each.(map[string]any)
			switch series["name"] {
			case "loose":
				series["lineStyle"].(map[string]any)["width"] = 0
				fallthrough
			case "value":
				series["showAllSymbol"] = true
				continue
			case "interval":
				series["lineStyle"].(map[string]any)["cap"] = "round"
			case "label":
				label := series["label"].(map[string]any)
				label["distance"], label["textBorderColor"], label["textBorderWidth"] = width, paper, 3
				if points := series["data"].([]any); d.Size == Small && len(points) > 0 {
					points[len(points)-1].(map[string]any)["label"] = map[string]any{"align": "right"}
					if len(points) == 2 || points[0].(map[string]any)["value"].([]any)[0] == 0. {
						points[0].(map[string]any)["label"] = map[string]any{"align": "left"} // off the axis
					}
				}
			}
			series["silent"] = true
			series["tooltip"] = map[string]any{"show": false}
		}
	})
	return Chart{Title: d.Title, Note: d.Note, Label: d.describe(), Under: d.Under, Size: d.Size, Bare: d.bare(), Options: options}
}

func (d Dots) bare() bool {
	return !slices.ContainsFunc(d.Lines, func(l Line) bool { return !l.Behind && slices.ContainsFunc(l.Dots, Dot.shown) })
}

// compared is one line before grey ones.
func (d Dots) compared() bool {
	own := 0
	for _, l := range d.Lines {
		if !l.Behind {
			own++
		}
	}
	return own == 1
}

// names are the labels of the axis: every bin's, or as many as there is room for.
func (d Dots) names() []string {
	every := d.Every
	if every == 0 {
		every = 1
		if d.Size == Small && len(d.Axis) > 5 {
			every = 2
		} else if len(d.Axis) > 20 {
			every = len(d.Axis)/8 + 1
		}
	}
	var names []string
	for i, name := range d.Axis {
		last := len(d.Axis) - 1
		switch {
		case every > 1 && len(d.Axis) <= 20 && i != last && (i%every != 0 || i == last-1):
			name = "" // the ends and every second are enough to read the rest
		case len(d.Axis) > 20 && i%every != 0:
			name = ""
		case d.N != nil:
			name = "{bin|" + name + "}\n{n|" + d.N[i] + "}"
		}
		names = append(names, name)
	}
	return names
}

func (l Line) symbol() string {
	if l.Symbol == "" {
		return "circle"
	}
	return l.Symbol
}

func (d Dot) shown() bool { return finite(d.Value) && finite(d.Lower) && finite(d.Upper) }

func (l Line) points(s scale, gaps bool) (points []opts.LineData) {
	for _, d := range l.Dots {
		switch {
		case finite(d.Value):
			points = append(points, opts.LineData{Value: []any{d.At, s.plotted(*d.Value), d.Row}})
		case gaps:
			points = append(points, opts.LineData{Value: []any{d.At, nil, d.Row}}) // breaks the line
		}
	}
	return points
}

func (l Line) intervals(s scale) (points []opts.LineData) {
	for _, d := range l.Dots {
		if d.shown() {
			points = append(points, opts.LineData{Value: []any{d.At, s.plotted(*d.Lower)}}, opts.LineData{Value: []any{d.At, s.plotted(*d.Upper)}}, opts.LineData{Value: []any{d.At, nil}})
		}
	}
	return points
}

// top is where a label of the dot stands: above its interval.
func (d Dot) top(s scale) float64 {
	if d.shown() {
		return s.plotted(*d.Upper)
	}
	return s.plotted(*d.Value)
}

// places are where the names of lines stand: at their ends, so far apart that both of two can be read.
func (d Dots) places(s scale) (places [][]opts.ScatterData) {
	type place struct {
		line, bin int
		at        float64
	}
	var ends []place
	low, high := 0.0, 0.0
	for i, l := range d.Lines {
		var last *Dot
		for k, dot := range l.Dots {
			if finite(dot.Value) {
				last = &l.Dots[k]
				low, high = min(low, s.plotted(*dot.Value)), max(high, dot.top(s))
			}
		}
		if last != nil && !l.Behind {
			ends = append(ends, place{i, last.At, s.plotted(*last.Value)})
		}
	}
	slices.SortStableFunc(ends, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	places = make([][]opts.ScatterData, len(d.Lines))
	for i, e := range ends {
		if i > 0 && ends[i-1].bin == e.bin {
			e.at = max(e.at, ends[i-1].at+(high-low)*.06) // a line of text
			ends[i] = e
		}
		places[e.line] = []opts.ScatterData{{Name: d.Lines[e.line].Name, Value: []any{e.bin, e.at}}}
	}
	return places
}

// missing says why values are not shown: of each, or once of those side by side where there is no room.
func (l Line) missing(crowded bool) (points []opts.ScatterData) {
	for i := 0; i < len(l.Dots); i++ {
		d := l.Dots[i]
		if finite(d.Value) || d.Why == "" {
			continue
		}
		last := i
		for crowded && last+1 < len(l.Dots) && !finite(l.Dots[last+1].Value) && l.Dots[last+1].Why == d.Why {
			last++
		}
		points = append(points, opts.ScatterData{Name: d.Why, Value: []any{l.Dots[(i+last)/2].At, 0}})
		i = last
	}
	return points
}

// ends are the values written in a chart: all where there is room, else the first and the last,
// which are enough to read the change from.
func (d Dots) ends(l Line, s scale) (points []opts.ScatterData) {
	var shown []Dot
	for _, dot := range l.Dots {
		if finite(dot.Value) {
			shown = append(shown, dot)
		}
	}
	label := func(i int, beside ...int) {
		at := shown[i].top(s)
		for _, k := range beside { // in a small chart a label stands clear of its neighbour's interval
			at = math.Max(at, shown[k].top(s))
		}
		points = append(points, opts.ScatterData{Name: d.Kind.short(*shown[i].Value), Value: []any{shown[i].At, at}})
	}
	switch last := len(shown) - 1; {
	case d.Size == Wide || last < 1:
		for i := range shown {
			label(i)
		}
	case d.Size == Small:
		if 3*(shown[last].At-shown[0].At) >= len(d.Axis) { // else the two would stand on each other
			label(0, 1)
		}
		label(last, last-1)
	default:
		label(0)
		label(last)
	}
	return points
}

// describe reads the chart out.
func (d Dots) describe() string {
	var parts []string
	for _, l := range d.Lines {
		if l.Behind {
			continue
		}
		line := ""
		if len(d.Lines) > 1 && l.Name != "" {
			line = l.Name + ": "
		}
		shown := l.Dots
		if len(shown) > 20 {
			shown = []Dot{shown[0], shown[len(shown)-1]} // the table has the rest
		}
		var values []string
		for _, dot := range shown {
			value := "not shown"
			if finite(dot.Value) {
				value = d.Kind.write(*dot.Value)
			}
			values = append(values, d.Axis[dot.At]+" "+value)
		}
		parts = append(parts, line+strings.Join(values, ", "))
	}
	return d.Label + ". " + strings.Join(parts, "; ") + "."
}

// niceTop ends a shared axis a little above the highest interval, at a number that divides in two.
func niceTop(curves []curve) float64 {
	highest := 0.0
	for _, c := range curves {
		for _, cell := range c.shown() {
			highest = max(highest, cell.Upper*100)
		}
	}
	if highest == 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, m := range []float64{1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 12} {
		if top := m * step; top >= highest*1.02 {
			return top / 100
		}
	}
	return highest / 100
}
