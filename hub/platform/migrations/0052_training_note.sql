-- What came with a result and was not taken, while the rest of it was.
ALTER TABLE training_job ADD COLUMN note TEXT;
