package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// What the checks on real pages rest on: this page breaks every rule, and each breach is seen.
func TestOpenSeesErrorsAndRequests(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	html := `<!doctype html><title>t</title><p id=p>hello</p><img src="http://127.0.0.1:9/pixel.gif"><script>console.error("one"); throw new Error("two")</script>`
	if err := os.WriteFile(page, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Open(t, "file://"+page)
	text, err := chromedp.Run(p.Context, chromedp.Text("#p"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(p.Context, chromedp.Poll[bool]("document.images[0].complete")); err != nil {
		t.Fatal(err)
	}
	if text != "hello" {
		t.Errorf("text = %q, want hello", text)
	}
	if got := p.Requests(); len(got) != 1 || got[0] != "http://127.0.0.1:9/pixel.gif" {
		t.Errorf("requests = %q, want the pixel", got)
	}
	if got := p.Errors(); len(got) < 2 {
		t.Errorf("errors = %q, want the logged and the thrown one", got)
	}
}
