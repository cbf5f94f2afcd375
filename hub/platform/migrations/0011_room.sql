-- What became of a part's picture: here (or never sent), still at the station because the disk was low, or given up
-- here to make room. A row whose picture is not here names none in image_sha256, so that nobody shows or trains it.
ALTER TABLE inspection ADD COLUMN image_state TEXT NOT NULL DEFAULT 'as_sent'
  CHECK (image_state IN ('as_sent', 'waiting', 'evicted'));

-- Pictures given up to make room stay known for ever. `file_left` until the file is gone too.
CREATE TABLE evicted_image (
  sha256 TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  at INTEGER NOT NULL,
  file_left INTEGER NOT NULL CHECK (file_left IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX evicted_image_left ON evicted_image (sha256) WHERE file_left = 1;

-- Evidence somebody wants kept, whatever the disk says.
CREATE TABLE inspection_hold (
  inspection_id TEXT PRIMARY KEY REFERENCES inspection (id),
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Asked of every picture before it is given up.
CREATE INDEX dataset_sample_by_image ON dataset_sample (image);
CREATE INDEX reference_image_by_image ON reference_image (image);
