package transform_test

import (
	"slices"
	"strings"
	"testing"
)

// ofConsent says whether a scenario is one of the job consent.
func ofConsent(name string) bool {
	return slices.ContainsFunc([]string{"consent", "promises", "windows", "cost", "delivery"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func TestConsentScenarios(t *testing.T) { testScenarios(t, "consent", ofConsent) }
