package ingest

import (
	"errors"
	"strconv"
	"time"

	"drumbeat/ingest/spool"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics shows Prometheus what a collector does. What server, loader and spool count already is read
// from them at each scrape; register a Metrics where scrapes are answered.
type Metrics struct {
	server  *Server
	loader  *Loader
	spool   *spool.Spool
	latency prometheus.Histogram
	batches prometheus.Histogram
}

// NewMetrics returns metrics of nothing yet: give its Observe to the loader, then Watch.
func NewMetrics() *Metrics {
	return &Metrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "drumbeat_load_latency_seconds", Help: "From the acceptance of the oldest event of a batch until the batch can be queried.",
			Buckets: prometheus.ExponentialBuckets(0.1, 2, 16), // to 55 minutes
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "drumbeat_load_batch_events", Help: "Events of one insert.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 10), // to 262,144
		}),
	}
}

// Observe is LoaderOptions.Observe.
func (m *Metrics) Observe(rows int, oldest time.Time, _ time.Duration) {
	m.latency.Observe(time.Since(oldest).Seconds())
	m.batches.Observe(float64(rows))
}

// Watch says of what these are the metrics. Call it before the first scrape.
func (m *Metrics) Watch(server *Server, loader *Loader, spool *spool.Spool) {
	m.server, m.loader, m.spool = server, loader, spool
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("drumbeat_"+name, help, labels, nil)
}

// Every label has few values: sources and endpoints are configured, reasons are constant phrases.
var (
	descRequests = describe("requests_total", "Requests answered, by source and HTTP status.", "source", "status")
	descAccepted = describe("events_accepted_total", "Events acknowledged, copies included.", "source")
	descRejected = describe("events_rejected_total", "Events and lines not taken.", "source", "reason")
	descSkipped  = describe("items_skipped_total", "Items of webhooks that give no event.", "source", "reason")
	descUnsigned = describe("webhooks_unsigned_total", "Webhooks refused for a wrong signature or none.", "source", "endpoint")
	descInFlight = describe("in_flight_bytes", "Bodies of requests in memory.", "path")
	descSpool    = describe("spool_bytes", "Acknowledged events that wait to be loaded.")
	descLimit    = describe("spool_limit_bytes", "What the spool may hold before events are refused.")
	descSegments = describe("spool_segments", "Sealed files of the spool that wait to be loaded.")
	descOldest   = describe("spool_oldest_age_seconds", "Age of the oldest event in a sealed file of the spool; 0 if there is none.")
	descLoaded   = describe("events_loaded_total", "Events stored in the warehouse.")
	descRetries  = describe("load_retries_total", "Inserts repeated because the warehouse was away.")
	descRefused  = describe("load_refused_events_total", "Events set aside because the warehouse will not take them, and records that are no events.")
	descCorrupt  = describe("load_corrupt_segments_total", "Files of the spool set aside because the disk changed them.")
	descLastLoad = describe("last_load_timestamp_seconds", "When the last file of the spool was loaded; 0 if none was.")
	descriptions = []*prometheus.Desc{
		descRequests, descAccepted, descRejected, descSkipped, descUnsigned, descInFlight,
		descSpool, descLimit, descSegments, descOldest, descLoaded, descRetries, descRefused, descCorrupt, descLastLoad,
	}
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range descriptions {
		to <- desc
	}
	m.latency.Describe(to)
	m.batches.Describe(to)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for source, stats := range m.server.Stats() {
		count(descAccepted, stats.Accepted, source)
		for status, n := range stats.Requests {
			count(descRequests, n, source, strconv.Itoa(status))
		}
		for reason, n := range stats.Rejected {
			count(descRejected, n, source, reason)
		}
		for reason, n := range stats.Skipped {
			count(descSkipped, n, source, reason)
		}
		for endpoint, n := range stats.Unsigned {
			count(descUnsigned, n, source, endpoint)
		}
	}
	gauge(descInFlight, float64(m.server.webhooks.taken.Load()), "/webhooks/")
	gauge(descInFlight, float64(m.server.lines.taken.Load()), "/v1/events")

	waiting, limit := m.spool.Bytes()
	sealed := m.spool.Sealed()
	gauge(descSpool, float64(waiting))
	gauge(descLimit, float64(limit))
	gauge(descSegments, float64(len(sealed)))
	gauge(descOldest, m.oldest(sealed))

	loaded := m.loader.Stats()
	count(descLoaded, loaded.Events)
	count(descRetries, loaded.Retries)
	count(descRefused, loaded.Refused)
	count(descCorrupt, loaded.Corrupt)
	last := 0.0
	if !loaded.LastLoad.IsZero() {
		last = float64(loaded.LastLoad.UnixMilli()) / 1000
	}
	gauge(descLastLoad, last)
	m.latency.Collect(to)
	m.batches.Collect(to)
}

var errFirst = errors.New("the first is enough")

// oldest returns the age of the first event of the oldest segment, in seconds.
func (m *Metrics) oldest(sealed []spool.Segment) float64 {
	if len(sealed) == 0 {
		return 0
	}
	var at time.Time
	// The error says that an event was found, or that the segment was loaded in this moment.
	_, _ = m.spool.Read(sealed[0], func(record []byte) error {
		return readEvents(record, func(e *Event) error {
			at = e.IngestedAt
			return errFirst
		})
	})
	if at.IsZero() {
		return 0
	}
	return max(0, m.server.now().Sub(at).Seconds())
}
