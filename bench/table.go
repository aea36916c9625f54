package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

// row is one line of the results. The goal is one for the ratio or, where nothing stands beside,
// for the value.
type row struct {
	Name        string   `json:"name"`
	Value       float64  `json:"value"`
	Unit        string   `json:"unit"`
	Beside      string   `json:"beside"`       // the peer; "" if there is none
	BesideValue *float64 `json:"beside_value"` // the peer's value in the same unit; null if it is missing
	Ratio       *float64 `json:"ratio"`        // value / beside_value
	Goal        float64  `json:"goal"`
	AtMost      bool     `json:"at_most"` // the goal is an upper limit, not a lower one
	Met         bool     `json:"met"`
	Note        string   `json:"note"`
}

func (r row) meets(x float64) bool {
	if r.AtMost {
		return x <= r.Goal
	}
	return x >= r.Goal
}

// alone completes a row whose goal is one for the value.
func alone(r row) row {
	r.Met = r.meets(r.Value)
	return r
}

// compared completes a row whose goal is one for the ratio to the peer's figure.
func compared(r row, peer figure) row {
	if peer.err == nil && peer.value <= 0 {
		peer.err = fmt.Errorf("the peer measured %v", peer.value)
	}
	if peer.err != nil {
		r.Note = strings.TrimPrefix(r.Note+"; not compared: "+peer.err.Error(), "; ")
		return r
	}
	r.BesideValue, r.Ratio = new(peer.value), new(r.Value/peer.value)
	r.Met = r.meets(*r.Ratio)
	return r
}

// writeTable prints rows for people.
func writeTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tmeasured\tbeside\tratio\tgoal\tmet\tnote")
	for _, r := range rows {
		beside, ratio, suffix := "-", "-", ""
		if r.Beside != "" {
			beside, suffix = r.Beside, " x"
		} else {
			suffix = " " + r.Unit
		}
		if r.Ratio != nil {
			beside += " " + number(*r.BesideValue)
			ratio = number(*r.Ratio) + " x"
		}
		sign := ">= "
		if r.AtMost {
			sign = "<= "
		}
		met := "no"
		if r.Met {
			met = "yes"
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", r.Name, number(r.Value), r.Unit, beside, ratio, sign+number(r.Goal)+suffix, met, r.Note)
	}
	return t.Flush()
}

// number prints three digits that count, and the thousands apart.
func number(x float64) string {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-2)
	if unit < 1 {
		return strconv.FormatFloat(math.Round(x/unit)*unit, 'g', 3, 64)
	}
	text := strconv.FormatFloat(math.Round(x/unit)*unit, 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// writeJSON writes rows for programs.
func writeJSON(path string, rows []row) error {
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
