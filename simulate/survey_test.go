package simulate

import (
	"bytes"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Over 60 seeds, 95 % intervals of weighted shares cover what the whole population would say, and the unweighted shares of what
// depends on age do not.
func TestSurveySaysTheTruth(t *testing.T) {
	w := New(Options{Seed: 3, Contacts: 1500, Days: 45, Support: true})
	s, err := NewSurvey(w, SurveyOptions{Respondents: 1400})
	if err != nil {
		t.Fatal(err)
	}
	truth := s.Truth()
	covered, all, crude := 0, 0, 0
	for seed := range uint64(60) {
		s.Options.Seed = seed
		var text bytes.Buffer
		if err := s.WriteCSV(&text); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&text).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		column := func(name string) int { return slices.Index(rows[0], name) }
		said := map[string]string{} // column and cell by option
		for option := range truth.Shares["pains"] {
			said[option] = "pain_" + option + " 1"
		}
		for option := range truth.Shares["frequency"] {
			said[option] = "frequency " + option
		}
		for option, where := range said {
			name, cell, _ := strings.Cut(where, " ")
			want := truth.Shares["pains"][option] + truth.Shares["frequency"][option]
			if want < .02 {
				continue // intervals by the normal distribution do not hold there
			}
			var total, named, n, plain, square float64
			each := func(do func(weight, y float64)) {
				for _, row := range rows[1:] {
					weight, _ := strconv.ParseFloat(row[column("weight")], 64)
					y := 0.0
					if row[column(name)] == cell {
						y = 1
					}
					do(weight, y)
				}
			}
			each(func(weight, y float64) { total += weight; named += weight * y; n++; plain += y })
			share := named / total
			each(func(weight, y float64) { square += weight * weight * (y - share) * (y - share) })
			all++
			if math.Abs(share-want) < 1.96*math.Sqrt(square)/total {
				covered++
			}
			if option == "generic_reply" && math.Abs(plain/n-want) < 1.96*math.Sqrt(want*(1-want)/n) {
				crude++
			}
		}
	}
	if share := float64(covered) / float64(all); share < .93 || share > .975 {
		t.Errorf("%d of %d intervals cover the truth", covered, all)
	}
	if crude > 45 {
		t.Errorf("unweighted shares cover the truth in %d of 60 samples: weights matter little", crude)
	}
}

// Who waited long names it more often, and only who agreed has an address.
func TestSurveyIsJoined(t *testing.T) {
	w := New(Options{Seed: 3, Contacts: 1500, Days: 45, Support: true})
	s, err := NewSurvey(w, SurveyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lived := map[string]living{}
	for _, people := range s.lived {
		for _, l := range people {
			lived[l.address] = l
		}
	}
	var text, again, mapping bytes.Buffer
	for _, b := range []*bytes.Buffer{&text, &again} {
		if err := s.WriteCSV(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(text.Bytes(), again.Bytes()) {
		t.Error("one seed gives two surveys")
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != 6501 {
		t.Fatal(len(rows), err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	joined := map[string]bool{}
	var named, of [2]float64 // not hit, hit
	for _, row := range rows[1:] {
		address := row[column("address")]
		if (address == "") != (row[column("agreed")] == "no") || joined[address] {
			t.Fatalf("joined: %v", row)
		}
		if address == "" {
			continue
		}
		joined[address] = true
		hit := 0
		if lived[address].hit[painSlowReply] {
			hit = 1
		}
		of[hit]++
		if row[column("pain_slow_reply")] == "1" {
			named[hit]++
		}
	}
	if len(joined) < 500 || of[1] < 30 || math.Abs(named[1]/of[1]-namedIfHit) > 4*math.Sqrt(namedIfHit*(1-namedIfHit)/of[1]) || named[0]/of[0] > .1 {
		t.Errorf("%d joined; slow replies named by %v of %v", len(joined), named, of)
	}
	if err := s.WriteMapping(&mapping, "shop"); err != nil || !strings.Contains(mapping.String(), "synthetic: true") {
		t.Errorf("%s %v", mapping.String(), err)
	}
}
