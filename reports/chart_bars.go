package reports

import (
	"html/template"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Bars draws counts, stacked where there are several. Parts differ in pattern too.
type Bars struct {
	Title, Note string
	Label       string
	Under       string
	Kind        Kind
	Size        Size
	Across      bool     // lie, with their names at the left
	Axis        []string // names of the bars
	Parts       []Part
}

// Part is one part of every bar.
type Part struct {
	Name   string
	Colour string
	Values []*float64 // one a bar; nil: not shown
	Rows   []int      // of the figure's table, one a bar
}

// Chart draws the bars.
func (b Bars) Chart() Chart {
	s := b.Kind.scale()
	bar := charts.NewBar()
	names := opts.XAxis{Type: "category",
		AxisLine:  &opts.AxisLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: muted}},
		AxisTick:  &opts.AxisTick{Show: opts.Bool(false)},
		AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ink, FontSize: 12},
	}
	values := opts.YAxis{Type: "value", Min: 0,
		AxisLine:  &opts.AxisLine{Show: opts.Bool(false)},
		SplitLine: &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: rule}},
		AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: muted, FontSize: 12},
	}
	frame(&bar.RectChart, names, values, "axis")
	bar.SetXAxis(b.Axis)
	for i, part := range b.Parts {
		var data []opts.BarData
		for k, v := range part.Values {
			d := opts.BarData{Value: []any{k, nil, part.Rows[k]}}
			if finite(v) {
				d.Value = []any{k, s.plotted(*v), part.Rows[k]}
				d.Name = b.Kind.short(*v)
			}
			data = append(data, d)
		}
		last := i == len(b.Parts)-1
		position := "top"
		if b.Across {
			position = "right"
		}
		bar.AddSeries(part.Name, data,
			charts.WithBarChartOpts(opts.BarChart{Stack: "all"}),
			charts.WithItemStyleOpts(opts.ItemStyle{Color: part.Colour, BorderColor: paper, BorderWidth: 0.5}),
			charts.WithLabelOpts(opts.Label{Show: opts.Bool(last && len(b.Parts) == 1 && len(b.Axis) <= 20), Position: position, Formatter: "{b}", Color: ink, FontSize: 12}))
	}
	options := finish(bar, func(options, x, y map[string]any) {
		options["grid"] = map[string]any{"left": 4, "right": 40, "top": 24, "bottom": 2, "outerBoundsMode": "same", "outerBoundsContain": "axisLabel"}
		options["xAxis"], options["yAxis"] = []any{x}, []any{y}
		y["axisLabel"].(map[string]any)["formatter"] = "{value}" + s.suffix
		y["splitNumber"] = 4
		x["axisPointer"] = map[string]any{"type": "none"}
		if len(b.Axis) > 20 {
			x["axisLabel"].(map[string]any)["interval"] = len(b.Axis) / 8
		} else {
			x["axisLabel"].(map[string]any)["interval"] = 0
		}
		for i, each := range options["series"].([]any) {
			series := each.(map[string]any)
			if b.Across {
				for _, d := range series["data"].([]any) {
					value := d.(map[string]any)["value"].([]any)
					value[0], value[1] = value[1], value[0]
				}
			}
			series["cursor"], series["barMaxWidth"] = "default", 36
			if i > 0 {
				series["itemStyle"].(map[string]any)["decal"] = map[string]any{"symbol": "rect", "dashArrayX": []any{1, 0}, "dashArrayY": []any{2, 3}, "rotation": -0.785, "color": "rgba(255,255,255,.55)"}
			}
		}
		if b.Across {
			x["inverse"] = true
			options["xAxis"], options["yAxis"] = []any{y}, []any{x}
		}
	})
	return Chart{Title: b.Title, Note: b.Note, Label: b.describe(), Under: b.Under, Size: b.Size, Key: b.key(), Options: options}
}

func (b Bars) key() (key []KeyItem) {
	if len(b.Parts) > 1 {
		for i, p := range b.Parts {
			key = append(key, KeyItem{[]string{"■", "▨"}[min(i, 1)], template.CSS(p.Colour), p.Name})
		}
	}
	return key
}

func (b Bars) describe() string {
	var parts []string
	for i, name := range b.Axis {
		if i == 20 {
			parts = append(parts, "and more in the table")
			break
		}
		for _, p := range b.Parts {
			value := "not shown"
			if finite(p.Values[i]) {
				value = b.Kind.write(*p.Values[i])
			}
			if len(b.Parts) > 1 {
				value = p.Name + " " + value
			}
			parts = append(parts, name+" "+value)
		}
	}
	return b.Label + ". " + strings.Join(parts, ", ") + "."
}
