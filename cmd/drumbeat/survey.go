package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"drumbeat/ingest"
	"drumbeat/ingest/survey"
	"drumbeat/warehouse"
)

type surveyCommand struct {
	Inspect   inspectCommand   `cmd:"" help:"Propose a mapping for a file, on standard output. Edit it, then import."`
	Questions questionsCommand `cmd:"" help:"Print the questions that come with Drumbeat, as a mapping can use them."`
}

type inspectCommand struct {
	File string `arg:"" help:"CSV, NDJSON or Parquet." type:"existingfile"`
}

func (c *inspectCommand) Run(p *program) error {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the survey: %w", err)
	}
	defer file.Close()
	return survey.Inspect(p.stdout, c.File, file)
}

type questionsCommand struct{}

func (questionsCommand) Run(p *program) error {
	_, err := io.WriteString(p.stdout, survey.ShippedQuestions)
	return err
}

// survey stores the files as one survey, in place of what there was of it.
func (c *importCommand) survey(ctx context.Context, p *program) error {
	if c.Business != "" || len(c.Attribute) > 0 {
		return usageError{errors.New("--business and --attribute are for events: the mapping says whose survey it is")}
	}
	text, err := os.Open(c.Survey)
	if err != nil {
		return fmt.Errorf("open the mapping: %w", err)
	}
	defer text.Close()
	mapping, err := survey.ReadMapping(c.Survey, text)
	if err != nil {
		return err
	}
	db, err := p.openWarehouseToStay(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return err
	}
	result, err := importSurvey(ctx, db, pseudonym, mapping, c.Files)
	printSurvey(p.stdout, p.stderr, mapping, result, err == nil)
	if err == nil && result.Rejected > 0 {
		err = errRejectedRows
	}
	return err
}

// errRejectedRows says that the survey is stored without some rows; they were printed.
var errRejectedRows = errors.New("some rows were rejected; mend them and import the survey again: it replaces what is stored")

// importSurvey stores a survey from its files. If it fails, what was stored of the survey before stays.
func importSurvey(ctx context.Context, db *warehouse.DB, pseudonym *ingest.Pseudonymizer, m *survey.Mapping, paths []string) (result survey.Result, err error) {
	var files []survey.File
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return result, fmt.Errorf("open the survey: %w", err)
		}
		defer file.Close()
		files = append(files, survey.File{Name: path, In: file})
	}
	stage, err := db.StageSurvey(ctx)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, stage.Close(ctx)) }()
	if result, err = survey.Import(ctx, m, files, survey.Options{Pseudonym: pseudonym, To: stage}); err != nil {
		return result, err
	}
	return result, stage.Replace(ctx, string(m.Business), string(m.Survey))
}

// printSurvey prints rejected rows on stderr and counts on stdout. What was not stored is not described.
func printSurvey(stdout, stderr io.Writer, m *survey.Mapping, r survey.Result, stored bool) {
	for _, problem := range r.Problems {
		fmt.Fprintln(stderr, problem)
	}
	if r.MoreProblems > 0 {
		fmt.Fprintf(stderr, "and %d more mistakes of other kinds\n", r.MoreProblems)
	}
	for _, f := range r.Files {
		if f.Rows == 0 && !stored { // its columns were refused
			continue
		}
		fmt.Fprintf(stdout, "%s: %d rows, %d accepted, %d rejected\n", f.Name, f.Rows, f.Accepted, f.Rejected)
	}
	if !stored {
		return
	}
	fmt.Fprintf(stdout, "survey %s of %s: %d respondents, answered %s to %s\n", m.Survey, m.Business, r.Respondents, r.From, r.To)
	for _, q := range r.Questions {
		fmt.Fprintf(stdout, "  question %s: %d asked, %d answered", q.ID, q.Shown, q.Answered)
		for _, f := range q.Flags {
			fmt.Fprintf(stdout, ", %d %s", f.N, strings.ReplaceAll(f.Name, "_", " "))
		}
		fmt.Fprintln(stdout)
	}
	if m.Contact != nil {
		fmt.Fprintf(stdout, "  joined to the log: %d who agreed; %d more agreed but have no usable address\n", r.Contacts, r.ContactsUnread)
	}
	w := r.Weighting
	if !w.Weighted && len(w.Margins) == 0 {
		fmt.Fprintln(stdout, "  weights: none, all respondents count alike")
		return
	}
	if len(w.Margins) > 0 {
		fmt.Fprintf(stdout, "  raked to %s: %d rounds, gap %.1g; design effect %.3f before, %.3f after", strings.Join(w.Margins, ", "), w.Rounds, w.Gap, w.EffectDesign, w.EffectRaked)
		if m.Trim != 0 {
			fmt.Fprintf(stdout, ", %.3f after %d weights were cut", w.EffectFinal, w.Trimmed)
		}
		fmt.Fprintln(stdout)
	}
	fmt.Fprintf(stdout, "  weights: %.4g to %.4g; design effect %.3f: worth %.0f respondents of equal weight\n", w.Least, w.Most, w.EffectFinal, w.EffectiveSize)
}
