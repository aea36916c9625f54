package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"drumbeat/simulate"
)

// writeSurvey writes a survey of the world's contacts, the mapping to import it with, and its truth.
func writeSurvey(dir string, world *simulate.World) error {
	survey, err := simulate.NewSurvey(world, simulate.SurveyOptions{Seed: world.Options.Seed})
	if err != nil {
		return usageError{err}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the survey's folder: %w", err)
	}
	for name, write := range map[string]func(io.Writer) error{
		"survey.csv":   survey.WriteCSV,
		"mapping.yaml": func(out io.Writer) error { return survey.WriteMapping(out, demoBusiness) },
		"truth.json": func(out io.Writer) error {
			encoder := json.NewEncoder(out)
			encoder.SetIndent("", "  ")
			return encoder.Encode(survey.Truth())
		},
	} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("create the survey's file: %w", err)
		}
		if err := write(file); err != nil {
			file.Close()
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
