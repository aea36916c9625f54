package reports

import (
	"cmp"
	"slices"
)

// At most so many segments of a dimension can be chosen on a page, the largest; a query has all.
const mostSegments = 12

// sliced are the rows of one slice.
type sliced[R any] struct {
	Slice Slice
	Rows  []R
}

// bySlice groups rows by the slices that a filter knows: everything first, then channels, markets and
// categories by name. of gives a row's dimension, segment and size.
func bySlice[R any](rows []R, of func(R) (dimension, segment string, size uint64)) []sliced[R] {
	type group struct {
		sliced[R]
		size uint64
	}
	known := map[string]func(string) Slice{
		all:        func(string) Slice { return Slice{} },
		"channel":  func(s string) Slice { return Slice{Channel: s} },
		"market":   func(s string) Slice { return Slice{Market: s} },
		"category": func(s string) Slice { return Slice{Category: s} },
	}
	var list []sliced[R]
	for _, dimension := range []string{all, "channel", "market", "category"} {
		groups := map[string]*group{}
		for _, r := range rows {
			d, segment, size := of(r)
			if d != dimension || d != all && segment == "" {
				continue
			}
			g := groups[segment]
			if g == nil {
				g = &group{sliced: sliced[R]{Slice: known[d](segment)}}
				groups[segment] = g
			}
			g.Rows, g.size = append(g.Rows, r), g.size+size
		}
		var found []*group
		for _, g := range groups {
			found = append(found, g)
		}
		name := func(g *group) string { return g.Slice.Channel + g.Slice.Market + g.Slice.Category }
		slices.SortFunc(found, func(a, b *group) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(name(a), name(b))) })
		found = found[:min(len(found), mostSegments)]
		slices.SortFunc(found, func(a, b *group) int { return cmp.Compare(name(a), name(b)) })
		for _, g := range found {
			list = append(list, g.sliced)
		}
	}
	if len(list) > 0 && list[0].Slice != (Slice{}) {
		return nil // without everything together there is nothing to filter
	}
	return list
}

// words name a slice: "market PH".
func (s Slice) words() string {
	text := ""
	for _, part := range []struct{ name, value string }{{"channel", s.Channel}, {"market", s.Market}, {"category", s.Category}} {
		if part.value != "" && part.value != all {
			if text != "" {
				text += ", "
			}
			text += part.name + " " + part.value
		}
	}
	return text
}
