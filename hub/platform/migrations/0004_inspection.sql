-- Image files that are on disk before any row names them.
CREATE TABLE image (
  sha256 TEXT PRIMARY KEY,
  mime TEXT NOT NULL,
  w INTEGER NOT NULL,
  h INTEGER NOT NULL,
  size INTEGER NOT NULL,
  stored_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE thumbnail (
  sha256 TEXT NOT NULL REFERENCES image (sha256),
  max INTEGER NOT NULL,
  thumb_sha256 TEXT NOT NULL,
  mime TEXT NOT NULL,
  PRIMARY KEY (sha256, max)
) STRICT, WITHOUT ROWID;

CREATE TABLE inspection (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  device_id TEXT NOT NULL REFERENCES device (id),
  boot TEXT NOT NULL,
  seq INTEGER NOT NULL,
  captured_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  part_id TEXT,
  product_id TEXT,
  eval TEXT NOT NULL CHECK (eval IN ('ok', 'ng', 'undecidable', 'undefined')),
  model_digest TEXT,
  -- The header as the device wrote it.
  header TEXT NOT NULL,
  -- The part a person looks at; the others stand in the header.
  image_sha256 TEXT REFERENCES image (sha256),
  -- The newest label revision, written by labelling in its own transaction.
  label_revision INTEGER,
  label_verdict TEXT CHECK (label_verdict IN ('ok', 'ng', 'unsure')),
  label_kinds TEXT,
  label_by TEXT,
  label_at INTEGER,
  -- Why the part waits for a person; both null when it does not. A lower rank is served first.
  queue_reason TEXT,
  queue_rank INTEGER,
  CHECK ((queue_reason IS NULL) = (queue_rank IS NULL)),
  UNIQUE (device_id, boot, seq)
) STRICT;
CREATE INDEX inspection_by_time ON inspection (received_at, n);
CREATE INDEX inspection_by_part ON inspection (part_id) WHERE part_id IS NOT NULL;
CREATE INDEX inspection_by_image ON inspection (image_sha256) WHERE image_sha256 IS NOT NULL;
CREATE INDEX inspection_labelled ON inspection (received_at, n) WHERE label_verdict IS NOT NULL;
-- Newest first within a rank: the line as it runs now is worth more than last week's.
CREATE INDEX inspection_queue ON inspection (queue_rank, n DESC) WHERE queue_rank IS NOT NULL;

-- How many parts wait, by reason: counting millions of rows for every screen would not do.
CREATE TABLE queue_size (reason TEXT PRIMARY KEY, waiting INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER inspection_queued AFTER INSERT ON inspection WHEN NEW.queue_reason IS NOT NULL
BEGIN
  INSERT INTO queue_size VALUES (NEW.queue_reason, 1) ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER inspection_requeued AFTER UPDATE OF queue_reason ON inspection
WHEN NEW.queue_reason IS NOT OLD.queue_reason
BEGIN
  UPDATE queue_size SET waiting = waiting - 1 WHERE reason = OLD.queue_reason;
  INSERT INTO queue_size SELECT NEW.queue_reason, 1 WHERE NEW.queue_reason IS NOT NULL
    ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;

-- Counts per bucket of arrival time for the live chart.
CREATE TABLE live_count (
  at INTEGER PRIMARY KEY,
  ok INTEGER NOT NULL DEFAULT 0,
  ng INTEGER NOT NULL DEFAULT 0,
  undecidable INTEGER NOT NULL DEFAULT 0,
  judged_ng INTEGER NOT NULL DEFAULT 0,
  escapes INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What the hub would not take, bounded; the head of the message is kept for the person who has to find out why.
CREATE TABLE refusal (
  n INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  at INTEGER NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  inspection_id TEXT,
  size INTEGER NOT NULL,
  head BLOB NOT NULL
) STRICT;
