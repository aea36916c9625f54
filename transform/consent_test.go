package transform_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"drumbeat/transform"
	"drumbeat/warehouse"
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
