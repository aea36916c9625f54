package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
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
