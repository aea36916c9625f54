package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of this module each package may import: the arrows of
// docs/architecture.md. A new package needs a line here, and a new arrow a reason there.
var allowed = map[string][]string{
	"cmd/drumbeat": {"docs", "ingest", "ingest/canonical", "ingest/instagram", "ingest/messenger", "ingest/quarantine", "ingest/spool", "ingest/survey", "ingest/whatsapp", "queries", "reports", "simulate", "transform", "warehouse", "warehouse/embedded"},
	"bench":        {"ingest", "ingest/canonical", "ingest/spool", "ingest/survey", "ingest/whatsapp", "queries", "reports", "reports/browsertest", "simulate", "transform", "warehouse", "warehouse/embedded"},
	"docs":         {},

	"ingest":             {"ingest/cloudevents", "ingest/jsontree", "ingest/quarantine", "ingest/spool"},
	"ingest/canonical":   {"ingest", "ingest/jsontree"},
	"ingest/cloudevents": {"ingest/jsontree"},
	"ingest/instagram":   {"ingest", "ingest/meta"},
	"ingest/jsontree":    {},
	"ingest/messenger":   {"ingest", "ingest/meta"},
	"ingest/meta":        {"ingest", "ingest/jsontree"},
	"ingest/quarantine":  {},
	"ingest/sourcetest":  {"ingest", "ingest/jsontree"},
	"ingest/spool":       {},
	"ingest/survey":      {"ingest", "transform/stats"}, // weights are raked when a survey is imported
	"ingest/whatsapp":    {"ingest", "ingest/jsontree", "ingest/meta"},

	"warehouse":               {"warehouse/embedded"},
	"warehouse/embedded":      {},
	"warehouse/warehousetest": {"warehouse", "warehouse/embedded"},

	"transform":       {"transform/stats", "warehouse"},
	"transform/stats": {},

	"queries":             {"warehouse"},
	"reports":             {"queries"},
	"reports/browsertest": {},

	"simulate": {"ingest/canonical"},
}

func TestImportsPointOneWay(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for packages := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, "drumbeat/")
		mayImport, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the list: say what it may import", name)
		}
		seen++
		for _, imported := range p.Imports {
			own, isOwn := strings.CutPrefix(imported, "drumbeat/")
			if isOwn && !slices.Contains(mayImport, own) {
				t.Errorf("%s imports %s, against the direction of docs/architecture.md", name, own)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("the list names %d packages, the module has %d", len(allowed), seen)
	}
}
