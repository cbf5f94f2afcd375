-- A station's secret as a broker of the plant stores it (mosquitto's password file): made at enrolment, when the
-- secret is known for the last time. Stations enrolled before have none and need a new code.
CREATE TABLE broker_credential (
  device_id TEXT PRIMARY KEY REFERENCES device (id),
  entry TEXT NOT NULL
) STRICT;
