// Package transform turns facts into messages, and messages into metrics.
//
// A model is one SQL file in models/, named after the relation it fills; its header says grain,
// inputs and units. A job runs models over a window of UTC days, each after those that it reads, two
// at a time. Each model replaces what it wrote for that window before, so a job can run again, at any time and over any past window:
//
//	result, err := transform.Run(ctx, db, "frequency", transform.Window{})
//
// The statistics that SQL should not do are in package stats; docs/metrics.md defines each figure.
package transform
