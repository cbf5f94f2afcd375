-- Cameras of other makers are named beside the stations, because inspections belong to a device; they are never told
-- what to run, and they do not sign in as stations.
ALTER TABLE device ADD COLUMN kind TEXT NOT NULL DEFAULT 'station' CHECK (kind IN ('station', 'source'));

CREATE TABLE source (
  id TEXT PRIMARY KEY REFERENCES device (id),
  name TEXT NOT NULL,
  preset TEXT NOT NULL,
  profile TEXT NOT NULL,
  foreign_topics TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  -- SHA-256 of a 256-bit random token.
  token_hash TEXT NOT NULL,
  seen_at INTEGER,
  stored INTEGER NOT NULL DEFAULT 0,
  repeated INTEGER NOT NULL DEFAULT 0,
  ignored INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  trouble TEXT
) STRICT;

-- What was not understood, newest kept; the bytes lie in the folder `quarantine` under the row's number.
CREATE TABLE source_quarantine (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  source_id TEXT NOT NULL REFERENCES source (id),
  at INTEGER NOT NULL,
  via TEXT NOT NULL,
  topic TEXT NOT NULL,
  -- What came beside the payload, as JSON.
  beside TEXT NOT NULL,
  size INTEGER NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  head BLOB NOT NULL,
  -- Bytes in the file; 0 when the message was too large to keep.
  kept INTEGER NOT NULL
) STRICT;
CREATE INDEX source_quarantine_by_source ON source_quarantine (source_id, n);
