-- events: event_log as analysts read it, one row per fact. `copies` says how often it arrived.
CREATE VIEW IF NOT EXISTS events AS SELECT * FROM event_log FINAL
