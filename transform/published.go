package transform

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed published_figures.csv
var publishedFigures string

func fillPublishedFigures(ctx context.Context, r *run, m model, staging string, w Window) error {
	if err := checkPublished(publishedFigures); err != nil {
		return err
	}
	return r.insert(ctx, m, staging, w, clickhouse.Named("figures", publishedFigures))
}

// checkPublished refuses figures whose categories are all there are and do not add up to 100: rounded to whole per cent, K
// categories can miss it by K/2 points and no more.
func checkPublished(figures string) error {
	lines, err := csv.NewReader(strings.NewReader(figures)).ReadAll()
	if err != nil {
		return fmt.Errorf("read the published figures: %w", err)
	}
	if len(lines) == 0 {
		return nil
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	sums, categories := map[[2]string]float64{}, map[[2]string]float64{}
	for n, line := range lines[1:] {
		if line[column["adds_to_100"]] != "1" {
			continue
		}
		value, err := strconv.ParseFloat(line[column["value"]], 64)
		if err != nil {
			return fmt.Errorf("published figures, line %d: %w", n+2, err)
		}
		key := [2]string{line[column["figure_id"]], line[column["market"]]}
		sums[key] += value
		categories[key]++
	}
	for key, sum := range sums {
		if math.Abs(sum-100) > categories[key]/2 {
			return fmt.Errorf("published figures: the %v categories of %s, %s add up to %v, not to 100: a figure is wrong or a category is missing", categories[key], key[0], key[1], sum)
		}
	}
	return nil
}
