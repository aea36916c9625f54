// Package browsertest opens pages in a real Chromium, so that tests see what a reader sees: the
// installed browser if there is one, else the one that npm brought.
package browsertest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// EnvChrome names the browser to use, where the one found by itself is not wanted.
const EnvChrome = "DRUMBEAT_CHROME"

// Page is an open tab. Run actions on Context with chromedp.
type Page struct {
	Context context.Context

	mu       sync.Mutex
	requests []string
	errors   []string
}

// Requests returns the addresses that the page asked for, the page itself and data: addresses
// left out. A self-contained page has none.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Errors returns what the console reported as errors, uncaught exceptions included.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// Open starts a browser with an empty profile, runs the actions of before (such as an emulated
// screen), and navigates to url (file:// or http://). Browser and profile go at the end of the
// test. It fails the test if no browser can be had.
func Open(t testing.TB, url string, before ...chromedp.Action[chromedp.Void]) *Page {
	t.Helper()
	p, end, err := start(context.Background(), t.TempDir(), url, before)
	t.Cleanup(func() {
		if err := end(); err != nil { // waits for the browser to be gone
			t.Errorf("close the browser: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// FirstChart opens a file and says when the browser had painted something, and when the first live chart stood in the
// page, both from the beginning of the navigation. The profile goes into dir.
func FirstChart(ctx context.Context, dir, file string) (paint, live time.Duration, err error) {
	profile, err := os.MkdirTemp(dir, "profile-")
	if err != nil {
		return 0, 0, fmt.Errorf("make a profile: %w", err)
	}
	defer os.RemoveAll(profile)
	p, end, err := start(ctx, profile, "file://"+file, nil)
	if err == nil {
		var ms [2]float64
		ms, err = chromedp.Run(p.Context, chromedp.Evaluate[[2]float64](`new Promise((done, failed) => {
			const look = () => {
				const live = performance.getEntriesByName("chart")[0], paint = performance.getEntriesByName("first-contentful-paint")[0];
				if (live && paint) done([paint.startTime, live.startTime]);
				else if (performance.now() > 30000) failed(new Error("no chart within 30 s"));
				else setTimeout(look, 20);
			};
			look();
		})`, chromedp.EvalAwaitPromise))
		paint, live = time.Duration(ms[0]*1e6), time.Duration(ms[1]*1e6)
	}
	return paint, live, errors.Join(err, end())
}

// start opens a page; end closes the browser, also after an error.
func start(ctx context.Context, profile, url string, before []chromedp.Action[chromedp.Void]) (p *Page, end func() error, err error) {
	end = func() error { return nil }
	browser, err := find()
	if err != nil {
		return nil, end, err
	}
	options := append([]chromedp.ExecAllocatorOption(nil), chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options,
		chromedp.ExecPath(browser.path),
		chromedp.UserDataDir(profile),
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("font-render-hinting", "none"),
	)
	if os.Geteuid() == 0 || browser.unpacked {
		// Chromium refuses root inside its sandbox, and the unpacked one brings no sandbox helper.
		options = append(options, chromedp.NoSandbox)
	}
	if browser.unpacked {
		options = append(options,
			chromedp.Flag("headless", "shell"),
			chromedp.Flag("no-zygote", true),
			chromedp.Flag("disable-webgl", true),
			chromedp.Env(browser.env()...))
	}

	p = &Page{}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithListener(func(event any) { p.listen(url, event) }))
	end = func() error {
		err := chromedp.Cancel(ctx)
		closeTab()
		stop()
		cancel()
		return err
	}
	p.Context = ctx
	if err := chromedp.Do(ctx, append(before, chromedp.Navigate(url))...); err != nil {
		return p, end, fmt.Errorf("open %s in %s: %w", url, browser.path, err)
	}
	return p, end, nil
}

func (p *Page) listen(url string, event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != url && !strings.HasPrefix(e.Request.URL, "data:") {
			p.requests = append(p.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, fmt.Sprint(e.ExceptionDetails.Text, " ", describe(e.ExceptionDetails.Exception)))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.errors = append(p.errors, fmt.Sprint("console.", e.Type, ": ", describe(e.Args...)))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.errors = append(p.errors, fmt.Sprint(e.Entry.Source, ": ", e.Entry.Text))
		}
	}
}

func describe(args ...*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a == nil {
			continue
		}
		if a.Description != "" {
			words = append(words, a.Description)
		} else {
			words = append(words, string(a.Value))
		}
	}
	return strings.Join(words, " ")
}

type browser struct {
	path     string
	unpacked bool // from npm, with the libraries and fonts that a bare system lacks beside it
}

func (b browser) env() []string {
	dir := filepath.Dir(b.path)
	return []string{
		"LD_LIBRARY_PATH=" + filepath.Join(dir, "al2023", "lib") + ":" + os.Getenv("LD_LIBRARY_PATH"),
		"FONTCONFIG_PATH=" + filepath.Join(dir, "fonts"),
	}
}

func find() (browser, error) {
	if path := os.Getenv(EnvChrome); path != "" {
		return browser{path: path}, nil
	}
	for _, name := range []string{"google-chrome", "google-chrome-stable", "chromium", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			return browser{path: path}, nil
		}
	}
	return unpack()
}

var unpackOnce = sync.OnceValues(unpackBrowser)

func unpack() (browser, error) { return unpackOnce() }

// unpackBrowser inflates the browser of node_modules into build/browser, once per version of it.
func unpackBrowser() (browser, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return browser{}, fmt.Errorf("find the project's folder: %w", err)
	}
	packed := ""
	for dir := root; packed == ""; dir = filepath.Dir(dir) {
		bin := filepath.Join(dir, "node_modules", "@sparticuz", "chromium", "bin")
		if _, err := os.Stat(filepath.Join(bin, "chromium.br")); err == nil {
			root, packed = dir, bin
		} else if dir == filepath.Dir(dir) {
			return browser{}, fmt.Errorf("no browser: install Chrome or Chromium, name one in %s, or run `npm ci` in the project's folder", EnvChrome)
		}
	}
	stamp, err := os.Stat(filepath.Join(packed, "chromium.br"))
	if err != nil {
		return browser{}, fmt.Errorf("look at the packed browser: %w", err)
	}
	// The size names the version well enough, and needs no reading of 67 MB.
	dir := filepath.Join(root, "build", "browser", fmt.Sprint(stamp.Size()))
	found := browser{path: filepath.Join(dir, "chromium"), unpacked: true}
	if _, err := os.Stat(found.path); err == nil {
		return found, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return browser{}, fmt.Errorf("make the browser's folder: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "half-")
	if err != nil {
		return browser{}, fmt.Errorf("make the browser's folder: %w", err)
	}
	defer os.RemoveAll(half)
	if err := inflateFile(filepath.Join(packed, "chromium.br"), filepath.Join(half, "chromium")); err != nil {
		return browser{}, err
	}
	for _, name := range []string{"al2023", "fonts", "swiftshader"} {
		into := filepath.Join(half, name)
		if name == "swiftshader" {
			into = half // the browser looks for these libraries beside itself
		}
		if err := inflateTar(filepath.Join(packed, name+".tar.br"), into); err != nil {
			return browser{}, err
		}
	}
	// The archive's own configuration looks for fonts where its usual host keeps them.
	config := `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>` +
		`<dir prefix="relative">.</dir><dir>/usr/share/fonts</dir><cachedir>` + filepath.Join(dir, "fonts-cache") + `</cachedir></fontconfig>`
	if err := os.WriteFile(filepath.Join(half, "fonts", "fonts.conf"), []byte(config), 0o644); err != nil {
		return browser{}, fmt.Errorf("configure the browser's fonts: %w", err)
	}
	// Another test package may have been faster.
	if err := os.Rename(half, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Stat(found.path); statErr != nil {
			return browser{}, fmt.Errorf("put the browser in place: %w", err)
		}
	}
	return found, nil
}

func inflateFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the packed browser: %w", err)
	}
	defer in.Close()
	return write(to, brotli.NewReader(in), 0o755)
}

func inflateTar(from, into string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the packed browser: %w", err)
	}
	defer in.Close()
	archive := tar.NewReader(brotli.NewReader(in))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", filepath.Base(from), err)
		}
		// The archives may hold their own folder as first element: al2023/lib/..., fonts/...
		name := strings.TrimPrefix(filepath.Clean("/"+header.Name), "/")
		name = strings.TrimPrefix(name, filepath.Base(into)+"/")
		path := filepath.Join(into, name)
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(header.Linkname, path))
		case tar.TypeReg:
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), write(path, archive, fs.FileMode(header.Mode)&0o777))
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(from), err)
		}
	}
}

func write(path string, from io.Reader, mode fs.FileMode) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("unpack the browser: %w", err)
	}
	if _, err := io.Copy(out, from); err != nil {
		out.Close()
		return fmt.Errorf("unpack %s: %w", filepath.Base(path), err)
	}
	return out.Close()
}
