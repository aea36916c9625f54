package whatsapp

import (
	"errors"
	"os"
	"strings"
	"testing"

	"drumbeat/ingest"
	"drumbeat/ingest/sourcetest"
)

var suite = sourcetest.Suite{
	Source: Source{}, Channel: "whatsapp", Account: "106540352242922",
	// The invented people of the payloads.
	Contacts: map[ingest.Address]string{
		sourcetest.Parsed("phone", "+12125550100"):            "ana",
		sourcetest.Parsed("phone", "+12125550101"):            "ana's new number",
		sourcetest.Parsed("phone", "+16315551181"):            "meta's test user",
		sourcetest.Parsed("bsuid", "US.13491208655302741918"): "ana's user id",
		sourcetest.Parsed("bsuid", "US.20000000000000000001"): "ana's new user id",
	},
}

func TestFixtures(t *testing.T) { suite.Golden(t) }

func FuzzDecode(f *testing.F) { suite.Fuzz(f) }

func TestWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{"", "{", `{"object":"whatsapp_business_account"} x`, "object=1&entry=2", strings.Repeat("[", 100_000)} {
		if _, err := (Source{}).Decode([]byte(body), ingest.Intake{}); !errors.Is(err, ingest.ErrBody) {
			t.Errorf("%.20q: %v, want ErrBody", body, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"status_sent_per_message_pricing", "message_text"} {
		body, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			b.Fatal(err)
		}
		b.Run("body="+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Source{}).Decode(body, ingest.Intake{Received: sourcetest.Received}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
