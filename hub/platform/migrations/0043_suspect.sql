-- Labels a trainer doubts, each revision once: a model that had not seen the part took it for something else ('' is OK).
-- Nothing here changes a label; a reviewer looks, and what came of it stands in `label_review`.
CREATE TABLE label_suspect (
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  revision INTEGER NOT NULL,
  job TEXT NOT NULL,
  said TEXT NOT NULL,
  p_said REAL NOT NULL,
  p_given REAL NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (inspection_id, revision)
) STRICT, WITHOUT ROWID;

-- One more reason why a label waits for a reviewer.
CREATE TABLE label_standing_next (
  inspection_id TEXT PRIMARY KEY REFERENCES inspection (id),
  revision INTEGER NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  state TEXT NOT NULL CHECK (state IN ('unreviewed', 'accepted', 'fixed', 'sent_back')),
  -- People beside its author who, not knowing of it, judged the same.
  agreed INTEGER NOT NULL DEFAULT 0,
  why TEXT CHECK (why IN ('disputed', 'second', 'unsure', 'again', 'suspect', 'sample')),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO label_standing_next SELECT inspection_id, revision, user_id, state, agreed, why, at FROM label_standing;
DROP TABLE label_standing;
ALTER TABLE label_standing_next RENAME TO label_standing;
CREATE INDEX label_standing_waiting ON label_standing (at, inspection_id) WHERE why IS NOT NULL;
CREATE INDEX label_standing_sent_back ON label_standing (user_id, at) WHERE state = 'sent_back';
