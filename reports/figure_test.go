package reports

import (
	"slices"
	"testing"
)

func TestChartsWithoutMarksAreLeftOut(t *testing.T) {
	panel := func(title string, lower *float64) Chart {
		value, upper := .2, .3
		return Dots{Title: title, Kind: Percent, Axis: []string{"1", "2"}, Lines: []Line{{Dots: []Dot{{Value: &value, Lower: lower, Upper: &upper}, {At: 1, Why: "<5"}}}}}.Chart()
	}
	low := .1
	for _, c := range []struct {
		name     string
		all, one []Chart // of the view of everything, and of a slice
		want     []string
		note     string
	}{
		{"all have marks", []Chart{panel("a", &low), panel("b", &low)}, []Chart{panel("a", nil), panel("b", nil)}, []string{"a", "b"}, ""},
		{"one has none", []Chart{panel("a", &low), panel("b", nil)}, []Chart{panel("a", nil), panel("b", nil)}, []string{"a"}, "Not drawn, for too little data: b."},
		{"a slice has some", []Chart{panel("a", nil), panel("b", nil)}, []Chart{panel("a", nil), panel("b", &low)}, []string{"b"}, "Not drawn, for too little data: a."},
		{"none has any", []Chart{panel("a", nil)}, []Chart{panel("a", nil)}, nil, "Too little data to draw; the table says why."},
	} {
		f := Figure{Notes: []string{"first"}, Views: []View{{Charts: c.all}, {Slice: Slice{Market: "PH"}, Charts: c.one}}}
		got := f.withoutBare()
		for _, v := range got.Views {
			var titles []string
			for _, chart := range v.Charts {
				titles = append(titles, chart.Title)
			}
			if !slices.Equal(titles, c.want) {
				t.Errorf("%s: charts %v of the view of %+v, want %v", c.name, titles, v.Slice, c.want)
			}
		}
		want := []string{"first"}
		if c.note != "" {
			want = append(want, c.note)
		}
		if !slices.Equal(got.Notes, want) || len(f.Notes) != 1 {
			t.Errorf("%s: notes %q, want %q; of the figure itself %q", c.name, got.Notes, want, f.Notes)
		}
	}
}
