-- Programs on other machines that make models. Of a token only its hash is kept; empty when it has been taken back.
CREATE TABLE trainer (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  revoked_at INTEGER,
  seen_at INTEGER,
  -- What it registered: recipes, GPUs.
  said TEXT
) STRICT;

-- Where a job is made; 'paper' is carried to its trainer and back.
ALTER TABLE training_job ADD COLUMN place TEXT NOT NULL DEFAULT 'hub' CHECK (place IN ('hub', 'trainer', 'paper'));
-- Recipe with its parameters; null in jobs from before there was a choice.
ALTER TABLE training_job ADD COLUMN recipe TEXT;
-- Digest of the job bundle, once it has been put together.
ALTER TABLE training_job ADD COLUMN bundle TEXT;
ALTER TABLE training_job ADD COLUMN reproduces TEXT REFERENCES training_job (id);
-- The one trainer that may take it, if one was named.
ALTER TABLE training_job ADD COLUMN wish TEXT;
-- Who has it or had it last. `epoch` counts how often it was given out: an older one may not write.
ALTER TABLE training_job ADD COLUMN trainer TEXT;
ALTER TABLE training_job ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
-- The claim that got it: the same one again gets it again.
ALTER TABLE training_job ADD COLUMN claim TEXT;
ALTER TABLE training_job ADD COLUMN lease_until INTEGER;
-- Digest of the result's manifest, once it has been taken.
ALTER TABLE training_job ADD COLUMN result TEXT;
CREATE INDEX training_job_alive ON training_job (state) WHERE state IN ('queued', 'running', 'proving');

ALTER TABLE training_point ADD COLUMN step INTEGER;

-- What became of each time a job was given out.
CREATE TABLE training_attempt (
  job TEXT NOT NULL REFERENCES training_job (id),
  n INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  trainer TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  how TEXT,
  detail TEXT,
  PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;

-- What a trainer has handed in whole: an object of the store that this job may name.
CREATE TABLE training_file (
  job TEXT NOT NULL REFERENCES training_job (id),
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  -- Whether it came with this job. What was in the store before belongs to others and is never removed with it.
  fresh INTEGER NOT NULL,
  PRIMARY KEY (job, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE training_checkpoint (
  job TEXT NOT NULL REFERENCES training_job (id),
  n INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  step INTEGER,
  at INTEGER NOT NULL,
  PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;
