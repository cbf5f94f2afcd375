-- What was brought in from other programs: when, by whom, and what became of it.
CREATE TABLE import_job (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
  seen INTEGER NOT NULL,
  total INTEGER,
  report TEXT NOT NULL,
  error TEXT,
  started_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX import_job_by_time ON import_job (started_at DESC, id);
