package transform

import (
	"context"
	"fmt"
	"time"

	"drumbeat/transform/stats"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func fillSurveyQuality(ctx context.Context, r *run, m model, staging string, w Window) error {
	surveys, err := r.surveys(ctx)
	if err != nil {
		return err
	}
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging)
	if err != nil {
		return err
	}
	defer batch.Close()
	for _, s := range surveys {
		var rows []struct {
			Business    string    `ch:"business_id"`
			Survey      string    `ch:"survey_id"`
			From        time.Time `ch:"window_from"`
			To          time.Time `ch:"window_to"`
			Check       string    `ch:"check"`
			Question    string    `ch:"question_id"`
			Respondents uint64    `ch:"respondents"`
			Base        uint64    `ch:"base_n"`
		}
		if err := r.db.Select(ctx, &rows, sql, clickhouse.Named("business", s.Business), clickhouse.Named("survey", s.ID)); err != nil {
			return fmt.Errorf("survey %s: %w", s.ID, err)
		}
		for _, row := range rows {
			var share, lower, upper *float64
			if limits, ok := stats.Wilson(row.Respondents, row.Base); ok {
				value := float64(row.Respondents) / float64(row.Base)
				share, lower, upper = &value, &limits.Lower, &limits.Upper
			}
			if err := batch.Append(row.Business, row.Survey, row.From, row.To, row.Check, row.Question, row.Respondents, row.Base, share, lower, upper); err != nil {
				return err
			}
		}
	}
	return batch.Send()
}
