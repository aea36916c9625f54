package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/survey"
	"drumbeat/transform"
	"drumbeat/warehouse"
)

// surveyed is how many respondents are measured.
const surveyed = 1_000_000

// survey measures the import of a wide export with 40 questions, of which 12 are several columns each, and the job that
// computes all metrics of it.
func (b *bench) survey(ctx context.Context) error {
	people := b.scaled(surveyed)
	path := filepath.Join(b.dir, "survey.csv")
	if err := writeSurvey(path, people); err != nil {
		return fmt.Errorf("write a survey: %w", err)
	}
	var imports []float64
	slowest := map[string][]float64{}
	figures, err := b.alternate(ctx, b.apart(func(ctx context.Context, db *warehouse.DB) (float64, error) {
		started := time.Now()
		if err := importSurvey(ctx, db, path); err != nil {
			return 0, err
		}
		imports = append(imports, time.Since(started).Seconds())
		result, err := transform.Run(ctx, db, "survey", transform.Window{})
		if err != nil {
			return 0, err
		}
		took := time.Since(started).Seconds()
		for _, step := range result.Steps {
			slowest[step.Relation] = append(slowest[step.Relation], step.Took.Seconds())
			if step.Rows == 0 && !strings.HasPrefix(step.Relation, "stated") { // there is no log to be joined
				return 0, fmt.Errorf("%s has no rows", step.Relation)
			}
		}
		return took, expect(ctx, db, "SELECT count() FROM survey_answers WHERE shown", people*(surveySingles+surveyMultiples+surveyOpens))
	}))
	if err != nil {
		return err
	}
	respondents := number(float64(people)) + " respondents"
	note := respondents
	for _, relation := range slices.Sorted(maps.Keys(slowest)) {
		if took := median(slowest[relation]); took >= 1 {
			note += fmt.Sprintf(", %s %s s", relation, number(took))
		}
	}
	b.add(alone(row{
		Name: "survey of 40 questions, raked: import and all metrics", Value: figures[0].value, Unit: "s", Goal: 60, AtMost: true, Note: note,
	}))
	b.add(alone(row{Name: "its import", Value: median(imports), Unit: "s", Goal: 40, AtMost: true, Note: respondents}))
	return nil
}

const (
	surveySingles   = 25
	surveyMultiples = 12
	surveyOpens     = 3
	surveyOptions   = 10 // of a question
)

var surveyMarkets = []string{"PH", "ID", "VN", "TH", "TW", "KR", "AU"}

// surveyMapping is the mapping of writeSurvey's file.
func surveyMapping() string {
	var y strings.Builder
	y.WriteString(`survey: bench
business: bench
population: made-up people
synthetic: true
respondent: id
date: {column: at}
weight: weight
market: {column: market}
age: {column: age, number: years, bands: [18, 25, 35, 45, 55, 65]}
margins:
  - by: market
    targets: {PH: 20, ID: 20, VN: 20, TH: 10, TW: 10, KR: 10, AU: 10}
  - by: age
    targets: {18-24: 20, 25-34: 20, 35-44: 20, 45-54: 15, 55-64: 15, 65+: 10}
questions:
`)
	question := func(id, kind string) {
		fmt.Fprintf(&y, "  - id: %s\n    type: %s\n    wording: Question %[1]s?\n    base: all respondents\n", id, kind)
	}
	options := func() {
		y.WriteString("    options:\n")
		for o := range surveyOptions {
			fmt.Fprintf(&y, "      - {code: \"%d\"}\n", o+1)
		}
	}
	for i := range surveySingles {
		question(fmt.Sprintf("s%d", i), "single")
		fmt.Fprintf(&y, "    column: s%d\n", i)
		options()
	}
	for i := range surveyMultiples {
		question(fmt.Sprintf("m%d", i), "multiple")
		options()
		y.WriteString("    columns:\n")
		for o := range surveyOptions {
			fmt.Fprintf(&y, "      m%d_%d: \"%[2]d\"\n", i, o+1)
		}
	}
	for i := range surveyOpens {
		question(fmt.Sprintf("o%d", i), "open")
		fmt.Fprintf(&y, "    column: o%d\n", i)
	}
	return y.String()
}

// writeSurvey writes the answers of so many people, always the same.
func writeSurvey(path string, people int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 1<<20)
	header := []string{"id", "at", "weight", "market", "age"}
	for i := range surveySingles {
		header = append(header, fmt.Sprintf("s%d", i))
	}
	for i := range surveyMultiples {
		for o := range surveyOptions {
			header = append(header, fmt.Sprintf("m%d_%d", i, o+1))
		}
	}
	for i := range surveyOpens {
		header = append(header, fmt.Sprintf("o%d", i))
	}
	io.WriteString(out, strings.Join(header, ",")+"\n")
	draw := rand.New(rand.NewPCG(1, 2))
	line := make([]byte, 0, 4096)
	for i := range people {
		line = fmt.Appendf(line[:0], "r%d,2026-05-%02d,%.4f,%s,%d", i, 1+draw.IntN(31), 0.3+draw.Float64()*3, surveyMarkets[draw.IntN(len(surveyMarkets))], 18+draw.IntN(60))
		for range surveySingles {
			line = strconv.AppendInt(append(line, ','), int64(1+draw.IntN(surveyOptions)), 10)
		}
		for range surveyMultiples {
			bits := draw.Uint64() & draw.Uint64() // a quarter chosen
			for o := range surveyOptions {
				line = append(line, ',', '0'+byte(bits>>o&1))
			}
		}
		for range surveyOpens {
			line = append(line, `,"made-up words, as people write"`...)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

func importSurvey(ctx context.Context, db *warehouse.DB, path string) (err error) {
	mapping, err := survey.ReadMapping("bench.yaml", strings.NewReader(surveyMapping()))
	if err != nil {
		return err
	}
	pseudonym, err := ingest.NewPseudonymizer(make([]byte, 32))
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	stage, err := db.StageSurvey(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close(ctx)) }()
	result, err := survey.Import(ctx, mapping, []survey.File{{Name: path, In: file}}, survey.Options{Pseudonym: pseudonym, To: stage})
	if err != nil {
		return err
	}
	if result.Rejected > 0 {
		return fmt.Errorf("%d rows were rejected: %w", result.Rejected, result.Problems[0])
	}
	return stage.Replace(ctx, "bench", "bench")
}
