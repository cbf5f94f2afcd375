-- What programs written for Label Studio see of this hub: projects, tasks, annotations and predictions under whole
-- numbers. Pictures are inspections, annotations are labels; these tables hold the numbers and what we have no word for.

-- People under the numbers and addresses their programs know them by.
CREATE TABLE ls_user (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL UNIQUE REFERENCES user (id),
  email TEXT NOT NULL UNIQUE
) STRICT;

-- Keys for programs, stored as SHA-256: reading the database gives nobody a key.
CREATE TABLE ls_token (
  sha256 TEXT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES user (id),
  kind TEXT NOT NULL CHECK (kind IN ('legacy', 'refresh', 'access')),
  -- The refresh token an access token was made with; it ends with it.
  parent TEXT,
  created_at INTEGER NOT NULL,
  ends_at INTEGER
) STRICT;
CREATE INDEX ls_token_by_user ON ls_token (user_id);

CREATE TABLE ls_project (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  -- The labelling config to the byte as it was given.
  config TEXT NOT NULL,
  -- Whatever else programs set, as JSON; kept and given back.
  settings TEXT NOT NULL,
  created_by TEXT NOT NULL REFERENCES user (id),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

CREATE TABLE ls_upload (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES ls_project (id),
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (project, name)
) STRICT;
CREATE INDEX ls_upload_by_content ON ls_upload (project, sha256);

CREATE TABLE ls_task (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES ls_project (id),
  inner_id INTEGER NOT NULL,
  data TEXT NOT NULL,
  meta TEXT NOT NULL,
  -- A name whoever brings the task gave it, so that bringing it again makes no second one.
  source_key TEXT,
  upload INTEGER REFERENCES ls_upload (id),
  -- The part it shows; the id is kept from the beginning, the part is there when the picture is.
  inspection_id TEXT NOT NULL,
  picture TEXT NOT NULL CHECK (picture IN ('none', 'waiting', 'stored', 'failed')),
  picture_why TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT,
  deleted_at INTEGER,
  annotations INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  predictions INTEGER NOT NULL DEFAULT 0,
  completed_at INTEGER,
  UNIQUE (project, source_key)
) STRICT;
CREATE INDEX ls_task_by_project ON ls_task (project, id) WHERE deleted_at IS NULL;
CREATE INDEX ls_task_by_part ON ls_task (inspection_id) WHERE deleted_at IS NULL;
CREATE INDEX ls_task_waiting ON ls_task (id) WHERE picture = 'waiting' AND deleted_at IS NULL;

CREATE TABLE ls_annotation (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL REFERENCES ls_task (id),
  unique_id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES user (id),
  created_at INTEGER NOT NULL,
  -- The newest revision; those before stay.
  revision INTEGER NOT NULL,
  import_id INTEGER,
  parent_prediction INTEGER,
  parent_annotation INTEGER,
  deleted_at INTEGER
) STRICT;
CREATE INDEX ls_annotation_by_task ON ls_annotation (task, id);

CREATE TABLE ls_annotation_revision (
  annotation INTEGER NOT NULL REFERENCES ls_annotation (id),
  revision INTEGER NOT NULL,
  result TEXT NOT NULL,
  was_cancelled INTEGER NOT NULL CHECK (was_cancelled IN (0, 1)),
  ground_truth INTEGER NOT NULL CHECK (ground_truth IN (0, 1)),
  lead_time REAL,
  action TEXT NOT NULL,
  by_user TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL,
  -- The label it becomes once the part's picture is here; null for one that was skipped.
  label_id TEXT,
  PRIMARY KEY (annotation, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX ls_annotation_by_label ON ls_annotation_revision (label_id) WHERE label_id IS NOT NULL;
CREATE TRIGGER ls_annotation_revision_is_append_only_1 BEFORE UPDATE ON ls_annotation_revision
BEGIN SELECT RAISE(ABORT, 'annotations are append-only revisions'); END;
CREATE TRIGGER ls_annotation_revision_is_append_only_2 BEFORE DELETE ON ls_annotation_revision
BEGIN SELECT RAISE(ABORT, 'annotations are append-only revisions'); END;

-- Revisions whose label labelling has not taken yet, because the picture is not here or the hub was killed between.
CREATE TABLE ls_label_due (
  label_id TEXT PRIMARY KEY,
  inspection_id TEXT NOT NULL,
  annotation INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX ls_label_due_by_part ON ls_label_due (inspection_id);
-- What our labels could not hold of a revision, or why it became none; the annotation stays as it is.
CREATE TABLE ls_label_note (
  label_id TEXT PRIMARY KEY,
  taken INTEGER NOT NULL CHECK (taken IN (0, 1)),
  note TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE ls_prediction (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task INTEGER NOT NULL REFERENCES ls_task (id),
  result TEXT NOT NULL,
  score REAL,
  model_version TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ls_prediction_by_task ON ls_prediction (task, id);

-- How far the labels have been read that people gave on the tablets.
CREATE TABLE ls_reading (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;
INSERT INTO ls_reading SELECT 1, coalesce(max(n), 0) FROM label;

CREATE TABLE ls_view (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES ls_project (id),
  data TEXT NOT NULL,
  filters TEXT,
  ordering TEXT,
  selected TEXT,
  user_id TEXT NOT NULL,
  place INTEGER NOT NULL
) STRICT;
CREATE INDEX ls_view_by_project ON ls_view (project, place, id);

CREATE TABLE ls_export (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES ls_project (id),
  title TEXT NOT NULL,
  options TEXT NOT NULL,
  counters TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  md5 TEXT NOT NULL,
  user_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ls_export_by_project ON ls_export (project, id);

-- Model servers that speak Label Studio's protocol.
CREATE TABLE ls_backend (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES ls_project (id),
  url TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  is_interactive INTEGER NOT NULL CHECK (is_interactive IN (0, 1)),
  -- Name and password for the server itself, as JSON; never shown.
  credentials TEXT,
  extra_params TEXT,
  timeout_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  error TEXT,
  model_version TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ls_backend_by_project ON ls_backend (project, id);
