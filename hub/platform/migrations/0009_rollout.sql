-- One release on its way to the stations, group by group; group 0 is the canary.
CREATE TABLE rollout (
  id TEXT PRIMARY KEY,
  line TEXT NOT NULL,
  release INTEGER NOT NULL,
  model TEXT NOT NULL REFERENCES model (digest),
  manifest TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('running', 'paused', 'finished', 'halted', 'rolled_back', 'superseded')),
  current_group INTEGER NOT NULL DEFAULT 0,
  -- 1: every station of the line, also those enrolled while it runs.
  everyone INTEGER NOT NULL,
  probation TEXT NOT NULL,
  halt_device TEXT,
  halt_reason TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  created_by TEXT NOT NULL
) STRICT;
CREATE INDEX rollout_by_time ON rollout (created_at, id);
-- Two rollouts of one line at a time would fight over its stations.
CREATE UNIQUE INDEX rollout_active ON rollout (line) WHERE state IN ('running', 'paused');

CREATE TABLE rollout_device (
  rollout TEXT NOT NULL REFERENCES rollout (id),
  device TEXT NOT NULL REFERENCES device (id),
  device_group INTEGER NOT NULL,
  -- Revision of the wish that asked for this release; reports that have not seen it say nothing about it.
  rev INTEGER,
  -- What ran before, to return to.
  before_manifest TEXT,
  state TEXT NOT NULL,
  progress REAL,
  reason TEXT,
  committed_at INTEGER,
  PRIMARY KEY (rollout, device)
) STRICT, WITHOUT ROWID;

-- What each station is told to run now, by line: the content of its wish.
CREATE TABLE wanted_line (
  device TEXT NOT NULL REFERENCES device (id),
  line TEXT NOT NULL,
  manifest TEXT NOT NULL,
  probation TEXT NOT NULL,
  PRIMARY KEY (device, line)
) STRICT, WITHOUT ROWID;

-- Releases below are never to be run again.
CREATE TABLE line_floor (line TEXT PRIMARY KEY, floor INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- A defect kind from its first sight to a model that knows it on every station.
CREATE TABLE learning_loop (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  first_labelled_at INTEGER NOT NULL,
  labels INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  job TEXT,
  model TEXT,
  rollout TEXT,
  closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX learning_loop_open ON learning_loop (kind) WHERE closed_at IS NULL;
