package reports

import "slices"

// Ranked draws one estimate a name, lying, each as a dot with a bar behind it that is its interval: for names
// that have no order of their own. Rows stand in the order of Names.
type Ranked struct {
	Title, Note string
	Label       string // for those who do not see it: what the values are
	Under       string
	Kind        Kind
	Colour      string
	Names       []string
	Dots        []Dot   // one a name
	Top         float64 // shared end of the value axis, as a value; 0: its own
	Signed      bool    // the axis may go below 0
	Size        Size    // default: Wide
}

// longName is from how many letters on a name is broken into lines, so that a phone has room for the dots.
const longName = 24

// Chart draws the ranking: Dots on its side.
func (r Ranked) Chart() Chart {
	size := r.Size
	if size == "" {
		size = Wide
	}
	if len(r.Names) > 10 {
		size = Tall
	}
	dots := slices.Clone(r.Dots)
	for i := range dots {
		dots[i].At = i
	}
	chart := Dots{Title: r.Title, Note: r.Note, Label: r.Label, Under: r.Under, Kind: r.Kind, Size: Wide, Axis: r.Names, Every: 1,
		Lines: []Line{{Colour: r.Colour, Loose: true, Dots: dots}}, Top: r.Top, Signed: r.Signed}.Chart()
	chart.Size = size

	names, values := chart.Options["xAxis"].([]any)[0].(map[string]any), chart.Options["yAxis"].([]any)[0].(map[string]any)
	names["inverse"] = true // the first name stands at the top
	if slices.ContainsFunc(r.Names, func(name string) bool { return len(name) > longName }) {
		label := names["axisLabel"].(map[string]any)
		label["width"], label["overflow"], label["lineHeight"] = 150, "break", 14
	}
	chart.Options["xAxis"], chart.Options["yAxis"] = []any{values}, []any{names}
	values["axisLabel"].(map[string]any)["hideOverlap"] = true
	grid := chart.Options["grid"].(map[string]any)
	grid["left"], grid["right"] = 14, 56 // names are measured by estimate where there is no browser; the last label
	for _, each := range chart.Options["series"].([]any) {
		series := each.(map[string]any)
		for _, d := range series["data"].([]any) {
			at := d.(map[string]any)["value"].([]any)
			at[0], at[1] = at[1], at[0]
		}
		if label, ok := series["label"].(map[string]any); ok && label["position"] == "top" {
			label["position"] = "right"
		}
	}
	return chart
}
