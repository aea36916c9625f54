package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"drumbeat/ingest/canonical"
	"drumbeat/simulate"
)

// worldFlags say which world; `demo` and `simulate` share them.
type worldFlags struct {
	Seed     uint64 `help:"Seed of the world: the same seed gives the same bytes." default:"1"`
	Contacts int    `help:"People in the world." default:"3000"`
	Days     int    `help:"Days of messaging." default:"90"`
	Null     bool   `help:"A world in which no number of messages makes anyone leave."`
	Support  bool   `help:"Contacts begin conversations, bots and humans answer them, and the business makes mistakes." default:"true" negatable:""`
}

func (f worldFlags) world() *simulate.World {
	return simulate.New(simulate.Options{Seed: f.Seed, Contacts: f.Contacts, Days: f.Days, Null: f.Null, Support: f.Support})
}

func (f worldFlags) check() error {
	if f.Contacts < 1 || f.Days < 1 {
		return usageError{fmt.Errorf("--contacts %d and --days %d must both be at least 1", f.Contacts, f.Days)}
	}
	return nil
}

type simulateCommand struct {
	worldFlags
	Start    string   `help:"First day, UTC." default:"2025-09-01" placeholder:"YYYY-MM-DD"`
	Fatigue  float64  `help:"So many times the usual fatigue; 0: what becomes of a message depends on no other." default:"1"`
	Timing   bool     `help:"Opens follow the hours since the message before and the local hour."`
	Clicks   bool     `help:"Clicks are told, by ndjson only."`
	Reacts   bool     `help:"The business messages more on the days after an open or an inbound message."`
	Arms     []string `help:"Arms of a randomised test, each NAME=MESSAGES A WEEK; 0: as many as without a test." placeholder:"NAME=N,..."`
	Mismatch bool     `help:"The last arm loses its least engaged third."`

	Dead float64 `help:"Share of addresses that cease to exist on some day; only with --no-support."`

	Format string `help:"ndjson: our own event lines. whatsapp: one webhook a line, with the signature a platform would send." default:"ndjson" enum:"ndjson,whatsapp"`
	Secret string `help:"App secret that signs webhooks." default:"demo" env:"DRUMBEAT_APP_SECRET"`
	Out    string `help:"File to write; - is standard output." default:"-" short:"o"`
	Survey string `help:"Folder for a survey of the world's contacts: survey.csv, mapping.yaml and truth.json; alone, no events are written." placeholder:"DIR"`
	Truth  string `help:"File for the world's truth, as JSON." placeholder:"FILE"`

	Calendars string `help:"File for the hours of work and the holidays of the world's markets, as the configuration wants them." placeholder:"FILE"`
}

// signedPost is one line of `simulate --format whatsapp`.
type signedPost struct {
	At        time.Time       `json:"at"`
	Signature string          `json:"x_hub_signature_256"`
	Body      json.RawMessage `json:"body"`
}

func (c *simulateCommand) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	start, err := time.Parse(time.DateOnly, c.Start)
	if err != nil {
		return usageError{fmt.Errorf("--start %q is not a day such as 2025-09-01", c.Start)}
	}
	if c.Fatigue < 0 {
		return usageError{fmt.Errorf("--fatigue %v must be 0 or more", c.Fatigue)}
	}
	if c.Dead < 0 || c.Dead > 1 || c.Dead > 0 && c.Support {
		return usageError{fmt.Errorf("--dead %v must be from 0 to 1, and needs --no-support", c.Dead)}
	}
	options := simulate.Options{
		Seed: c.Seed, Contacts: c.Contacts, Days: c.Days, Null: c.Null, Support: c.Support, Start: start,
		Dead: c.Dead, Fatigue: c.Fatigue, Tireless: c.Fatigue == 0, Timing: c.Timing, Clicks: c.Clicks, Reacts: c.Reacts, Mismatch: c.Mismatch,
	}
	for _, text := range c.Arms {
		name, weekly, _ := strings.Cut(text, "=")
		n, err := strconv.Atoi(weekly)
		if err != nil || name == "" || n < 0 || n > simulate.WeeklyMost {
			return usageError{fmt.Errorf("--arms %q is not a name and 0 to %d messages a week, such as three=3", text, simulate.WeeklyMost)}
		}
		options.Arms = append(options.Arms, simulate.Arm{Name: name, Weekly: n})
	}
	if c.Mismatch && len(options.Arms) < 2 {
		return usageError{errors.New("--mismatch needs two --arms or more")}
	}
	world := simulate.New(options)
	if c.Survey != "" {
		if err := writeSurvey(c.Survey, world); err != nil {
			return err
		}
		if c.Out == "-" && c.Truth == "" && c.Calendars == "" {
			return nil
		}
	}
	out := io.Writer(p.stdout)
	if c.Out != "-" {
		file, err := os.Create(c.Out)
		if err != nil {
			return fmt.Errorf("create the events' file: %w", err)
		}
		defer file.Close()
		out = file
	}
	if err := c.write(ctx, world, out); err != nil {
		return fmt.Errorf("write the events: %w", err)
	}
	if c.Calendars != "" {
		if err := writeCalendars(c.Calendars); err != nil {
			return err
		}
	}
	if c.Truth != "" {
		return writeTruth(c.Truth, world)
	}
	return nil
}

func writeCalendars(path string) error {
	var text bytes.Buffer
	if err := simulate.WriteCalendars(&text); err != nil {
		return err
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the calendars: %w", err)
	}
	return nil
}

func (c *simulateCommand) write(ctx context.Context, world *simulate.World, out io.Writer) error {
	buffered := bufio.NewWriterSize(out, 1<<20)
	if c.Format == "ndjson" {
		lines := canonical.NewWriter(buffered)
		for line := range world.Lines() {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := lines.Write(&line); err != nil {
				return err
			}
		}
		return buffered.Flush()
	}
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	for post := range world.WhatsApp() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := encoder.Encode(signedPost{post.At, simulate.Sign(post.Body, c.Secret), post.Body}); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

func writeTruth(path string, world *simulate.World) error { return writeJSON(path, world.Truth()) }

func writeJSON(path string, truth any) error {
	text, err := json.MarshalIndent(truth, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the truth: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the truth's folder: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	return nil
}
