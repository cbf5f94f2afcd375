-- Images of a part beside the one people look at (`inspection.image_sha256`): whoever gives a picture up must know all
-- the parts it belongs to, and all the pictures of a part that is kept.
CREATE TABLE further_image (
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  sha256 TEXT NOT NULL REFERENCES image (sha256),
  PRIMARY KEY (inspection_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX further_image_by_image ON further_image (sha256);
INSERT OR IGNORE INTO further_image
  SELECT i.id, json_extract(p.value, '$.sha256') FROM inspection i, json_each(i.header, '$.parts') p
  WHERE i.image_sha256 IS NOT NULL AND json_array_length(i.header, '$.parts') > 1
    AND json_extract(p.value, '$.sha256') <> i.image_sha256
    AND EXISTS (SELECT 1 FROM image m WHERE m.sha256 = json_extract(p.value, '$.sha256'));
