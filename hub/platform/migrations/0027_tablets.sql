-- Tablets that people share: enrolled once, known by a secret of their own until somebody takes it back.
CREATE TABLE tablet (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL UNIQUE,
  enrolled_at INTEGER NOT NULL,
  enrolled_by TEXT NOT NULL REFERENCES user (id),
  seen_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE TABLE tablet_code (
  code_sha256 TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  by_id TEXT NOT NULL REFERENCES user (id),
  ends_at INTEGER NOT NULL
) STRICT;
CREATE TABLE tablet_settings (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  idle_lock_minutes INTEGER NOT NULL,
  pin_up_to TEXT NOT NULL CHECK (pin_up_to IN ('worker', 'reviewer', 'engineer'))
) STRICT;

-- What a person shows at an enrolled tablet, and nowhere else. `failures` counts wrong tries in a row, on all tablets.
CREATE TABLE pin (
  user_id TEXT PRIMARY KEY REFERENCES user (id),
  hash TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  failures INTEGER NOT NULL
) STRICT;
CREATE TABLE badge (
  user_id TEXT PRIMARY KEY REFERENCES user (id),
  code_sha256 TEXT NOT NULL UNIQUE,
  made_at INTEGER NOT NULL
) STRICT;

-- Lets a tablet bring in what a person left unsent on it, and do nothing else in that person's name.
CREATE TABLE label_pass (
  token_sha256 TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES user (id),
  tablet_id TEXT REFERENCES tablet (id),
  ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX label_pass_user ON label_pass (user_id);

ALTER TABLE session ADD COLUMN tablet_id TEXT REFERENCES tablet (id);
ALTER TABLE label ADD COLUMN tablet_id TEXT REFERENCES tablet (id);
-- The revision of somebody else that this person could not have seen: the label was made while that one was stored.
ALTER TABLE label ADD COLUMN unseen INTEGER;
