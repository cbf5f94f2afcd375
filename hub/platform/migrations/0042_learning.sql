-- What a part that was handed out counts towards: 'audit' the random slice, 'rare' a kind with few labels, '' neither.
-- Each has a share of all draws that no order of values takes away.
ALTER TABLE label_draw ADD COLUMN slice TEXT NOT NULL DEFAULT '';
UPDATE label_draw SET slice = 'audit' WHERE chance IS NOT NULL;
CREATE INDEX label_draw_by_time ON label_draw (at);
ALTER TABLE queue_policy ADD COLUMN audit_floor REAL NOT NULL DEFAULT 0.15;
ALTER TABLE queue_policy ADD COLUMN rare_floor REAL NOT NULL DEFAULT 0.1;
