-- What a list of revoked certificates calls a certificate by. A broker of the plant checks certificates itself and knows
-- only such a list. Certificates made before have no number here.
ALTER TABLE device_certificate ADD COLUMN serial TEXT NOT NULL DEFAULT '';
