-- Whether a model server is asked before people are: its answer is what the label screen offers first.
ALTER TABLE ls_backend ADD COLUMN prelabels INTEGER NOT NULL DEFAULT 0 CHECK (prelabels IN (0, 1));
