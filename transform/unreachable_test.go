package transform_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"drumbeat/simulate"
	"drumbeat/transform"
	"drumbeat/transform/stats"
	"drumbeat/warehouse/warehousetest"
)

// A number that does not exist gets nothing more and never opts out. Where the code of the failure says so, opt-outs that no dose causes
// are as many at a dose of 0 as above it; told with a code that says nothing, in the same worlds, a dose of 0 looks safe.
func TestDeadNumbersMakeNoDoseSafe(t *testing.T) {
	t.Parallel()
	world := null
	world.Dead = .4
	db := warehousetest.New(t)
	var known, untold halves
	for seed := range 20 {
		world.Seed = uint64(seed + 1)
		lines := slices.Collect(simulate.New(world).Lines())
		insertLines(t, db, fmt.Sprint("dead", world.Seed), slices.Values(lines))
		for i, l := range lines {
			if l.ErrorCode == "30005" {
				lines[i].ErrorCode = "30008"
			}
		}
		for _, d := range simulate.Measure(slices.Values(lines)).Doses {
			untold.add(d.Dose, d.Days, d.OptOuts)
		}
	}
	if _, err := transform.Run(t.Context(), db, transform.DeadNumbers, transform.Window{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range ask[doseCell](t, db, "dead", doseCells) {
		known.add(int(c.From), int(c.Days), int(c.OptOuts))
	}
	if z := known.z(t, "known"); math.Abs(z) > 3 {
		t.Errorf("opt-outs that no dose causes: z = %.2f", z)
	}
	if z := untold.z(t, "not known"); z < 3 {
		t.Errorf("dead numbers at risk make no difference, z = %.2f: these worlds show nothing", z)
	}
}

// halves are opt-outs and days at a dose of 0 and above it.
type halves struct{ optOuts, days [2]uint64 }

func (h *halves) add(dose, days, optOuts int) {
	at := min(dose, 1)
	h.days[at] += uint64(days)
	h.optOuts[at] += uint64(optOuts)
}

func (h *halves) z(t *testing.T, what string) float64 {
	t.Helper()
	trend, err := stats.CochranArmitage(h.optOuts[:], h.days[:], []float64{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("dead numbers %s: %d opt-outs of %d days at dose 0, %d of %d above, z = %.2f", what, h.optOuts[0], h.days[0], h.optOuts[1], h.days[1], trend.Z)
	return trend.Z
}
