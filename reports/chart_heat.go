package reports

import (
	"fmt"
	"html/template"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Heat draws one value for each pair of two ordered things, the farther from the paper's colour the more. Lightness alone
// carries the value, so it reads without seeing colour.
type Heat struct {
	Title, Note string
	Label       string
	Under       string
	Kind        Kind
	X, Y        []string
	Cells       []HeatCell
}

// HeatCell is one cell; without a value it stays empty.
type HeatCell struct {
	X, Y, Row int
	Value     *float64
}

const heatSteps = 6 // --heat-1 to --heat-6 in the page's style

// Chart draws the cells.
func (h Heat) Chart() Chart {
	s := h.Kind.scale()
	var low, high float64
	first := true
	for _, c := range h.Cells {
		if finite(c.Value) {
			if v := s.plotted(*c.Value); first {
				low, high, first = v, v, false
			} else {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	step := func(v float64) int {
		if high <= low {
			return 1
		}
		return min(1+int((v-low)/(high-low)*heatSteps), heatSteps)
	}
	heat := charts.NewHeatMap()
	label := &opts.AxisLabel{Show: opts.Bool(true), Color: ink, FontSize: 11}
	none := &opts.AxisTick{Show: opts.Bool(false)}
	frame(&heat.RectChart, opts.XAxis{Type: "category", Data: h.X, AxisLabel: label, AxisTick: none, AxisLine: &opts.AxisLine{Show: opts.Bool(false)}},
		opts.YAxis{Type: "category", Data: h.Y, AxisLabel: label, AxisLine: &opts.AxisLine{Show: opts.Bool(false)}}, "item")
	heat.SetXAxis(h.X)
	var data []opts.HeatMapData
	for _, c := range h.Cells {
		if finite(c.Value) {
			data = append(data, opts.HeatMapData{Value: []any{c.X, c.Y, s.plotted(*c.Value), c.Row}})
		}
	}
	heat.AddSeries("value", data, charts.WithItemStyleOpts(opts.ItemStyle{BorderColor: paper, BorderWidth: 1.5}))
	options := finish(heat, func(options, x, y map[string]any) {
		options["grid"] = map[string]any{"left": 4, "right": 4, "top": 4, "bottom": 2, "outerBoundsMode": "same", "outerBoundsContain": "axisLabel"}
		y["inverse"] = true
		y["axisTick"] = map[string]any{"show": false}
		x["splitArea"] = map[string]any{"show": false}
		for _, d := range options["series"].([]any)[0].(map[string]any)["data"].([]any) {
			cell := d.(map[string]any)
			cell["itemStyle"] = map[string]any{"color": fmt.Sprintf("var(--heat-%d)", step(cell["value"].([]any)[2].(float64)))}
		}
	})
	var key []KeyItem
	for i := range heatSteps {
		words := ""
		switch i {
		case 0:
			words = h.Kind.write(low / s.factor)
		case heatSteps - 1:
			words = h.Kind.write(high / s.factor)
		}
		key = append(key, KeyItem{"", template.CSS(fmt.Sprintf("var(--heat-%d)", i+1)), words})
	}
	return Chart{Title: h.Title, Note: h.Note, Under: h.Under, Size: Wide, Key: key, Options: options,
		Label: fmt.Sprintf("%s: from %s to %s. The table has every value.", h.Label, h.Kind.write(low/s.factor), h.Kind.write(high/s.factor))}
}
