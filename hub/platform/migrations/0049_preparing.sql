-- A training waits here while its sets are frozen beside everything else; until then it names the set that holds nothing.
ALTER TABLE training_job ADD COLUMN preparing INTEGER NOT NULL DEFAULT 0 CHECK (preparing IN (0, 1));
