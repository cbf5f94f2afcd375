-- How many parts each model judged in which way: what a labelled part stands for in a training. Counting millions of
-- rows at every freeze would not do.
CREATE TABLE judged_count (
  model_digest TEXT NOT NULL,
  eval TEXT NOT NULL,
  parts INTEGER NOT NULL,
  PRIMARY KEY (model_digest, eval)
) STRICT, WITHOUT ROWID;
INSERT INTO judged_count SELECT coalesce(model_digest, ''), eval, count(*) FROM inspection GROUP BY 1, 2;
CREATE TRIGGER inspection_judged AFTER INSERT ON inspection
BEGIN
  INSERT INTO judged_count VALUES (coalesce(NEW.model_digest, ''), NEW.eval, 1)
    ON CONFLICT DO UPDATE SET parts = parts + 1;
END;

ALTER TABLE dataset_sample ADD COLUMN weight REAL NOT NULL DEFAULT 1;
