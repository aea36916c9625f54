package reports

import (
	"os"
	"testing"

	"drumbeat/reports/browsertest"

	"github.com/chromedp/chromedp"
)

func TestLook(t *testing.T) {
	if os.Getenv("LOOK") == "" {
		t.Skip()
	}
	p := browsertest.Open(t, "file://"+os.Getenv("LOOK"), chromedp.EmulateViewport(1280, 900))
	shoot(t, p.Context, os.Getenv("LOOKTO"))
	t.Log(p.Errors(), p.Requests())
}
