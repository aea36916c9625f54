package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// chart is one figure: what ECharts draws, and what those hear who do not see it.
type chart struct {
	ID      string
	Label   string      // what it shows, in a sentence, for a screen reader
	Payload template.JS // {"options": ..., "tips": [["line", ...], ...]}; json escapes <, > and &
}

// look says how a curve is drawn.
type look struct {
	id     string
	label  string
	colour string // a custom property of the page, so that dark mode and print need no second chart
	scale  scale
	unit   string   // after the events in a tooltip: "replies"
	base   string   // after n: "messages"
	when   string   // before a bin in a tooltip: "in 7 days"
	small  bool     // one of many: no n under the axis, few labels
	wide   bool     // room to write every value
	top    *float64 // shared end of the value axis, in ratio
	behind *curve   // reference drawn in grey
}

// Colours are custom properties: the SVG resolves them, and follows light, dark and print.
const (
	inkColour   = "var(--ink)"
	mutedColour = "var(--muted)"
	gridColour  = "var(--rule)"
	cardColour  = "var(--page)"
)

// draw builds a curve as dots with their intervals over the bins.
func draw(c curve, l look) (chart, error) {
	line := charts.NewLine()
	line.SetGlobalOptions(
		charts.WithInitializationOpts(opts.Initialization{ChartID: l.id}),
		charts.WithAnimation(false),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "axis", BackgroundColor: cardColour, BorderColor: gridColour,
			AxisPointer: &opts.AxisPointer{Type: "line"}}),
		charts.WithXAxisOpts(opts.XAxis{
			Type:      "category",
			AxisLine:  &opts.AxisLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: mutedColour}},
			AxisTick:  &opts.AxisTick{Show: opts.Bool(false)},
			AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: inkColour, FontSize: 12, ShowMinLabel: opts.Bool(true), ShowMaxLabel: opts.Bool(true)},
		}),
		charts.WithYAxisOpts(opts.YAxis{
			Type:      "value",
			Min:       0,
			AxisLine:  &opts.AxisLine{Show: opts.Bool(false)},
			SplitLine: &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: gridColour}},
			AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: mutedColour, FontSize: 12},
		}),
	)

	var labels []string
	var tips [][]string
	var rates, spans, reference []opts.LineData
	var ends, absent []opts.ScatterData
	for i, cell := range c.Cells {
		name := bin(cell.From, cell.To)
		if !l.small {
			n := shortCount(cell.N)
			if !cell.Shown && cell.Contacts < fewContacts {
				n = "<30"
			}
			name = "{bin|" + name + "}\n{n|" + n + "}"
		} else if last := len(c.Cells) - 1; last > 4 && i != last && (i%2 == 1 || i == last-1) {
			name = "" // no room for all; the ends and every second one are enough to read the rest
		}
		labels = append(labels, name)
		tips = append(tips, tip(cell, l))
		if !cell.Shown {
			rates = append(rates, opts.LineData{Value: []any{i, nil}}) // breaks the line
			absent = append(absent, opts.ScatterData{Name: cell.why(), Value: []any{i, 0}})
			continue
		}
		lower, rate, upper := l.scale.plotted(cell.Lower), l.scale.plotted(cell.Rate), l.scale.plotted(cell.Upper)
		rates = append(rates, opts.LineData{Value: []any{i, rate}})
		spans = append(spans, opts.LineData{Value: []any{i, lower}}, opts.LineData{Value: []any{i, upper}}, opts.LineData{Value: []any{i, nil}})
		ends = append(ends, opts.ScatterData{Name: l.scale.one(cell.Rate), Value: []any{i, upper}})
	}
	if last := len(ends) - 1; !l.wide && last > 0 {
		// Enough to read the change from. In a small chart each stands clear of its neighbour's interval too.
		clear := func(i, neighbour int) opts.ScatterData {
			at, beside := ends[i].Value.([]any), ends[neighbour].Value.([]any)
			return opts.ScatterData{Name: ends[i].Name, Value: []any{at[0], max(at[1].(float64), beside[1].(float64))}}
		}
		if l.small {
			ends = []opts.ScatterData{clear(0, 1), clear(last, last-1)}
		} else {
			ends = []opts.ScatterData{ends[0], ends[last]}
		}
	}
	if l.behind != nil {
		for i, cell := range c.Cells {
			for _, all := range l.behind.Cells {
				if all.From == cell.From && all.To == cell.To && all.Shown {
					reference = append(reference, opts.LineData{Value: []any{i, l.scale.plotted(all.Rate)}})
				}
			}
		}
	}

	width, dot := float32(8), 9
	if l.small {
		width, dot = 5, 6
	}
	unseen := charts.WithItemStyleOpts(opts.ItemStyle{Color: "transparent"}) // opacity would hide the label too
	line.SetXAxis(labels)
	line.AddSeries("reference", reference,
		charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false)}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: mutedColour, Width: 1.5, Opacity: opts.Float(0.7)}))
	line.AddSeries("interval", spans,
		charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false)}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: l.colour, Width: width, Opacity: opts.Float(0.3)}))
	line.AddSeries("rate", rates,
		charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(true), Symbol: "circle", SymbolSize: dot}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: l.colour, Width: 1.5, Opacity: opts.Float(0.75)}),
		charts.WithItemStyleOpts(opts.ItemStyle{Color: l.colour, BorderColor: cardColour, BorderWidth: 1.5, Opacity: opts.Float(1)}))
	marks := charts.NewScatter()
	marks.AddSeries("value", ends, unseen, charts.WithScatterChartOpts(opts.ScatterChart{SymbolSize: 1}),
		charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "top", Formatter: "{b}", Color: inkColour, FontSize: 12, FontWeight: "600"}))
	marks.AddSeries("suppressed", absent, unseen, charts.WithScatterChartOpts(opts.ScatterChart{SymbolSize: 1}),
		charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "top", Formatter: "{b}", Color: mutedColour, FontSize: 11}))
	line.Overlap(marks)
	line.Validate()

	// The words below are ECharts' own, which go-echarts has no name for.
	options, err := loosen(line.JSON())
	if err != nil {
		return chart{}, fmt.Errorf("build the chart %s: %w", l.id, err)
	}
	delete(options, "color") // each series states its own
	delete(options, "toolbox")
	options["textStyle"] = map[string]any{}
	options["grid"] = map[string]any{"left": 4, "right": 8, "top": 24, "bottom": 2, "outerBoundsMode": "same", "outerBoundsContain": "axisLabel"}
	x := options["xAxis"].([]any)[0].(map[string]any)
	y := options["yAxis"].([]any)[0].(map[string]any)
	xLabel, yLabel := x["axisLabel"].(map[string]any), y["axisLabel"].(map[string]any)
	x["axisPointer"] = map[string]any{"lineStyle": map[string]any{"color": mutedColour, "type": "solid", "width": 1}, "label": map[string]any{"show": false}}
	xLabel["interval"] = 0
	xLabel["rich"] = map[string]any{
		"bin": map[string]any{"color": inkColour, "fontSize": 13, "lineHeight": 20},
		"n":   map[string]any{"color": mutedColour, "fontSize": 11, "lineHeight": 15},
	}
	yLabel["formatter"] = "{value}" + l.scale.suffix
	y["splitNumber"] = 4
	if l.small {
		y["splitNumber"], xLabel["fontSize"], yLabel["fontSize"] = 2, 11, 11
	}
	if l.top != nil {
		y["max"], y["interval"] = l.scale.plotted(*l.top), l.scale.plotted(*l.top/2)
	}
	for i, s := range options["series"].([]any) {
		series := s.(map[string]any)
		series["z"] = i + 2
		series["emphasis"] = map[string]any{"disabled": true}
		if series["data"] == nil {
			series["data"] = []any{}
		}
		switch series["name"] {
		case "rate":
			series["showAllSymbol"] = true
			continue
		case "interval":
			series["lineStyle"].(map[string]any)["cap"] = "round"
		case "value":
			series["label"].(map[string]any)["distance"] = width
			if points, _ := series["data"].([]any); l.small && len(points) == 2 {
				points[0].(map[string]any)["label"] = map[string]any{"align": "left"} // off the axis
				points[1].(map[string]any)["label"] = map[string]any{"align": "right"}
			}
		}
		series["silent"] = true
		series["tooltip"] = map[string]any{"show": false}
	}

	payload, err := json.Marshal(map[string]any{"options": options, "tips": tips})
	if err != nil {
		return chart{}, fmt.Errorf("write the chart %s: %w", l.id, err)
	}
	return chart{ID: l.id, Label: l.label + describe(c, l), Payload: template.JS(payload)}, nil
}

// loosen turns the builder's structs into plain JSON values.
func loosen(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	return plain, json.Unmarshal(text, &plain)
}

func tip(c cell, l look) []string {
	head := bin(c.From, c.To) + " " + l.when
	switch {
	case c.Shown:
		return []string{head, l.scale.one(c.Rate), "95% interval " + l.scale.between(c.Lower, c.Upper),
			count(c.Events) + " " + l.unit + ", " + count(c.N) + " " + l.base + ", " + count(c.Contacts) + " contacts"}
	case c.Contacts < fewContacts:
		return []string{head, "not shown", "fewer than 30 contacts"}
	}
	return []string{head, "not shown", "fewer than 5 " + l.unit}
}

// describe reads the curve out.
func describe(c curve, l look) string {
	var parts []string
	for _, cell := range c.Cells {
		if cell.Shown {
			parts = append(parts, bin(cell.From, cell.To)+": "+l.scale.one(cell.Rate))
		} else {
			parts = append(parts, bin(cell.From, cell.To)+": not shown")
		}
	}
	return " " + strings.Join(parts, ", ") + "."
}
