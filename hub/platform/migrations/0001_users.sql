CREATE TABLE user (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('worker', 'reviewer', 'engineer', 'admin')),
  language TEXT NOT NULL CHECK (language IN ('ko', 'en')),
  -- Hash with its own parameters inside; null for a person who only signs in by one-time token.
  password TEXT,
  disabled_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;

-- Tokens are stored as SHA-256: reading the database gives nobody a session.
CREATE TABLE session (
  id TEXT PRIMARY KEY,
  token_sha256 TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES user (id),
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_user ON session (user_id);

CREATE TABLE sign_in_token (
  token_sha256 TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES user (id),
  ends_at INTEGER NOT NULL
) STRICT;

-- At most one code waits; it is gone once used or expired.
CREATE TABLE setup_code (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  code_sha256 TEXT NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT;

-- Failed sign-ins per login and address: a restart must not give an attacker fresh tries.
CREATE TABLE sign_in_failure (
  key TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT;

-- Every change of people, rights, catalogue and releases, chained by hash; written in the change's own transaction.
CREATE TABLE audit (
  n INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  before TEXT,
  after TEXT,
  hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_append_only_1 BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_append_only_2 BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
