package warehouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// surveyTables hold surveys, one partition each. The first is put in place last: who finds a survey there finds all of it.
var surveyTables = []string{"surveys", "survey_questions", "survey_respondents", "survey_answers", "survey_margins"}

// SurveyStage takes the rows of one survey, beside the tables that have it from before. Close it in any case.
type SurveyStage struct {
	db   *DB
	name string // tells stages apart
}

// StageSurvey makes an empty stage.
func (db *DB) StageSurvey(ctx context.Context) (*SurveyStage, error) {
	s := &SurveyStage{db, strings.ToLower(rand.Text())}
	for _, table := range surveyTables {
		if err := db.Exec(ctx, "CREATE TABLE "+quote(s.table(table))+" AS "+quote(table)); err != nil {
			return nil, errors.Join(fmt.Errorf("stage a survey: %w", err), s.Close(ctx))
		}
	}
	return s, nil
}

// table is where rows of a survey's table wait. Runs of jobs drop tables of this prefix that a process which died left behind.
func (s *SurveyStage) table(name string) string { return "staging_" + name + "_" + s.name }

// Insert is [DB.Insert] into the stage of a survey's table.
func (s *SurveyStage) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	return s.db.Insert(ctx, s.table(table), records, token)
}

// Replace puts what is staged in place of what the tables have of the survey. Each table changes at once, one after the
// other; if it fails between, staging and replacing again mends it.
func (s *SurveyStage) Replace(ctx context.Context, business, survey string) error {
	partition := "(" + literal(business) + ", " + literal(survey) + ")"
	for i := len(surveyTables) - 1; i >= 0; i-- {
		table := surveyTables[i]
		var filled bool
		if err := s.db.QueryRow(ctx, "SELECT count() > 0 FROM "+quote(s.table(table))).Scan(&filled); err != nil {
			return fmt.Errorf("look at the stage of %s: %w", table, err)
		}
		change := "ALTER TABLE " + quote(table) + " DROP PARTITION " + partition // few surveys have margins
		if filled {
			change = "ALTER TABLE " + quote(table) + " REPLACE PARTITION " + partition + " FROM " + quote(s.table(table))
		}
		if err := s.db.Exec(ctx, change); err != nil {
			return fmt.Errorf("put %s of the survey in place: %w", table, err)
		}
	}
	return nil
}

// Close drops the stage, also when ctx has ended.
func (s *SurveyStage) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var errs []error
	for _, table := range surveyTables {
		if err := s.db.Exec(ctx, "DROP TABLE IF EXISTS "+quote(s.table(table))+" SYNC"); err != nil {
			errs = append(errs, fmt.Errorf("drop the stage of a survey: %w", err))
		}
	}
	return errors.Join(errs...)
}

// literal is text as SQL has it; a partition takes no parameter.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
