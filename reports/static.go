package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/dop251/goja"
)

// static draws charts without a browser: the same library and options, run inside this process. The
// drawings stand in the page for those without scripts, for paper, and until the live chart is there.
type static struct{ library *goja.Program }

func newStatic(library []byte) (*static, error) {
	program, err := goja.Compile("charts.min.js", string(library), false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLibrary, err)
	}
	return &static{program}, nil
}

// drawing is one chart to draw; svg is set by draw.
type drawing struct {
	id            string
	chart         Chart
	width, height int
	svg           template.HTML
}

// drawn is how large a drawing is in its own units; the page scales it to its place, which is of that
// size on a wide screen.
func drawn(size Size, panels int) (width, height int) {
	switch {
	case size == Small:
		return 230, 144
	case size == Wide:
		return 1000, 320
	case size == Tall:
		return 1000, 460
	case panels > 2:
		return 320, 280
	}
	return 480, 280
}

// draw fills every drawing, on all cores. The same charts give the same bytes, whoever draws them.
func (s *static) draw(drawings []*drawing) error {
	// The drawings leave much garbage and little else for a second or two: collecting less often halves the time.
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	work := make(chan *drawing, len(drawings))
	for _, d := range drawings {
		work <- d
	}
	close(work)
	errs := make(chan error, runtime.GOMAXPROCS(0))
	var drawers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(drawings)) {
		drawers.Go(func() {
			render, err := s.renderer()
			for d := range work {
				if err == nil {
					err = render(d)
				}
			}
			errs <- err
		})
	}
	drawers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const drawScript = `(function (text, width, height) {
	var chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: width, height: height });
	var options = JSON.parse(text);
	delete options.tooltip; // a still has none
	options.series = options.series.filter(function (s) { return s.data.length > 0; });
	chart.setOption(options);
	var svg = chart.renderToSVGString();
	chart.dispose();
	return svg;
})`

// ECharts numbers what it draws; the chart's own name makes that unique on the page, and the same
// in whichever order charts are drawn.
var drawnID = regexp.MustCompile(`\bzr\d+-`)

// slim leaves out what every drawing repeats and the page's style says once, or nobody reads. The
// drawing takes its place's width, so it needs no size of its own.
func slim(svg, id string) string {
	svg = drawnID.ReplaceAllString(svg, id+"-")
	svg = drawnHead.ReplaceAllString(svg, `<svg aria-hidden="true" preserveAspectRatio="xMinYMin meet" $1>`)
	return drawnWaste.ReplaceAllString(svg, "")
}

var (
	drawnHead  = regexp.MustCompile(`^<svg [^>]*(viewBox="[^"]*")>`)
	drawnWaste = regexp.MustCompile(` pointer-events="visible"| dominant-baseline="central"|font-family:inherit;| class="[a-z0-9-]*-cls-\d+"|(?s:<style ?>.*?</style>)|\n`) // the styles are of a mouse's, and numbered by what else was drawn
)

func (s *static) renderer() (func(*drawing) error, error) {
	vm := goja.New()
	if err := vm.Set("setTimeout", func() {}); err != nil { // for animation frames, which no still has
		return nil, fmt.Errorf("%w: %w", ErrLibrary, err)
	}
	if _, err := vm.RunProgram(s.library); err != nil {
		return nil, fmt.Errorf("%w: load it: %w", ErrLibrary, err)
	}
	value, err := vm.RunString(drawScript)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLibrary, err)
	}
	call, _ := goja.AssertFunction(value)
	return func(d *drawing) error {
		options, err := json.Marshal(d.chart.Options)
		if err != nil {
			return fmt.Errorf("write the chart %s: %w", d.id, err)
		}
		result, err := call(goja.Undefined(), vm.ToValue(string(options)), vm.ToValue(d.width), vm.ToValue(d.height))
		if err != nil {
			return fmt.Errorf("draw the chart %s: %w", d.id, err)
		}
		d.svg = template.HTML(slim(result.String(), d.id)) // ECharts escapes the texts it draws; a test tries it
		return nil
	}, nil
}
