-- How many parts are settled, by whose word a label needs beside its author's: kept as it changes, because somebody asks after
-- every burst of labels. A part is settled when its label says ok or ng and it waits for nobody; what it needs beside that
-- stands in label_standing.
CREATE TABLE settled_count (counts TEXT PRIMARY KEY, parts INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO settled_count
  SELECT 'latest', count(*) FROM inspection WHERE label_verdict IN ('ok', 'ng') AND queue_rank IS NULL;
INSERT INTO settled_count
  SELECT 'reviewed', count(*) FROM label_standing s JOIN inspection i ON i.id = s.inspection_id
  WHERE s.state IN ('accepted', 'fixed') AND i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL;
INSERT INTO settled_count
  SELECT 'consensus', count(*) FROM label_standing s JOIN inspection i ON i.id = s.inspection_id
  WHERE (s.state IN ('accepted', 'fixed') OR s.agreed > 0)
    AND i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL;

CREATE TRIGGER settled_count_part AFTER UPDATE OF label_verdict, queue_rank ON inspection
WHEN (coalesce(OLD.label_verdict, '') IN ('ok', 'ng') AND OLD.queue_rank IS NULL)
  <> (coalesce(NEW.label_verdict, '') IN ('ok', 'ng') AND NEW.queue_rank IS NULL)
BEGIN
  UPDATE settled_count SET parts = parts + iif(NEW.label_verdict IN ('ok', 'ng') AND NEW.queue_rank IS NULL, 1, -1)
  WHERE counts = 'latest' OR EXISTS (
    SELECT 1 FROM label_standing s WHERE s.inspection_id = NEW.id
      AND (s.state IN ('accepted', 'fixed') OR settled_count.counts = 'consensus' AND s.agreed > 0)
  );
END;
CREATE TRIGGER settled_count_standing_added AFTER INSERT ON label_standing
WHEN NEW.state IN ('accepted', 'fixed') OR NEW.agreed > 0
BEGIN
  UPDATE settled_count SET parts = parts + 1
  WHERE (counts = 'consensus' OR counts = 'reviewed' AND NEW.state IN ('accepted', 'fixed')) AND EXISTS (
    SELECT 1 FROM inspection i
    WHERE i.id = NEW.inspection_id AND i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL
  );
END;
CREATE TRIGGER settled_count_standing_changed AFTER UPDATE OF state, agreed ON label_standing
BEGIN
  UPDATE settled_count SET parts = parts
    + (NEW.state IN ('accepted', 'fixed') OR counts = 'consensus' AND NEW.agreed > 0)
    - (OLD.state IN ('accepted', 'fixed') OR counts = 'consensus' AND OLD.agreed > 0)
  WHERE counts <> 'latest' AND EXISTS (
    SELECT 1 FROM inspection i
    WHERE i.id = NEW.inspection_id AND i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL
  );
END;
CREATE TRIGGER settled_count_standing_dropped AFTER DELETE ON label_standing
WHEN OLD.state IN ('accepted', 'fixed') OR OLD.agreed > 0
BEGIN
  UPDATE settled_count SET parts = parts - 1
  WHERE (counts = 'consensus' OR counts = 'reviewed' AND OLD.state IN ('accepted', 'fixed')) AND EXISTS (
    SELECT 1 FROM inspection i
    WHERE i.id = OLD.inspection_id AND i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL
  );
END;
