-- What models say of parts that wait for a person: the champion of parts that another model judged, the teacher of all.
-- Nothing here decides anything.
CREATE TABLE prelabel (
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  role TEXT NOT NULL CHECK (role IN ('champion', 'teacher')),
  model TEXT NOT NULL REFERENCES model (digest),
  eval TEXT NOT NULL CHECK (eval IN ('ok', 'ng', 'undecidable')),
  score REAL,
  findings TEXT NOT NULL,
  -- Whether it sees the part differently than the station did.
  disagrees INTEGER NOT NULL CHECK (disagrees IN (0, 1)),
  made_at INTEGER NOT NULL,
  PRIMARY KEY (inspection_id, role)
) STRICT, WITHOUT ROWID;
-- How far each model has come; parts with numbers from `low` to `high` have had their turn.
CREATE TABLE prelabel_run (
  role TEXT NOT NULL,
  model TEXT NOT NULL REFERENCES model (digest),
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  made INTEGER NOT NULL DEFAULT 0,
  differed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (role, model)
) STRICT, WITHOUT ROWID;
-- The model that is named teacher; no row: none.
CREATE TABLE teacher (only INTEGER PRIMARY KEY CHECK (only = 1), model TEXT NOT NULL REFERENCES model (digest)) STRICT;
