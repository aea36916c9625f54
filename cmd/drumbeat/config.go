package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"drumbeat/transform"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/robfig/cron/v3"
)

// config is drumbeat.yaml: who may send what, and when jobs run. Docs: docs/operations.md.
type config struct {
	Listen   string `yaml:"listen"`   // host:port
	Zone     string `yaml:"zone"`     // IANA zone of the schedule
	Schedule string `yaml:"schedule"` // five cron fields: when the job and the report run

	Calendars string `yaml:"calendars"` // a file with the hours and holidays of markets, beside this one unless it has a full path
	calendars []transform.Calendar

	Values   valuesConfig    `yaml:"values"`   // what outcomes are worth, for recommendations
	Events   []eventsConfig  `yaml:"events"`   // who may POST /v1/events
	Webhooks []webhookConfig `yaml:"webhooks"` // which platforms may call
	Mail     []mailConfig    `yaml:"mail"`     // who gets the summary
}

// valuesConfig is transform.Values, in one currency; docs/metrics.md, frequency_recommendation.
type valuesConfig struct {
	Engagement float64 `yaml:"engagement"`
	OptOut     float64 `yaml:"opt_out"`
	Message    float64 `yaml:"message"`
	Budget     float64 `yaml:"budget"`
	Outcome    string  `yaml:"outcome"`
	DayCap     uint16  `yaml:"day_cap"`
	WeekCap    uint16  `yaml:"week_cap"`

	Arms map[string]float64 `yaml:"arms"` // planned sizes
}

type eventsConfig struct {
	Business exact   `yaml:"business"`
	Accounts []exact `yaml:"accounts"` // empty: any
	Token    secret  `yaml:"token"`
	// Attributes are the extra keys this sender may store; all others are dropped.
	Attributes []string `yaml:"attributes"`
}

type webhookConfig struct {
	Source      string   `yaml:"source"` // a key of sources
	Name        exact    `yaml:"name"`   // the last part of /webhooks/{source}/{name}; may be empty
	Business    exact    `yaml:"business"`
	Accounts    []exact  `yaml:"accounts"`     // empty: any account that the secret signs
	AppSecrets  []secret `yaml:"app_secrets"`  // several while one is being replaced
	VerifyToken secret   `yaml:"verify_token"` // of the platform's handshake
}

// exact is text as it is written. Ids look like numbers, and YAML would read an unquoted 0123 as 83.
type exact string

// UnmarshalYAML takes text and whole numbers. What YAML reads as something else needs quotes.
func (x *exact) UnmarshalYAML(node ast.Node) error {
	switch n := node.(type) {
	case *ast.StringNode:
		*x = exact(n.Value)
	case *ast.LiteralNode:
		*x = exact(n.Value.Value)
	case *ast.IntegerNode:
		*x = exact(n.Token.Value)
	case *ast.NullNode:
		*x = ""
	default:
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] this is read as %s: put it in quotes", at.Line, at.Column, strings.ToLower(node.Type().YAMLName()))
	}
	return nil
}

func texts(of []exact) []string {
	var out []string
	for _, x := range of {
		out = append(out, string(x))
	}
	return out
}

// secret is a value that is never printed. "env:NAME" takes it from the environment, "file:PATH" from a file.
type secret string

// UnmarshalYAML takes what exact takes.
func (s *secret) UnmarshalYAML(node ast.Node) error { return (*exact)(s).UnmarshalYAML(node) }

func (secret) String() string   { return "(secret)" }
func (secret) GoString() string { return "(secret)" }

// resolve returns the secret itself.
func (s secret) resolve(what string) (string, error) {
	value := string(s)
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		if value = os.Getenv(name); value == "" {
			return "", fmt.Errorf("%s: the environment variable %s is not set", what, name)
		}
	}
	if path, ok := strings.CutPrefix(value, "file:"); ok {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		if value = strings.TrimRight(string(text), "\r\n"); value == "" {
			return "", fmt.Errorf("%s: the file %s is empty", what, path)
		}
	}
	if value == "" {
		return "", fmt.Errorf("%s is missing", what)
	}
	return value, nil
}

// readConfig reads path. A missing file is an error only if it was asked for.
func readConfig(path string, asked bool) (config, error) {
	c := config{Listen: "127.0.0.1:8080", Zone: "UTC", Schedule: "15 4 * * *", Values: valuesConfig(transform.DefaultValues())}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	said := c
	if err := yaml.UnmarshalWithOptions(text, &said, yaml.Strict()); err != nil {
		// The source is left out of the message, and so is the name of an alias: they may be secrets.
		text := strings.TrimSpace(yaml.FormatError(err, false, false))
		if place, _, found := strings.Cut(text, "could not find alias"); found {
			text = place + "a value that begins with * needs quotes"
		}
		return c, fmt.Errorf("%s: %s", path, text)
	}
	if !reflect.ValueOf(said).IsZero() { // a file of comments alone says nothing
		c = said
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return c, fmt.Errorf("%s: listen %q is not host:port such as 127.0.0.1:8080", path, c.Listen)
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "" {
		return c, fmt.Errorf("%s: zone %q is not an IANA time zone such as Asia/Manila", path, c.Zone)
	}
	if err := transform.Values(c.Values).Check(); err != nil {
		return c, fmt.Errorf("%s: values: %w", path, err)
	}
	if c.Calendars != "" {
		file := c.Calendars
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(path), file)
		}
		if c.calendars, err = transform.ReadCalendars(file); err != nil {
			return c, fmt.Errorf("%s: calendars: %w", path, err)
		}
	}
	if _, err := cron.ParseStandard(c.Schedule); err != nil {
		return c, fmt.Errorf("%s: schedule %q: %w; five fields are wanted, such as \"15 4 * * *\" for a quarter past four every day", path, c.Schedule, err)
	}
	return c, nil
}
