-- Why a part's time of capture is not to be believed: the clocks of station and hub were minutes apart, or the hub had
-- lost its own. NULL: it can be believed.
ALTER TABLE inspection ADD COLUMN clock TEXT CHECK (clock IN ('apart', 'hub'));
-- What is there already: ahead of its arrival by minutes, or before October 2026, when there was no station.
UPDATE inspection SET clock = 'apart' WHERE captured_at > received_at + 300000 OR captured_at < 1790812800000;
CREATE INDEX inspection_by_clock ON inspection (received_at, n) WHERE clock IS NOT NULL;
