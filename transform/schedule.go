package transform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"
)

// Scheduled is something to do again and again.
type Scheduled struct {
	Name string
	Spec string // minute, hour, day of month, month, day of week; or @daily, @every 1h
	Zone string // IANA; default UTC. An hour that a change of clocks skips or repeats: choose another one
	Do   func(context.Context) error
}

// Serve does what is scheduled until ctx ends, then waits for what is under way, whose ctx has ended too.
// It returns an error, before it does anything, if a spec or zone cannot be read. An error or a panic of
// one run is logged and does not stop the next. A run that is due while the one before it still goes on is skipped.
func Serve(ctx context.Context, log *slog.Logger, entries ...Scheduled) error {
	told := cronLog{log}
	c := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(told),
		cron.WithChain(cron.SkipIfStillRunning(told), cron.Recover(told)))
	for _, e := range entries {
		zone := e.Zone
		if zone == "" {
			zone = "UTC"
		}
		if _, err := time.LoadLocation(zone); err != nil {
			return fmt.Errorf("schedule %s: zone %q: name one of the IANA time zones, such as Asia/Manila: %w", e.Name, e.Zone, err)
		}
		_, err := c.AddFunc("CRON_TZ="+zone+" "+e.Spec, func() {
			started := time.Now()
			err := e.Do(ctx)
			switch took := time.Since(started).Milliseconds(); {
			case err == nil:
				log.Info("scheduled run finished", "name", e.Name, "took_ms", took)
			case errors.Is(err, context.Canceled) && ctx.Err() != nil:
				log.Info("scheduled run ended with the program", "name", e.Name, "took_ms", took)
			default:
				log.Error("scheduled run", "name", e.Name, "took_ms", took, "error", err)
			}
		})
		if err != nil {
			return fmt.Errorf("schedule %s: %q: write minute, hour, day of month, month and day of week, such as 15 3 * * *: %w", e.Name, e.Spec, err)
		}
	}
	c.Start()
	<-ctx.Done()
	<-c.Stop().Done()
	return nil
}

// cronLog lets cron's own words through only where they matter: a skipped run, a panic.
type cronLog struct{ *slog.Logger }

func (l cronLog) Info(message string, facts ...any) {
	if message == "skip" {
		l.Logger.Warn("scheduled run skipped: the one before it still goes on", facts...)
	}
}

func (l cronLog) Error(err error, message string, facts ...any) {
	l.Logger.Error("scheduled run: "+message, append(facts, "error", err)...)
}
