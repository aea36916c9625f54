package transform

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01 00:00 UTC
		var logged bytes.Buffer
		log := slog.New(slog.NewTextHandler(&logged, nil))
		ctx, cancel := context.WithCancel(t.Context())
		var daily []time.Time
		var hours, panics int
		ended := false
		done := make(chan error, 1)
		go func() {
			done <- Serve(ctx, log,
				Scheduled{Name: "daily", Spec: "15 3 * * *", Zone: "Asia/Manila", Do: func(context.Context) error {
					daily = append(daily, time.Now().UTC())
					return errors.New("no luck today")
				}},
				Scheduled{Name: "slow", Spec: "0 * * * *", Do: func(ctx context.Context) error {
					hours++
					select {
					case <-time.After(90 * time.Minute):
						return nil
					case <-ctx.Done():
						time.Sleep(time.Second) // what is under way is waited for
						ended = true
						return context.Cause(ctx)
					}
				}},
				Scheduled{Name: "broken", Spec: "@every 24h", Do: func(context.Context) error {
					panics++
					panic("broken")
				}})
		}()
		time.Sleep(2*24*time.Hour + 20*time.Minute)
		synctest.Wait()
		if len(daily) != 2 || daily[0].Format("15:04") != "19:15" {
			t.Errorf("daily at 3:15 in Manila ran at %v", daily)
		}
		if hours != 24 { // every second hour
			t.Errorf("slow ran %d times", hours)
		}
		if panics != 2 {
			t.Errorf("a panic stopped the schedule: %d runs", panics)
		}
		cancel()
		if err := <-done; err != nil || !ended {
			t.Errorf("Serve returned %v before what was under way had ended: %v", err, !ended)
		}
		for _, want := range []string{"no luck today", "skipped", "ended with the program"} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log does not say %q", want)
			}
		}
	})
}

func TestServeRefuses(t *testing.T) {
	f := func(e Scheduled, want string) {
		t.Helper()
		e.Name = "report"
		e.Do = func(context.Context) error { return nil }
		err := Serve(t.Context(), slog.Default(), e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	f(Scheduled{Spec: "15 3 * *"}, `schedule report: "15 3 * *"`)
	f(Scheduled{Spec: "15 25 * * *"}, "schedule report")
	f(Scheduled{Spec: "15 3 * * *", Zone: "Asia/Atlantis"}, `zone "Asia/Atlantis"`)
}
