-- Whoever gave a part back by mistake takes that back; what was done stays known.
ALTER TABLE label_skip ADD COLUMN undone_at INTEGER;
DROP INDEX label_skip_of;
CREATE INDEX label_skip_of ON label_skip (inspection_id, user_id) WHERE undone_at IS NULL;
