-- What became of a label that was made from an older state of its part than the newest. Of a
-- `merged` one the revision that stands may be the one after its own, which holds both.
CREATE TABLE label_meeting (
  label_id TEXT PRIMARY KEY REFERENCES label (id),
  base_revision INTEGER NOT NULL,
  theirs_revision INTEGER NOT NULL,
  -- The revision that came of it.
  stands_revision INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('agreed', 'merged', 'disputed'))
) STRICT, WITHOUT ROWID;

-- What reviewers said of labels, in the order it was stored; nothing is ever overwritten.
CREATE TABLE label_review (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  -- The revision that was looked at, and whose it was.
  revision INTEGER NOT NULL,
  labeller_id TEXT NOT NULL REFERENCES user (id),
  outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'fixed', 'sent_back')),
  reason TEXT NOT NULL,
  reviewer_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX label_review_by_part ON label_review (inspection_id, n);
CREATE INDEX label_review_by_labeller ON label_review (labeller_id, at);
CREATE TRIGGER label_review_is_append_only_1 BEFORE UPDATE ON label_review
BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;
CREATE TRIGGER label_review_is_append_only_2 BEFORE DELETE ON label_review
BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END;

-- Where the newest label of a part stands: what review and second people made of it, and why it waits for a reviewer
-- (null: it does not).
CREATE TABLE label_standing (
  inspection_id TEXT PRIMARY KEY REFERENCES inspection (id),
  revision INTEGER NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  state TEXT NOT NULL CHECK (state IN ('unreviewed', 'accepted', 'fixed', 'sent_back')),
  -- People beside its author who, not knowing of it, judged the same.
  agreed INTEGER NOT NULL DEFAULT 0,
  why TEXT CHECK (why IN ('disputed', 'second', 'unsure', 'again', 'sample')),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX label_standing_waiting ON label_standing (at, inspection_id) WHERE why IS NOT NULL;
CREATE INDEX label_standing_sent_back ON label_standing (user_id, at) WHERE state = 'sent_back';
-- Parts that waited for a reviewer before there was a screen for them.
INSERT INTO label_standing (inspection_id, revision, user_id, state, why, at)
  SELECT i.id, l.revision, l.user_id, 'unreviewed', iif(i.queue_reason = 'unsure_label', 'unsure', 'disputed'), l.stored_at
  FROM inspection i JOIN label l ON l.inspection_id = i.id AND l.revision = i.label_revision
  WHERE i.queue_rank IS NOT NULL;

-- What is checked, how often, and which label counts; the newest row stands.
CREATE TABLE check_plan (
  n INTEGER PRIMARY KEY,
  plan TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL
) STRICT;

-- Parts whose right answer people have settled. Mixed into the work, they show how sure a judgement is.
CREATE TABLE reference_answer (
  inspection_id TEXT PRIMARY KEY REFERENCES inspection (id),
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'ng')),
  kinds TEXT NOT NULL,
  boxes TEXT NOT NULL,
  -- False: it stands as the truth, and is not handed out any more.
  handed_out INTEGER NOT NULL CHECK (handed_out IN (0, 1)),
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Looks that somebody has yet to take: a second person's at a labelled part, a named person's in a study.
CREATE TABLE look_wanted (
  n INTEGER PRIMARY KEY,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('second', 'study')),
  user_id TEXT REFERENCES user (id),
  study_id TEXT,
  trial INTEGER NOT NULL DEFAULT 1,
  -- The order within a purpose.
  place INTEGER NOT NULL,
  CHECK ((purpose = 'study') = (user_id IS NOT NULL)),
  UNIQUE (inspection_id, purpose, user_id, study_id, trial)
) STRICT;
CREATE INDEX look_wanted_place ON look_wanted (purpose, user_id, trial, place);

-- A person judges a part as if nobody had. The answers are no labels: no model learns from them.
CREATE TABLE look (
  n INTEGER PRIMARY KEY,
  -- Also the id of its lease.
  id TEXT NOT NULL UNIQUE,
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('second', 'reference', 'repeat', 'study')),
  study_id TEXT,
  trial INTEGER NOT NULL DEFAULT 1,
  -- For a repeat: the label of the same person that it is compared with.
  label_id TEXT REFERENCES label (id),
  drawn_at INTEGER NOT NULL
) STRICT;
CREATE INDEX look_by_part ON look (inspection_id, user_id, drawn_at);
CREATE INDEX look_by_study ON look (study_id) WHERE study_id IS NOT NULL;

CREATE TABLE look_answer (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  look_id TEXT NOT NULL REFERENCES look (id),
  revision INTEGER NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'ng', 'unsure', 'withdrawn')),
  kinds TEXT NOT NULL,
  boxes TEXT NOT NULL,
  drawing TEXT,
  accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
  shown_at INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  active_ms INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  UNIQUE (look_id, revision)
) STRICT;
CREATE INDEX look_answer_by_time ON look_answer (stored_at);
CREATE TRIGGER look_answer_is_append_only_1 BEFORE UPDATE ON look_answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only revisions'); END;
CREATE TRIGGER look_answer_is_append_only_2 BEFORE DELETE ON look_answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only revisions'); END;

-- A person's own earlier parts, newest first.
CREATE INDEX label_by_user ON label (user_id, stored_at);
