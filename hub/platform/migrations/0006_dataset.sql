-- Parts an engineer brought: the adjudicated golden set, and known parts for training.
CREATE TABLE reference_image (
  id TEXT PRIMARY KEY,
  pool TEXT NOT NULL CHECK (pool IN ('golden', 'reference')),
  image TEXT NOT NULL,
  mime TEXT NOT NULL,
  w INTEGER NOT NULL,
  h INTEGER NOT NULL,
  size INTEGER NOT NULL,
  part TEXT NOT NULL,
  product TEXT,
  label TEXT NOT NULL,
  label_digest TEXT NOT NULL,
  added_by TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  UNIQUE (pool, image, label_digest)
) STRICT;

-- A part (by serial number and by picture) keeps its split for ever: a golden part that trained once proves nothing.
CREATE TABLE split_assignment (
  identity TEXT PRIMARY KEY,
  split TEXT NOT NULL CHECK (split IN ('train', 'calib', 'golden')),
  stratum TEXT NOT NULL,
  assigned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Parts drawn so far from each stratum: where its next block goes on.
CREATE TABLE split_stratum (
  stratum TEXT PRIMARY KEY,
  drawn INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Frozen sets, named by their content; rows are never changed.
CREATE TABLE dataset_version (
  digest TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('training', 'golden')),
  samples INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE dataset_sample (
  dataset TEXT NOT NULL REFERENCES dataset_version (digest),
  image TEXT NOT NULL,
  id TEXT NOT NULL,
  w INTEGER NOT NULL,
  h INTEGER NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  split TEXT NOT NULL CHECK (split IN ('train', 'calib', 'golden')),
  part_group TEXT NOT NULL,
  product TEXT,
  label TEXT NOT NULL,
  PRIMARY KEY (dataset, image)
) STRICT, WITHOUT ROWID;

-- Every look at a golden set is a test of it: after many, passing is partly luck.
CREATE TABLE golden_look (
  digest TEXT NOT NULL REFERENCES dataset_version (digest),
  model TEXT NOT NULL,
  looked_at INTEGER NOT NULL,
  PRIMARY KEY (digest, model)
) STRICT, WITHOUT ROWID;
