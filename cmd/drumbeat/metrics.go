package main

import (
	"net/http"

	"drumbeat/ingest/quarantine"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsSite answers Prometheus. It is for whoever knows the password of the reports: the figures tell how much
// business there is.
func (c *collector) metricsSite(db *lateWarehouse, password string) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		c.metrics, quarantined{c.quarantine},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "drumbeat_warehouse_connected", Help: "0 while serve waits for its warehouse to come, then 1."}, func() float64 {
			if _, err := db.get(); err != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "drumbeat_engine_crashes_total", Help: "Crashes of the embedded engine; 0 on a server."}, func() float64 {
			if present, err := db.get(); err == nil && present.Engine() != nil {
				return float64(present.Engine().State().Crashes)
			}
			return 0
		}),
	)
	return withPassword(password, promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
}

// quarantined shows a quarantine.
type quarantined struct{ *quarantine.Store }

var (
	descBodies  = prometheus.NewDesc("drumbeat_quarantine_bodies", "Bodies in the quarantine.", nil, nil)
	descBytes   = prometheus.NewDesc("drumbeat_quarantine_bytes", "Bytes of their files.", nil, nil)
	descKept    = prometheus.NewDesc("drumbeat_quarantine_kept_total", "Bodies put into the quarantine.", nil, nil)
	descDropped = prometheus.NewDesc("drumbeat_quarantine_dropped_total", "Bodies that gave way to newer ones before their time.", nil, nil)
	descExpired = prometheus.NewDesc("drumbeat_quarantine_expired_total", "Bodies deleted unread when their time was over.", nil, nil)
)

// Describe implements prometheus.Collector.
func (q quarantined) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(q, to) }

// Collect implements prometheus.Collector. A folder that cannot be read has no size.
func (q quarantined) Collect(to chan<- prometheus.Metric) {
	show := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64) {
		to <- prometheus.MustNewConstMetric(desc, kind, value)
	}
	if bodies, bytes, err := q.Size(); err == nil {
		show(descBodies, prometheus.GaugeValue, float64(bodies))
		show(descBytes, prometheus.GaugeValue, float64(bytes))
	}
	stats := q.Stats()
	show(descKept, prometheus.CounterValue, float64(stats.Kept))
	show(descDropped, prometheus.CounterValue, float64(stats.Dropped))
	show(descExpired, prometheus.CounterValue, float64(stats.Expired))
}
