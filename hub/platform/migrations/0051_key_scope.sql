-- What a key may be used for beside what its person may; keys from before there was a choice keep all of it.
ALTER TABLE ls_token ADD COLUMN scope TEXT NOT NULL DEFAULT 'full' CHECK (scope IN ('read', 'label', 'train', 'full'));
-- When a program last came in with it, to the minute.
ALTER TABLE ls_token ADD COLUMN used_at INTEGER;
