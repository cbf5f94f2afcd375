-- What people said, in the order it was stored; nothing is ever overwritten.
CREATE TABLE label (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  revision INTEGER NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'ng', 'unsure', 'withdrawn')),
  kinds TEXT NOT NULL,
  boxes TEXT NOT NULL,
  accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
  user_id TEXT NOT NULL REFERENCES user (id),
  lease_id TEXT,
  shown_at INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  active_ms INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  UNIQUE (inspection_id, revision)
) STRICT;
CREATE TRIGGER label_is_append_only_1 BEFORE UPDATE ON label
BEGIN SELECT RAISE(ABORT, 'labels are append-only revisions'); END;
CREATE TRIGGER label_is_append_only_2 BEFORE DELETE ON label
BEGIN SELECT RAISE(ABORT, 'labels are append-only revisions'); END;

-- Who looks at what right now. The picture is leased with the part: two parts may show the same one. Signing out, or
-- being disabled, frees what was held.
CREATE TABLE label_lease (
  id TEXT PRIMARY KEY,
  inspection_id TEXT NOT NULL UNIQUE REFERENCES inspection (id),
  image_sha256 TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  drawn_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX label_lease_by_session ON label_lease (session_id);
CREATE INDEX label_lease_end ON label_lease (ends_at);

-- Parts judged per person and day, and (person and day '') parts with a label in all. Every tablet shows these numbers
-- after every label: counting rows each time would not do.
CREATE TABLE label_tally (
  day TEXT NOT NULL,
  user_id TEXT NOT NULL,
  parts INTEGER NOT NULL,
  PRIMARY KEY (day, user_id)
) STRICT, WITHOUT ROWID;

-- The defect kinds of every part as its newest label says; rebuilt from `label` at will.
CREATE TABLE label_kind (
  kind TEXT NOT NULL,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  captured_at INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  PRIMARY KEY (kind, inspection_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_kind_by_part ON label_kind (inspection_id);
