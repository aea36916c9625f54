package ingest

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// benchDraft is a send as most are.
func benchDraft() Draft {
	at := time.Date(2026, 3, 2, 1, 15, 0, 0, time.UTC)
	address, err := ParseAddress(Phone, "+12125550142")
	if err != nil {
		panic(err)
	}
	return Draft{
		Event: Event{Type: Send, Time: at, IngestedAt: at, BusinessID: "acme", AccountID: "111222333", Channel: "whatsapp", Provider: "meta",
			TemplateID: "spring_2", CampaignID: "spring-2026-03", Category: "marketing", Zone: "America/New_York", Language: "en", Purpose: "proactive", Billable: "yes"},
		Address: address, MessageKey: "wamid.made-up-for-the-benchmark-000000000000000000000000",
	}
}

// go test ./ingest -run '^$' -bench Path -benchtime 2s : what one event costs between its decoder and
// the insert, per step.
func BenchmarkPath(b *testing.B) {
	pseudonym, err := NewPseudonymizer(make([]byte, keySize))
	if err != nil {
		b.Fatal(err)
	}
	draft := benchDraft()
	event := pseudonym.Seal(&draft)
	const events = 500 // of a post
	var record []byte
	var before *Event
	for range events {
		record = appendAfter(record, before, &event)
		before = &event
	}
	b.Run("step=seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pseudonym.Seal(&draft)
		}
	})
	perEvent := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
	}
	b.Run("step=spool", func(b *testing.B) {
		b.ReportAllocs()
		var to []byte
		for b.Loop() {
			to = to[:0]
			for range events {
				to = appendEvent(to, &event)
			}
		}
		perEvent(b)
		b.ReportMetric(float64(len(to))/events, "bytes/event")
	})
	b.Run("step=unspool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := readEvents(record, func(*Event) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b)
	})
	b.Run("step=arrow", func(b *testing.B) {
		b.ReportAllocs()
		r := newRows(memory.DefaultAllocator)
		defer r.release()
		for b.Loop() {
			for range 100 * events {
				r.add(&event)
			}
			r.record().Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events/100, "ns/event")
	})
}
