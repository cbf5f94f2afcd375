-- Waiting parts stand in streams: parts of one line that wait for one reason, are about equally uncertain and show the
-- same kind of defect. Within a stream one part is worth as much as the next, so a draw values some hundred streams and
-- never a million parts, and other weights hold at once. As JSON: [line, reason, look, band, kind].
ALTER TABLE inspection ADD COLUMN queue_stream TEXT;
-- The probability with which chance alone picked the part for a person, whatever the model says of it; null where it did not.
ALTER TABLE inspection ADD COLUMN queue_chance REAL;

DROP TRIGGER inspection_queued;
DROP TRIGGER inspection_requeued;
DROP TABLE queue_size;
DROP INDEX inspection_queue;

UPDATE inspection SET queue_stream = json_array(
  coalesce(header ->> '$.model.line', ''),
  queue_reason,
  CASE WHEN label_revision IS NULL THEN 1 ELSE 2 END,
  CASE
    WHEN queue_reason = 'audit' THEN 0
    WHEN eval IN ('undecidable', 'undefined') THEN 7
    WHEN header ->> '$.verdict.score' IS NULL THEN 0
    WHEN header ->> '$.verdict.score' < coalesce(header ->> '$.verdict.t_low', 0.5)
      THEN CAST(round(7 * max(0, (header ->> '$.verdict.score') / coalesce(header ->> '$.verdict.t_low', 0.5))) AS INTEGER)
    WHEN header ->> '$.verdict.score' > coalesce(header ->> '$.verdict.t_high', 0.5)
      THEN CAST(round(7 * max(0, (1 - (header ->> '$.verdict.score')) / (1 - coalesce(header ->> '$.verdict.t_high', 0.5)))) AS INTEGER)
    ELSE 7
  END,
  CASE WHEN queue_reason = 'audit' THEN '' ELSE coalesce((
    SELECT CASE WHEN EXISTS (SELECT 1 FROM defect_class WHERE key = f.value ->> '$.kind') THEN f.value ->> '$.kind' ELSE 'unknown' END
    FROM json_each(header, '$.findings') f ORDER BY f.value ->> '$.score' DESC, f.key LIMIT 1
  ), '') END
) WHERE queue_rank IS NOT NULL;

CREATE INDEX inspection_queue ON inspection (queue_stream, n) WHERE queue_stream IS NOT NULL;

-- How many parts wait in each stream: counting millions of rows for every draw would not do.
CREATE TABLE queue_stream (key TEXT PRIMARY KEY, waiting INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO queue_stream
  SELECT queue_stream, count(*) FROM inspection WHERE queue_stream IS NOT NULL GROUP BY queue_stream;
CREATE TRIGGER inspection_queued AFTER INSERT ON inspection WHEN NEW.queue_stream IS NOT NULL
BEGIN
  INSERT INTO queue_stream VALUES (NEW.queue_stream, 1) ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER inspection_requeued AFTER UPDATE OF queue_stream ON inspection
WHEN NEW.queue_stream IS NOT OLD.queue_stream
BEGIN
  UPDATE queue_stream SET waiting = waiting - 1 WHERE key = OLD.queue_stream;
  DELETE FROM queue_stream WHERE key = OLD.queue_stream AND waiting <= 0;
  INSERT INTO queue_stream SELECT NEW.queue_stream, 1 WHERE NEW.queue_stream IS NOT NULL
    ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;

-- What makes a part worth a look, line by line ('' for every other). Each change is a row; null weights end a line's own.
CREATE TABLE queue_policy (
  version INTEGER PRIMARY KEY,
  line TEXT NOT NULL,
  weights TEXT,
  audit_share REAL NOT NULL,
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Why each part was handed to whom: with `chance`, what an estimate needs that must not lean towards doubtful parts.
CREATE TABLE label_draw (
  lease_id TEXT PRIMARY KEY,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL,
  value REAL NOT NULL,
  shares TEXT NOT NULL,
  chance REAL,
  -- The newest row of queue_policy then; 0 before there was one.
  policy INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Parts with a label of a kind: what makes a kind rare.
CREATE TABLE label_kind_count (kind TEXT PRIMARY KEY, labels INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO label_kind_count SELECT kind, count(*) FROM label_kind GROUP BY kind;
CREATE TRIGGER label_kind_added AFTER INSERT ON label_kind
BEGIN
  INSERT INTO label_kind_count VALUES (NEW.kind, 1) ON CONFLICT DO UPDATE SET labels = labels + 1;
END;
CREATE TRIGGER label_kind_dropped AFTER DELETE ON label_kind
BEGIN
  UPDATE label_kind_count SET labels = labels - 1 WHERE kind = OLD.kind;
END;
