-- An attribute agreement study: these parts, these people, this often. Its answers are looks.
CREATE TABLE msa_study (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  trials INTEGER NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL,
  closed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE msa_study_part (
  study_id TEXT NOT NULL REFERENCES msa_study (id),
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  PRIMARY KEY (study_id, inspection_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE msa_study_person (
  study_id TEXT NOT NULL REFERENCES msa_study (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  PRIMARY KEY (study_id, user_id)
) STRICT, WITHOUT ROWID;

-- What the champion said of the parts of a study: it is an appraiser like the others.
CREATE TABLE msa_study_model (
  study_id TEXT NOT NULL REFERENCES msa_study (id),
  inspection_id TEXT NOT NULL REFERENCES inspection (id),
  trial INTEGER NOT NULL,
  model_digest TEXT NOT NULL,
  eval TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (study_id, inspection_id, trial)
) STRICT, WITHOUT ROWID;

-- The limits a report is judged by; the newest row stands.
CREATE TABLE msa_limits (
  n INTEGER PRIMARY KEY,
  limits TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id),
  at INTEGER NOT NULL
) STRICT;
