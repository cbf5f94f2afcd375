-- A second model that looks at a station's frames and decides nothing: what each station is told.
CREATE TABLE shadow_line (
  device TEXT NOT NULL REFERENCES device (id),
  line TEXT NOT NULL,
  manifest TEXT NOT NULL,
  share REAL NOT NULL,
  assigned_at INTEGER NOT NULL,
  assigned_by TEXT NOT NULL,
  PRIMARY KEY (device, line)
) STRICT, WITHOUT ROWID;

-- What it said of a part; null where it did not look. 'failed' when it did not judge.
ALTER TABLE inspection ADD COLUMN shadow_digest TEXT;
ALTER TABLE inspection ADD COLUMN shadow_eval TEXT;

-- Parts by what the two models said, champion and shadow, per station: counting millions of rows for a screen would
-- not do.
CREATE TABLE shadow_count (
  device_id TEXT NOT NULL,
  shadow_digest TEXT NOT NULL,
  model_digest TEXT NOT NULL,
  eval TEXT NOT NULL,
  shadow_eval TEXT NOT NULL,
  parts INTEGER NOT NULL,
  PRIMARY KEY (device_id, shadow_digest, model_digest, eval, shadow_eval)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER inspection_shadowed AFTER INSERT ON inspection WHEN NEW.shadow_digest IS NOT NULL
BEGIN
  INSERT INTO shadow_count
    VALUES (NEW.device_id, NEW.shadow_digest, coalesce(NEW.model_digest, ''), NEW.eval, NEW.shadow_eval, 1)
    ON CONFLICT DO UPDATE SET parts = parts + 1;
END;
