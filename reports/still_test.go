package reports

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drumbeat/reports/browsertest"

	"github.com/chromedp/chromedp"
)

// Stills say what the live charts say, in the same places: ECharts in the browser is the judge.
func TestStillsAreTheLiveCharts(t *testing.T) {
	rendered := renderSpring(t, library(t))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(rendered.Report), "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	const texts = `Object.fromEntries([...document.querySelectorAll(".chart")].map(c => {
		const box = c.getBoundingClientRect();
		return [c.id, [...c.querySelectorAll("svg text")].map(t => { const r = t.getBoundingClientRect(); return [t.textContent.trim(), r.x + r.width / 2 - box.x, r.y + r.height / 2 - box.y]; })
			.filter(t => t[0]).sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2])];
	}))`
	tick := regexp.MustCompile(`^[0-9]+0%$`)
	compared := 0
	for _, file := range files {
		stills := browsertest.Open(t, "file://"+file, emulate("light", false), chromedp.EmulateViewport(1280, 900))
		live := browsertest.Open(t, "file://"+file, emulate("light", true), chromedp.EmulateViewport(1280, 900))
		evaluate[int](t, live, whenReady)
		evaluate[int](t, live, drawAll)
		want, got := evaluate[map[string][][3]any](t, live, texts), evaluate[map[string][][3]any](t, stills, texts)
		for id, labels := range want {
			compared++
			said := func(labels [][3]any) (words []string) {
				for _, l := range labels {
					words = append(words, fmt.Sprint(l[0]))
				}
				return words
			}
			// With hideOverlap the live chart may leave a label of the value axis out; stills do not follow it there.
			got[id] = slices.DeleteFunc(got[id], func(g [3]any) bool {
				return tick.MatchString(g[0].(string)) && !slices.ContainsFunc(labels, func(w [3]any) bool { return w[0] == g[0] })
			})
			if w, g := strings.Join(said(labels), "|"), strings.Join(said(got[id]), "|"); w != g {
				t.Errorf("%s: the still says %s, the live chart %s", id, g, w)
				continue
			}
			for i, w := range labels {
				g := got[id][i]
				if far := math.Hypot(g[1].(float64)-w[1].(float64), g[2].(float64)-w[2].(float64)); far > 8 {
					t.Errorf("%s: %q stands %.0f px from where it is in the live chart (%.0f, %.0f and %.0f, %.0f)", id, w[0], far, g[1], g[2], w[1], w[2])
				}
			}
		}
	}
	if compared < 30 {
		t.Errorf("only %d charts were compared", compared)
	}
}
