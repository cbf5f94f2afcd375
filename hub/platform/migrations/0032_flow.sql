-- Parts that somebody gave back unjudged: they go to others, never back to the same person.
CREATE TABLE label_skip (
  id TEXT PRIMARY KEY,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  reason TEXT NOT NULL,
  note TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX label_skip_of ON label_skip (inspection_id, user_id);
CREATE INDEX label_skip_by_time ON label_skip (at);

-- Parts on which somebody asks a colleague, or (null) whoever reviews. Closed by the next person's verdict.
CREATE TABLE second_opinion (
  id TEXT PRIMARY KEY,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  asked_by TEXT NOT NULL REFERENCES user (id),
  asked_of TEXT REFERENCES user (id),
  at INTEGER NOT NULL,
  closed_at INTEGER
) STRICT;
CREATE INDEX second_opinion_open ON second_opinion (inspection_id) WHERE closed_at IS NULL;
CREATE INDEX second_opinion_of ON second_opinion (asked_of, at) WHERE closed_at IS NULL;

CREATE TABLE part_comment (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  text TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX part_comment_of ON part_comment (inspection_id, n);
CREATE TABLE part_mention (
  user_id TEXT NOT NULL REFERENCES user (id),
  comment_n INTEGER NOT NULL REFERENCES part_comment (n),
  seen_at INTEGER,
  PRIMARY KEY (user_id, comment_n)
) STRICT, WITHOUT ROWID;
