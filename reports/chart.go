package reports

import (
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Chart is one panel of a figure. Dots, Bars and Heat make them.
type Chart struct {
	Title   string         // of the panel; "" where the figure has one only
	Note    string         // under the panel's title
	Label   string         // what it shows, in a sentence, for those who do not see it
	Under   string         // what stands on the axis
	Key     []KeyItem      // of a heat map: what the colours mean
	Size    Size           // default: Medium
	Bare    bool           // no estimate is large enough to show
	Options map[string]any // ECharts options; each mark's last value is its row in the figure's table
}

// KeyItem is one colour and what it means.
type KeyItem struct {
	Symbol string // of a mark; else a swatch of the colour
	Colour template.CSS
	Words  string
}

// Size is the height of a chart, and how many stand side by side.
type Size string

// The sizes.
const (
	Small  Size = "small"  // one of many
	Medium Size = "medium" // one of up to three
	Wide   Size = "wide"   // the whole width
	Tall   Size = "tall"   // the whole width, for many bars
)

// Colours are custom properties of the page: the drawing follows light, dark and print.
const (
	Engage = "var(--engage)" // opens, clicks, replies
	Leave  = "var(--leave)"  // opt-outs
	Plain  = "var(--plain)"  // what is neither
	ink    = "var(--ink)"
	muted  = "var(--muted)"
	rule   = "var(--rule)"
	paper  = "var(--page)"
	clear  = "transparent"
)

// frame sets what all charts have in common.
func frame(chart *charts.RectChart, x opts.XAxis, y opts.YAxis, trigger string) {
	chart.SetGlobalOptions(
		charts.WithAnimation(false),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: trigger, BackgroundColor: paper, BorderColor: rule,
			AxisPointer: &opts.AxisPointer{Type: "line"}}),
		charts.WithXAxisOpts(x), charts.WithYAxisOpts(y),
	)
}

// finish turns a builder into plain options, with the words of ECharts that go-echarts has no name for.
func finish(builder interface {
	Validate()
	JSON() map[string]interface{}
}, adapt func(options, x, y map[string]any)) map[string]any {
	builder.Validate()
	text, err := json.Marshal(builder.JSON())
	if err != nil {
		panic(fmt.Sprintf("build a chart: %v", err)) // numbers and strings only: cannot happen
	}
	var options map[string]any
	if err := json.Unmarshal(text, &options); err != nil {
		panic(fmt.Sprintf("build a chart: %v", err))
	}
	for _, unused := range []string{"color", "toolbox", "title", "legend", "dataset"} {
		delete(options, unused)
	}
	options["textStyle"] = map[string]any{"fontFamily": "inherit"}
	x := options["xAxis"].([]any)[0].(map[string]any)
	y := options["yAxis"].([]any)[0].(map[string]any)
	if options["series"] == nil {
		options["series"] = []any{}
	}
	for i, s := range options["series"].([]any) {
		series := s.(map[string]any)
		series["z"] = i + 2
		series["emphasis"] = map[string]any{"disabled": true}
		if series["data"] == nil {
			series["data"] = []any{}
		}
	}
	adapt(options, x, y)
	return options
}
