package reports

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"drumbeat/reports/browsertest"

	"github.com/chromedp/chromedp"
)

var (
	picturesOf   = flag.String("of", "", "folder of editions to take the README's pictures of")
	picturesInto = flag.String("into", "", "folder of the pictures")
)

// TestScreenshots is `make screenshots`: it takes pictures of the newest edition in a folder.
func TestScreenshots(t *testing.T) {
	if *picturesOf == "" {
		t.Skip("taken by `make screenshots`")
	}
	list, err := editions(*picturesOf)
	if err != nil || len(list) == 0 {
		t.Fatalf("no edition in %s (%v)", *picturesOf, err)
	}
	if err := os.MkdirAll(*picturesInto, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, picture := range []struct {
		name, page, scheme, at string // at: the element to begin with
		width, height          int64
	}{
		{"summary", "summary", "light", "header", 1180, 1180},
		{"frequency", "frequency", "light", "#how-often", 1180, 1280},
		{"pains", "pains", "light", "#first", 1180, 1180},
		{"conversations", "conversations", "light", "#waiting", 1180, 860},
		{"curves-dark", "frequency", "dark", "#curves-open", 1180, 640},
		{"phone", "frequency", "light", "#opt-outs", 390, 780},
	} {
		p := browsertest.Open(t, "file://"+filepath.Join(*picturesOf, list[0].Name, picture.page+".html"), emulate(picture.scheme, true), chromedp.EmulateViewport(picture.width, picture.height))
		evaluate[int](t, p, whenReady)
		// The bar of filters sticks to the top, where a picture has no use for it.
		evaluate[int](t, p, `document.querySelectorAll(".filters").forEach(f => f.style.position = "static"), document.documentElement.style.scrollBehavior = "auto", document.documentElement.style.scrollPaddingTop = "0",
			document.querySelector("`+picture.at+`").style.scrollMarginTop = "24px", document.querySelector("`+picture.at+`").scrollIntoView(), new Promise(r => setTimeout(r, 400, 1))`)
		shot, err := chromedp.Run(p.Context, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		var small bytes.Buffer // the browser packs for speed
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, drawn); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*picturesInto, picture.name+".png"), small.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
