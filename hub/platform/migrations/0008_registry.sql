-- Models by the SHA-256 of their file. A model is never deleted: inspections name it.
CREATE TABLE model (
  digest TEXT PRIMARY KEY,
  line TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proving', 'candidate', 'refused', 'released')),
  size INTEGER NOT NULL,
  job TEXT,
  dataset TEXT,
  golden TEXT,
  contract TEXT NOT NULL,
  metrics TEXT NOT NULL,
  gate TEXT,
  -- The champion this model was compared with; a newer champion asks for a new proof.
  proved_against TEXT,
  release INTEGER,
  manifest TEXT,
  manifest_size INTEGER,
  created_at INTEGER NOT NULL,
  approved_by TEXT,
  approved_at INTEGER,
  UNIQUE (line, release),
  CHECK ((state = 'released') = (release IS NOT NULL)),
  CHECK ((release IS NULL) = (manifest IS NULL))
) STRICT;
CREATE INDEX model_by_time ON model (created_at, digest);
