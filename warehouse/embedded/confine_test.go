package embedded

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The functions that read files ask for no right in the library, whoever calls them.
func TestNoStatementReadsAFileOutsideTheEngine(t *testing.T) {
	if err := confinable(); err != nil {
		t.Skip(err)
	}
	t.Setenv("SECRET_OF_THE_OWNER", "hunter2")
	dir := t.TempDir()
	secret := filepath.Join(dir, "pseudonym.key")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	engine, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, statement := range []string{
		"SELECT file('" + secret + "')",
		"SELECT * APPLY(file) FROM (SELECT '" + secret + "')",
		"SELECT file('" + dir + "/engine/../pseudonym.key')",
		"SELECT file('/proc/self/root" + secret + "')",
		"SELECT formatRow('Template', 1) SETTINGS format_template_row = '" + secret + "'",
		"SELECT file('" + dir + "/engine.json')",
		"SELECT file('/etc/passwd')",
		fmt.Sprintf("SELECT file('/proc/%d/environ')", os.Getpid()),
	} {
		for _, who := range []Credentials{engine.Analyst(), engine.Writer()} {
			answer := post(t, engine, who, statement)
			if !strings.Contains(answer, "Permission denied") || strings.Contains(answer, "hunter2") {
				t.Errorf("%s: %s: %.200s; want a refusal", who.User, statement, answer)
			}
		}
	}
	if answer := post(t, engine, engine.Analyst(), "SELECT 1"); answer != "1\n" {
		t.Errorf("the analyst is answered %q", answer)
	}
}

func post(t *testing.T, engine *Engine, who Credentials, statement string) string {
	t.Helper()
	_, at, err := engine.Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at, strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(who.User, who.Password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
