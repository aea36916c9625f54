package instagram

import (
	"errors"
	"strings"
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/sourcetest"
)

var suite = sourcetest.Suite{
	Source: Source{}, Channel: "instagram", Account: "17840000000000001",
	// The invented people of the payloads.
	Contacts: map[ingest.Address]string{
		sourcetest.Parsed("scoped", "6000000000000101"): "ana",
		sourcetest.Parsed("scoped", "12334"):            "meta's test user",
	},
}

func TestFixtures(t *testing.T) { suite.Golden(t) }

func FuzzDecode(f *testing.F) { suite.Fuzz(f) }

func TestWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{
		"", "{", `{"object":"instagram"} x`, `{"object":"instagram"}{"object":"instagram"}`, "// a comment\n" + `{"object":"instagram"}`, "object=instagram", strings.Repeat("[", 100_000),
	} {
		if _, err := (Source{}).Decode([]byte(body), ingest.Intake{}); !errors.Is(err, ingest.ErrBody) {
			t.Errorf("%.20q: %v, want ErrBody", body, err)
		}
	}
}
