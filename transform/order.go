package transform

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many models are computed side by side: the database shares two processors among them, and each takes memory.
const atOnce = 2

// all computes the models of a job. The first one alone, because it says which days there are; each of the others once those that it reads are done.
// After an error no further one begins.
func (r *run) all(ctx context.Context, models []model) error {
	earlier, err := earlierOf(models)
	if err != nil {
		return err
	}
	steps, done := make([]*Step, len(models)), make([]chan struct{}, len(models))
	for i := range done {
		done[i] = make(chan struct{})
	}
	compute := func(ctx context.Context, i int) (err error) {
		if steps[i], err = r.step(ctx, models[i]); err != nil {
			return fmt.Errorf("%s: %w", models[i].relation, err)
		}
		close(done[i])
		return nil
	}
	err = compute(ctx, 0)
	if err == nil && r.result.Window.IsZero() { // nothing was sent: what is no matter of days has rows all the same
		for i := 1; i < len(models) && err == nil; i++ {
			if models[i].scope == everything {
				err = compute(ctx, i)
			}
		}
	} else if err == nil {
		err = r.sideBySide(ctx, earlier, done, compute)
	}
	for _, s := range steps {
		if s != nil {
			r.result.Steps = append(r.result.Steps, *s)
		}
	}
	return err
}

// sideBySide computes all models but the first, each once those that it reads are done.
func (r *run) sideBySide(ctx context.Context, earlier [][]int, done []chan struct{}, compute func(context.Context, int) error) error {
	running, until := errgroup.WithContext(ctx)
	free := make(chan struct{}, atOnce)
	for i := 1; i < len(earlier); i++ {
		running.Go(func() error {
			for _, before := range earlier[i] {
				select {
				case <-done[before]:
				case <-until.Done():
					return context.Cause(until)
				}
			}
			select {
			case free <- struct{}{}:
			case <-until.Done():
				return context.Cause(until)
			}
			defer func() { <-free }()
			return compute(until, i)
		})
	}
	return running.Wait()
}

var (
	readsLine = regexp.MustCompile(`(?s)\n-- reads:(.*?)\n-- params:`)
	comments  = regexp.MustCompile(`(?m)--.*$`)
	words     = regexp.MustCompile(`[a-z_]+`)
)

// earlierOf returns for each model which of those before it it reads: those that its SQL names, or the line `reads` of its header,
// where Go reads them.
func earlierOf(models []model) ([][]int, error) {
	earlier := make([][]int, len(models))
	for i, m := range models {
		sql, err := asOneText(m.relation)
		if err != nil {
			return nil, err
		}
		named := map[string]bool{}
		for _, word := range words.FindAllString(strings.Join(readsLine.FindStringSubmatch(sql), " ")+comments.ReplaceAllString(sql, ""), -1) {
			named[word] = true
		}
		for j, before := range models[:i] {
			if named[before.relation] {
				earlier[i] = append(earlier[i], j)
			}
		}
	}
	return earlier, nil
}
