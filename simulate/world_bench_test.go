package simulate

import (
	"fmt"
	"testing"
)

// go test -run '^$' -bench . ./simulate
func BenchmarkTell(b *testing.B) {
	for _, contacts := range []int{500, 5000} {
		w := New(Options{Seed: 1, Contacts: contacts, Days: 60})
		for _, form := range []struct {
			name string
			tell func() (facts, bytes int)
		}{
			{"facts", func() (n, _ int) {
				for range w.facts {
					n++
				}
				return n, 0
			}},
			{"lines", func() (n, _ int) {
				for range w.Lines() {
					n++
				}
				return n, 0
			}},
			{"whatsapp", func() (n, bytes int) {
				for p := range w.WhatsApp() {
					n += p.Facts
					bytes += len(p.Body)
				}
				return n, bytes
			}},
		} {
			b.Run(fmt.Sprintf("form=%s/contacts=%d", form.name, contacts), func(b *testing.B) {
				b.ReportAllocs()
				var facts int
				for b.Loop() {
					n, bytes := form.tell()
					facts += n
					b.SetBytes(int64(bytes))
				}
				b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
