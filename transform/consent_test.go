package transform_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"
)

// ofConsent says whether a scenario is one of the job consent.
func ofConsent(name string) bool {
	return slices.ContainsFunc([]string{"consent", "promises", "windows", "cost", "delivery"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func TestConsentScenarios(t *testing.T) { testScenarios(t, "consent", ofConsent) }

func loadRateCard(t testing.TB, db *warehouse.DB) {
	t.Helper()
	file, err := os.Open("testdata/rates.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	prices, err := transform.ReadRateCard(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transform.LoadRateCard(t.Context(), db, prices); err != nil {
		t.Fatal(err)
	}
}

// Three requests within days, and then an opt-in: it answers the last of them, not each.
func TestAnOptInAnswersOneRequest(t *testing.T) {
	db := warehousetest.New(t)
	start := moment(t, "2025-01-01T00:00:00")
	at := func(d float64) time.Time { return start.Add(time.Duration(d * 24 * float64(time.Hour))) }
	c := &crowd{business: "asks"}
	c.begin(at(0))
	for i := range 60 {
		p := c.contact()
		for j := range 3 {
			c.tell(at(10+float64(j)), "send", p, "category", "opt_in_request")
		}
		c.tell(at(12), "send", p, "category", "opt_in_request") // in one instant with the third
		if i < 12 {
			c.tell(at(12.5), "opt_in", p)
		}
		if i < 3 {
			c.tell(at(11), "opt_in", p) // at the instant of the second
			c.tell(at(9.5), "opt_in", p)
			c.tell(at(19), "opt_in", p) // a week after the last
		}
	}
	c.end(at(40))
	insert(t, db, c.events)
	runJob(t, db, "consent", transform.Window{})
	if got, want := answer(t, db, `SELECT contacts, asked, answered FROM opt_in_funnel WHERE business_id = 'asks' AND dimension = 'all'`), "contacts,asked,answered\n60,240,15\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
