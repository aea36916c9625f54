package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"drumbeat/transform"
)

// Ids are text: YAML reads an unquoted 0123 as 83, and a long one as something rounded.
func TestIdsOfTheConfigurationAreExact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drumbeat.yaml")
	read := func(text string) (config, error) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readConfig(path, true)
	}
	got, err := read(`
webhooks:
  - source: whatsapp
    name: 007
    business: 0x1F
    accounts: [0123, 106540352242922106540352242922, "5", 0b11, plain, -1, 1e3]
    app_secrets: [0123456789012345, 'quoted', plain text]
    verify_token: 1_000
  - source: whatsapp
    accounts:
      - 0777
    business:
`)
	want := []webhookConfig{
		{
			Source: "whatsapp", Name: "007", Business: "0x1F",
			Accounts:   []exact{"0123", "106540352242922106540352242922", "5", "0b11", "plain", "-1", "1e3"},
			AppSecrets: []secret{"0123456789012345", "quoted", "plain text"}, VerifyToken: "1_000",
		},
		{Source: "whatsapp", Accounts: []exact{"0777"}},
	}
	if err != nil || !reflect.DeepEqual(got.Webhooks, want) {
		t.Errorf("%#v, %v", got.Webhooks, err)
	}
	for _, value := range []string{"1.5", "true", ".inf", "[hunter2]", "{hunter2: 1}"} {
		if _, err := read("events:\n  - token: " + value + "\n"); err == nil || !strings.Contains(err.Error(), "quotes") || !strings.Contains(err.Error(), "[2:") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// What a file does not say of the values keeps its default.
func TestValues(t *testing.T) {
	f := func(text string, want transform.Values, wrong string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "drumbeat.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(path, true)
		if wrong != "" {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q: error %v, want %q", text, err, wrong)
			}
			return
		}
		if err != nil || !reflect.DeepEqual(transform.Values(c.Values), want) {
			t.Errorf("%q: %+v, %v; want %+v", text, c.Values, err, want)
		}
	}
	want := transform.DefaultValues()
	f("zone: UTC\n", want, "")
	want.OptOut, want.Outcome = 25, "open"
	f("values: {opt_out: 25, outcome: open}\n", want, "")
	f("values: {budget: 2}\n", want, "budget is 2: values must be finite")
	f("values: {outcome: read}\n", want, "outcome open, click, reply")
}

// A file of calendars is looked for beside the configuration.
func TestCalendars(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("drumbeat.yaml", "calendars: hours.yaml\n")
	if _, err := readConfig(path, true); err == nil || !strings.Contains(err.Error(), "hours.yaml") {
		t.Errorf("no file: %v", err)
	}
	write("hours.yaml", "PH: {hours: {mon-fri: 09:00-18:00}}\nKR: {hours: {daily: 09:00-18:00}}\n")
	if _, err := readConfig(path, true); err == nil || !strings.Contains(err.Error(), `KR: "daily" is not a weekday`) {
		t.Errorf("wrong day: %v", err)
	}
	write("hours.yaml", "PH: {hours: {mon-fri: 09:00-18:00}}\nKR: {hours: {mon-sun: 00:00-24:00}}\n")
	if c, err := readConfig(path, true); err != nil || len(c.calendars) != 2 || c.calendars[0].Market != "KR" {
		t.Errorf("%+v, %v", c.calendars, err)
	}
}
