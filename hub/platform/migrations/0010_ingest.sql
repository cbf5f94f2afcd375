-- Per start of a station: how far its numbering has come, and how many of the numbers are here. Counted as rows come,
-- because finding gaps by reading all rows would not do for a screen.
CREATE TABLE sequence (
  device_id TEXT NOT NULL REFERENCES device (id),
  boot TEXT NOT NULL,
  highest INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (device_id, boot)
) STRICT, WITHOUT ROWID;
INSERT INTO sequence
  SELECT device_id, boot, max(seq), count(*), min(received_at), max(received_at) FROM inspection GROUP BY device_id, boot;

CREATE INDEX refusal_by_device ON refusal (device_id, n);
