-- A picture as a direction in a space that a frozen backbone spans: what parts that look alike have in common. Only
-- vectors of one space may be compared. Parts with numbers from `low` to `high` have had their turn, the newest first at
-- the upper end; a part without a vector in there had no picture that could be read.
CREATE TABLE embedding_space (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  made INTEGER NOT NULL DEFAULT 0,
  unreadable INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE embedding (
  space INTEGER NOT NULL REFERENCES embedding_space (id),
  inspection_n INTEGER NOT NULL REFERENCES inspection (n),
  vector BLOB NOT NULL,
  PRIMARY KEY (space, inspection_n)
) STRICT, WITHOUT ROWID;
