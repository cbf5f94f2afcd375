-- What people ask of parts, in rows a tenth the size of the parts' own, so that a question walks over few pages and its
-- indexes change the plan of nobody else's. Rows follow the parts in slices, beside the way of what comes in: a station
-- waits for none of these indexes. Can be made anew from `inspection` at will.
CREATE TABLE part_fact (
  n INTEGER PRIMARY KEY REFERENCES inspection (n),
  -- When it was inspected, as far as that can be believed; else when it came.
  taken_at INTEGER NOT NULL,
  device TEXT NOT NULL,
  product TEXT,
  serial TEXT,
  lot TEXT,
  model TEXT,
  eval TEXT NOT NULL,
  score REAL,
  -- Kinds the model found, and kinds people say: JSON arrays; null for none.
  found TEXT,
  label TEXT,
  kinds TEXT,
  labelled_by TEXT,
  waits TEXT
) STRICT;

INSERT INTO part_fact
  SELECT n, iif(clock IS NULL, captured_at, received_at), device_id, product_id, part_id, header ->> '$.job_id', model_digest, eval,
    header ->> '$.verdict.score',
    iif(coalesce(json_array_length(header, '$.findings'), 0) = 0, NULL, (
      SELECT json_group_array(kind) FROM (SELECT DISTINCT value ->> '$.kind' AS kind FROM json_each(header, '$.findings'))
    )),
    label_verdict, nullif(label_kinds, '[]'), label_by, queue_reason
  FROM inspection;

-- A part that is not here yet brings these along when it comes.
CREATE TRIGGER inspection_part_fact_changed
AFTER UPDATE OF label_verdict, label_kinds, label_by, queue_reason ON inspection
BEGIN
  UPDATE part_fact SET label = NEW.label_verdict, kinds = nullif(NEW.label_kinds, '[]'), labelled_by = NEW.label_by,
    waits = NEW.queue_reason
  WHERE n = NEW.n;
END;

-- Each in the order of the list, and with what is asked most beside it, so that a walk need not visit the rows.
CREATE INDEX part_fact_by_time ON part_fact (taken_at, n, eval, score);
CREATE INDEX part_fact_by_station ON part_fact (device, taken_at, n, eval, score);
CREATE INDEX part_fact_by_product ON part_fact (product, taken_at, n, eval, score) WHERE product IS NOT NULL;
CREATE INDEX part_fact_by_eval ON part_fact (eval, taken_at, n, score, device);
CREATE INDEX part_fact_by_model ON part_fact (model, taken_at, n, eval, score) WHERE model IS NOT NULL;
CREATE INDEX part_fact_by_lot ON part_fact (lot, taken_at, n) WHERE lot IS NOT NULL;
CREATE INDEX part_fact_labelled ON part_fact (taken_at, n, label) WHERE label IS NOT NULL;
CREATE INDEX label_review_by_reviewer ON label_review (reviewer_id, n);

-- Filters that people keep.
CREATE TABLE part_view (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  filter TEXT NOT NULL,
  look TEXT NOT NULL CHECK (look IN ('grid', 'table')),
  shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
  user_id TEXT NOT NULL REFERENCES user (id),
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX part_view_of ON part_view (user_id);

-- What was done to many parts at once: by whom, when, with which filter. A row of each part says what became of it, and
-- what it was before, so that a killed hub goes on where it was and the person can take it back.
CREATE TABLE part_action (
  id TEXT PRIMARY KEY,
  deed TEXT NOT NULL,
  filter TEXT,
  -- The request, to tell a repeat from another one under the same id.
  asked TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undoing', 'undone')),
  undone_by TEXT REFERENCES user (id),
  undone_at INTEGER
) STRICT;
CREATE INDEX part_action_by_time ON part_action (at, id);
CREATE TABLE part_action_item (
  action TEXT NOT NULL REFERENCES part_action (id),
  inspection_n INTEGER NOT NULL REFERENCES inspection (n),
  state TEXT NOT NULL CHECK (state IN ('todo', 'changed', 'skipped', 'undone', 'kept')),
  why TEXT,
  before TEXT,
  PRIMARY KEY (action, inspection_n)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_action_item_of ON part_action_item (inspection_n);
CREATE INDEX part_action_item_todo ON part_action_item (action, inspection_n) WHERE state = 'todo';

-- Parts that no version takes from now on.
CREATE TABLE dataset_left_out (
  inspection_id TEXT PRIMARY KEY REFERENCES inspection (id),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
