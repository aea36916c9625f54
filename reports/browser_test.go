package reports

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"drumbeat/reports/browsertest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "folder for screenshots of the pages, to look at")

// library finds the chart library as `npm ci` brings it.
func library(t testing.TB) []byte {
	t.Helper()
	js, err := os.ReadFile("../node_modules/echarts/dist/echarts.common.min.js")
	if err != nil {
		t.Fatalf("read the chart library (run `npm ci`): %v", err)
	}
	return js
}

const definitions = `## Reply rate

Share of messages that got at least one reply within 24 hours.

| part | definition |
| --- | --- |
| base | proactive messages delivered or opened |
| grain | one message |
`

func TestPageInBrowser(t *testing.T) {
	dir := t.TempDir()
	pages, err := Render(context.Background(), spring(), Options{Dir: dir, Echarts: library(t), Definitions: definitions})
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range []struct {
		name   string
		width  int64
		scheme string
	}{{"light", 1280, "light"}, {"dark", 1280, "dark"}, {"phone", 390, "light"}} {
		t.Run(view.name, func(t *testing.T) {
			scheme := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}}})
				return err
			})
			p := browsertest.Open(t, "file://"+pages.Report, scheme, chromedp.EmulateViewport(view.width, 900))
			number := func(js string) int {
				t.Helper()
				n, err := chromedp.Run(p.Context, chromedp.Evaluate[int](js))
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			charts := number(`document.querySelectorAll("figure[data-chart]").length`)
			drawn := number(`document.querySelectorAll("figure[data-chart] svg path").length`)
			overflow := number(`document.documentElement.scrollWidth - innerWidth`)
			if charts < 5 || drawn < charts*3 {
				t.Errorf("%d charts hold %d paths, want some in each of at least 5", charts, drawn)
			}
			if overflow > 0 {
				t.Errorf("the page is %d px wider than the window", overflow)
			}
			if bad := number(`[...document.querySelectorAll("figure[data-chart]")].filter(f => f.querySelector("svg").clientWidth !== f.clientWidth).length`); bad > 0 {
				t.Errorf("%d charts do not fill their place", bad)
			}
			if got := p.Requests(); len(got) > 0 {
				t.Errorf("the page asked for %q, want nothing", got)
			}
			if got := p.Errors(); len(got) > 0 {
				t.Errorf("the console says %q", got)
			}
			if *shots != "" {
				shoot(t, p.Context, filepath.Join(*shots, view.name))
			}
		})
	}
}

// Names that want to be markup stay names once a browser has read them and ECharts has drawn them.
func TestHostileNamesInBrowser(t *testing.T) {
	pages, err := Render(t.Context(), hostile(), Options{Dir: t.TempDir(), Echarts: library(t), Definitions: hostileDefinitions})
	if err != nil {
		t.Fatal(err)
	}
	p := browsertest.Open(t, "file://"+pages.Report)
	n, err := chromedp.Run(p.Context, chromedp.Evaluate[int](`
		document.querySelectorAll(".small figure").forEach(f => {
			const chart = f.querySelector("svg"), at = chart.getBoundingClientRect();
			chart.dispatchEvent(new MouseEvent("mousemove", {bubbles: true, clientX: at.x + at.width / 2, clientY: at.y + at.height / 2}));
		});
		document.querySelectorAll("img, [onerror], [onmouseover], a[href^=javascript], a[href^=http]").length`))
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		t.Errorf("%d elements came from names", n)
	}
	if got := append(p.Errors(), p.Requests()...); len(got) > 0 {
		t.Errorf("the browser says %q", got)
	}
}

func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(name+".png", png, 0o644), os.WriteFile(name+".pdf", pdf, 0o644)); err != nil {
		t.Fatal(err)
	}
}
