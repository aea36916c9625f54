package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pseudonyms of a list are those of the events, and only what stood in the list is printed.
func TestContacts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	list := write("list.csv", "\ufeffid,phone,plan\r\n1,+63 917 555 0142,gold\r\n2,nobody knows,\"a, b\"\r\n3,ann@example.org,\r\n")
	data := filepath.Join(dir, "data")
	if _, said, code := drumbeat(t, "", "--dir", data, "contacts", "--business", "acme", list); code != 1 || !strings.Contains(said, "--dir") {
		t.Fatalf("without data: exit %d, %s", code, said)
	}
	events := write("events.ndjson", `{"event_type":"reply","event_time":"2025-03-01T10:00:00Z","channel":"sms","account_id":"a","message_id":"m1","address":"0063917-555-0142"}
{"event_type":"reply","event_time":"2025-03-01T10:00:00Z","channel":"email","account_id":"a","message_id":"m2","address":"Ann@Example.org"}
{"event_type":"reply","event_time":"2025-03-01T10:00:00Z","channel":"messenger","account_id":"page","message_id":"m3","address":"8812345678901234","address_kind":"scoped"}
`)
	mustDrumbeat(t, "--dir", data, "import", "--business", "acme", events)
	known := func(channel string) string {
		t.Helper()
		return strings.TrimSpace(strings.TrimPrefix(mustDrumbeat(t, "--dir", data, "query", "--format", "csv", "--sql",
			"SELECT DISTINCT toString(contact_id) AS c FROM events WHERE channel = '"+channel+"'"), "\"c\"\n"))
	}
	out, said, code := drumbeat(t, "", "--dir", data, "contacts", "--business", "acme", "--address", "phone", list)
	if code != 1 || !strings.Contains(said, "list.csv: line 3: phone: unusable address") || strings.Contains(said, "nobody") {
		t.Errorf("exit %d: %s", code, said)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v: %q", err, out)
	}
	if got := strings.Join(rows[0], "|"); got != "contact_id|id|phone|plan" {
		t.Errorf("header %s", got)
	}
	if rows[1][0] != strings.Trim(known("sms"), `"`) || rows[2][0] != "" || rows[2][3] != "a, b" || rows[3][0] != strings.Trim(known("email"), `"`) {
		t.Errorf("rows %q, the events have %s and %s", rows[1:], known("sms"), known("email"))
	}
	scoped := write("scoped.csv", "address\n8812345678901234\n")
	if out := mustDrumbeat(t, "--dir", data, "contacts", "--business", "acme", "--kind", "scoped", "--account", "page", scoped); out != "contact_id,address\n"+strings.Trim(known("messenger"), `"`)+",8812345678901234\n" {
		t.Errorf("scoped: %q, the events have %s", out, known("messenger"))
	}
	for _, wrong := range []struct {
		args []string
		want string
	}{
		{[]string{list}, `no column "address" among id, phone, plan`},
		{[]string{"--kind", "fax", list}, "--kind is phone"},
		{[]string{"--kind", "scoped", list}, "--account"},
		{[]string{write("twice.csv", "contact_id,address\n")}, "rename it"},
	} {
		args := append([]string{"--dir", data, "contacts", "--business", "acme"}, wrong.args...)
		if out, said, code := drumbeat(t, "", args...); code != 2 || out != "" || !strings.Contains(said, wrong.want) {
			t.Errorf("%v: exit %d, %s%s", wrong.args, code, out, said)
		}
	}
}
