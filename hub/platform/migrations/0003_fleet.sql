-- Stations and what the hub knows of each. A revoked station keeps its row: its inspections stay its own.
CREATE TABLE device (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  revoked_at INTEGER,
  -- SHA-256 of a 256-bit random secret: nothing to guess, so no slow hash is needed on the way to CONNACK.
  secret_hash TEXT NOT NULL,
  seen_at INTEGER,
  state TEXT,
  reported TEXT,
  reported_at INTEGER,
  -- Strictly increasing for ever, also across enrolments: devices refuse anything not above the highest they saw.
  desired_rev INTEGER NOT NULL DEFAULT 0,
  desired TEXT
) STRICT;

CREATE TABLE enrolment_code (
  code_hash TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE device_event (
  n INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL REFERENCES device (id),
  received_at INTEGER NOT NULL,
  event TEXT NOT NULL
) STRICT;
CREATE INDEX device_event_by_device ON device_event (device_id, n);
