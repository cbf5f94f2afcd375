-- A camera that is taken away keeps its row: its inspections stay its own, and its halves are stored before they end.
ALTER TABLE source ADD COLUMN removed_at INTEGER;
-- How often its name was given to another camera since: that one may count its shots from one again.
ALTER TABLE source ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
