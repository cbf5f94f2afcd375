-- What people see of a frozen set: its counts, the one before it, and what could stand on neither side of the wall.
ALTER TABLE dataset_version ADD COLUMN summary TEXT;
ALTER TABLE dataset_version ADD COLUMN parent TEXT;
ALTER TABLE dataset_version ADD COLUMN leaks TEXT;
CREATE INDEX dataset_version_by_time ON dataset_version (role, created_at);

-- Who said it, and when: the person of the label, or whoever uploaded the picture.
ALTER TABLE dataset_sample ADD COLUMN said_by TEXT;
ALTER TABLE dataset_sample ADD COLUMN said_at INTEGER;
