CREATE TABLE product (
  key TEXT PRIMARY KEY,
  names TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- A class is never deleted: labels name it for ever.
CREATE TABLE defect_class (
  key TEXT PRIMARY KEY,
  names TEXT NOT NULL,
  icon TEXT NOT NULL,
  color TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('critical', 'major', 'minor')),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT;
