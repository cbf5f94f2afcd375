-- A code that was made by somebody who stands beside the station lets it in at once; others wait for a person.
ALTER TABLE enrolment_code ADD COLUMN pre_approved INTEGER NOT NULL DEFAULT 0 CHECK (pre_approved IN (0, 1));

-- Two boxes with one identity: what was seen, until a person has cleared it up. JSON.
ALTER TABLE device ADD COLUMN clone TEXT;

-- Certificates of stations that prove themselves by key. Their `secret_hash` is empty: no secret has that hash.
-- Only what stands here and has not ended is accepted, whatever the authority has signed.
CREATE TABLE device_certificate (
  fingerprint TEXT PRIMARY KEY,
  device_id TEXT NOT NULL REFERENCES device (id),
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE INDEX device_certificate_by_device ON device_certificate (device_id, issued_at);

-- Stations that have shown a code and wait for a person's word.
CREATE TABLE enrolment_request (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  device_id TEXT NOT NULL,
  name TEXT NOT NULL,
  csr TEXT,
  fingerprint TEXT NOT NULL,
  address TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'refused', 'collected')),
  decided_by TEXT
) STRICT;
