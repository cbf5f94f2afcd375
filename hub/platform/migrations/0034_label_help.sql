-- What help each label had, for the question whether help helps. `blind`: the part was shown without any, by a random
-- choice that is the same for everybody. `suggested`: the model had an opinion to take over; `agrees`: the person said
-- the same, taken over or not.
CREATE TABLE label_help (
  label_id TEXT PRIMARY KEY REFERENCES label (id),
  revision INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
  suggested INTEGER NOT NULL CHECK (suggested IN (0, 1)),
  agrees INTEGER NOT NULL CHECK (agrees IN (0, 1)),
  active_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX label_help_by_time ON label_help (stored_at);
CREATE TABLE label_help_tool (
  label_id TEXT NOT NULL REFERENCES label_help (label_id),
  tool TEXT NOT NULL,
  taken TEXT NOT NULL CHECK (taken IN ('no', 'as_is', 'changed')),
  PRIMARY KEY (label_id, tool)
) STRICT, WITHOUT ROWID;
