package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"drumbeat/warehouse"

	"github.com/apache/arrow/go/v17/arrow/array"
)

const (
	warehousePatience = 5 * time.Second // of each attempt to connect to a server
	warehouseMaxWait  = time.Minute     // between attempts
)

// lateWarehouse is a warehouse that may come after the collectors: platforms send meanwhile, and the
// spool keeps it.
type lateWarehouse struct {
	stop    context.CancelFunc
	waiting sync.WaitGroup

	mu   sync.Mutex
	db   *warehouse.DB
	away error // while db is nil: why
}

// awaitWarehouse opens the warehouse and brings its schema up to date. A server that does not answer is
// tried again in the background; every other failure, and any of the embedded engine, is an error. The caller closes it.
func (p *program) awaitWarehouse(ctx context.Context) (*lateWarehouse, error) {
	if p.DSN == "" {
		db, err := p.openWarehouseToStay(ctx)
		if err != nil {
			return nil, err
		}
		return &lateWarehouse{stop: func() {}, db: db}, nil
	}
	db, err := p.tryWarehouse(ctx)
	if err != nil && !warehouse.Retryable(err) {
		return nil, err
	}
	trying, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &lateWarehouse{stop: stop, db: db, away: err}
	if err != nil {
		p.log.Warn("the warehouse is away; events wait in the spool", "err", err)
		w.waiting.Go(func() { w.wait(trying, p) })
	}
	return w, nil
}

// tryWarehouse connects and migrates. Only connecting is bounded: a migration must not break off.
func (p *program) tryWarehouse(ctx context.Context) (*warehouse.DB, error) {
	opening, cancel := context.WithTimeoutCause(ctx, warehousePatience, errSlow{})
	defer cancel()
	db, err := warehouse.Open(opening, warehouse.Options{DSN: p.DSN, AnalystDSN: p.AnalystDSN, Log: p.log})
	if err != nil {
		if ctx.Err() == nil && opening.Err() != nil {
			return nil, fmt.Errorf("open warehouse: %w", context.Cause(opening))
		}
		return nil, err
	}
	_, err = db.Migrate(ctx)
	if err == nil {
		err = p.checkKey(ctx, db)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// errSlow is a net.Error, and so retryable.
type errSlow struct{}

func (errSlow) Error() string   { return fmt.Sprintf("no answer within %v", warehousePatience) }
func (errSlow) Timeout() bool   { return true }
func (errSlow) Temporary() bool { return true }

func (w *lateWarehouse) wait(ctx context.Context, p *program) {
	for wait := time.Second; ; wait = min(2*wait, warehouseMaxWait) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		db, err := p.tryWarehouse(ctx)
		w.mu.Lock()
		w.db, w.away = db, err
		w.mu.Unlock()
		switch {
		case err == nil:
			p.log.Info("the warehouse is there")
			return
		case ctx.Err() != nil:
			return
		case warehouse.Retryable(err):
			p.log.Warn("the warehouse is still away", "err", err)
		default: // an operator can mend it, and the events are safe meanwhile
			p.log.Error("the warehouse cannot be used; events wait in the spool", "err", err)
		}
	}
}

// get returns the warehouse, or why it is not there.
func (w *lateWarehouse) get() (*warehouse.DB, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil {
		return nil, fmt.Errorf("the warehouse is away: %w", w.away)
	}
	return w.db, nil
}

// Insert is [warehouse.DB.Insert]. While the warehouse is away it fails, and may be repeated.
func (w *lateWarehouse) Insert(ctx context.Context, table string, records array.RecordReader, token string) error {
	db, err := w.get()
	if err != nil {
		return err
	}
	return db.Insert(ctx, table, records, token)
}

func (w *lateWarehouse) close() error {
	w.stop()
	w.waiting.Wait()
	if w.db == nil {
		return nil
	}
	return w.db.Close()
}
