-- Parts that teach: a verdict people agree on. Training, golden set and counts begin here and never read the other
-- millions of rows.
CREATE INDEX inspection_settled ON inspection (label_at) WHERE label_verdict IN ('ok', 'ng') AND queue_rank IS NULL;
-- NG parts that a station had passed, newest first.
CREATE INDEX inspection_escaped ON inspection (label_at)
  WHERE eval = 'ok' AND label_verdict = 'ng' AND queue_rank IS NULL;
