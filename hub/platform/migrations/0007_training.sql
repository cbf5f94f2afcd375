-- Training jobs. The row is the truth: a hub that was killed finds here what it was doing.
CREATE TABLE training_job (
  id TEXT PRIMARY KEY,
  line TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'proving', 'succeeded', 'failed', 'cancelled')),
  -- Who or what asked: 'manual', 'new_kind', 'new_labels'.
  why TEXT NOT NULL,
  seed INTEGER NOT NULL,
  -- How often it was started; the second interruption is its end.
  attempt INTEGER NOT NULL DEFAULT 0,
  dataset TEXT NOT NULL REFERENCES dataset_version (digest),
  golden TEXT NOT NULL REFERENCES dataset_version (digest),
  counts TEXT NOT NULL,
  -- Labels there were when the sets were frozen, in all and by kind: what is new since then may start the next job.
  labels TEXT NOT NULL,
  progress TEXT,
  error TEXT,
  model TEXT,
  gate_pass INTEGER,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  created_by TEXT NOT NULL
) STRICT;
CREATE INDEX training_job_by_time ON training_job (created_at, id);

-- Figures as the trainer sent them, for the curves.
CREATE TABLE training_point (
  job TEXT NOT NULL REFERENCES training_job (id),
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  progress REAL NOT NULL,
  metrics TEXT NOT NULL,
  PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;
