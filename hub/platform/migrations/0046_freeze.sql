-- A version is written in slices, beside the work of everybody else, and is one when all of it is there.
ALTER TABLE dataset_version ADD COLUMN ready INTEGER NOT NULL DEFAULT 1 CHECK (ready IN (0, 1));
