package ingest_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest"
	"drumbeat/ingest/spool"
	"drumbeat/warehouse"
	"drumbeat/warehouse/warehousetest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestMetrics(t *testing.T) {
	db := warehousetest.New(t)
	s, _, err := spool.Open(t.TempDir(), spool.Options{SealAfter: -1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := received
	server := newServer(t, s, func(o *ingest.ServerOptions) { o.Now = func() time.Time { return now } })
	metrics := ingest.NewMetrics()
	loader := ingest.NewLoader(s, db, ingest.LoaderOptions{Refused: warehouse.RowsRefused, Observe: metrics.Observe, Log: quiet})
	metrics.Watch(server, loader, s)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics)
	scrape := func() (text string) {
		t.Helper()
		w := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		return w.Body.String()
	}
	f := func(when string, lines ...string) {
		t.Helper()
		text := scrape()
		for _, line := range lines {
			if !strings.Contains(text, "\ndrumbeat_"+line+"\n") {
				t.Errorf("%s: no %s", when, line)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
	}
	f("at the start", "spool_bytes 0", "spool_oldest_age_seconds 0", "last_load_timestamp_seconds 0", "load_batch_events_count 0", `in_flight_bytes{path="/webhooks/"} 0`)

	do(server, signed("/webhooks/whatsapp", status("1", "wamid.1", "12125550142")))
	now = now.Add(40 * time.Second)
	do(server, signed("/webhooks/whatsapp/shop", status("2", "wamid.2", "12125550142")))
	do(server, signed("/webhooks/whatsapp/shop", status("3", "wamid.2", "12125550142")))
	do(server, signed("/webhooks/whatsapp", strings.Replace(status("1", "wamid.1", "12125550142"), "sent", "warning", 1)))
	do(server, request("POST", "/webhooks/whatsapp/shop", "{}"))
	do(server, request("POST", "/v1/events", line("1", "")+"\n{}", "Authorization", "Bearer "+bearer))
	for _, name := range []string{"a", "b", "c"} {
		do(server, request("POST", "/webhooks/made-up/"+name, "{}"))
	}
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20 * time.Second)
	f("before loading",
		`requests_total{source="whatsapp",status="200"} 4`, `requests_total{source="whatsapp",status="401"} 1`, `requests_total{source="unknown",status="404"} 3`,
		`events_accepted_total{source="whatsapp"} 2`, `events_accepted_total{source="events"} 1`,
		`events_rejected_total{reason="another account",source="whatsapp"} 1`, `events_rejected_total{reason="line",source="events"} 1`,
		`items_skipped_total{reason="status without event",source="whatsapp"} 1`, `webhooks_unsigned_total{endpoint="shop",source="whatsapp"} 1`,
		"spool_segments 1", "spool_oldest_age_seconds 60", "spool_limit_bytes 4.294967296e+09", "events_loaded_total 0")
	if text := scrape(); strings.Contains(text, "made-up") {
		t.Error("anyone can make up labels")
	}

	loading, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { loader.Run(loading); close(done) }()
	defer func() { stop(); <-done }()
	if err := loader.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	f("after loading", "spool_bytes 0", "spool_segments 0", "spool_oldest_age_seconds 0", "events_loaded_total 3",
		"load_batch_events_sum 3", "load_latency_seconds_count 1", "load_refused_events_total 0", "load_corrupt_segments_total 0")
}
