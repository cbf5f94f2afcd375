-- A picture that waits for its data, or the reverse. On disk before the camera hears that it was taken.
CREATE TABLE source_half (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  source_id TEXT NOT NULL REFERENCES source (id),
  side TEXT NOT NULL CHECK (side IN ('picture', 'data')),
  -- What both halves say; empty when they are joined by time.
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  topic TEXT NOT NULL,
  -- SHA-256 of the payload.
  sha256 TEXT NOT NULL,
  -- File, type and size of a picture, or the data, as JSON.
  content TEXT NOT NULL,
  -- What came beside the payload, as JSON.
  beside TEXT NOT NULL,
  -- When it was joined, stored alone or replaced. It stays for a while, so that a repeat is recognised.
  done_at INTEGER
) STRICT;
CREATE INDEX source_half_waiting ON source_half (source_id, side, key, n) WHERE done_at IS NULL;
CREATE INDEX source_half_same ON source_half (source_id, side, sha256, at);
