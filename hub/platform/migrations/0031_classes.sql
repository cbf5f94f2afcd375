-- A product that is made no more stays, because parts name it for ever.
ALTER TABLE product ADD COLUMN active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1));

-- What is still good and what is not, in words. One counter for all of them: a label's number names every text that held
-- when it was given. '' stands for every kind or every product; empty texts end a criterion.
CREATE TABLE criterion (
  version INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  product TEXT NOT NULL,
  texts TEXT NOT NULL,
  change TEXT NOT NULL,
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX criterion_of ON criterion (kind, product, version);
CREATE TRIGGER criterion_is_append_only_1 BEFORE UPDATE ON criterion
BEGIN SELECT RAISE(ABORT, 'criteria are versions: publish the next one'); END;
CREATE TRIGGER criterion_is_append_only_2 BEFORE DELETE ON criterion
BEGIN SELECT RAISE(ABORT, 'criteria are versions: publish the next one'); END;

-- Pictures at the boundary: the worst that is still OK, the least that is NG. Their parts keep their pictures.
CREATE TABLE limit_sample (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  product TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'ng')),
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  image_sha256 TEXT NOT NULL,
  box TEXT,
  notes TEXT NOT NULL,
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at INTEGER NOT NULL,
  retired_at INTEGER
) STRICT;
CREATE INDEX limit_sample_by_image ON limit_sample (image_sha256);

-- The version of the criteria that the person had before them; 0 before there were any.
ALTER TABLE label ADD COLUMN criteria INTEGER NOT NULL DEFAULT 0;
