-- Pairs of models that cut out what people point at. Files lie with the other objects, by their content.
CREATE TABLE segmenter (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  encoder TEXT NOT NULL,
  decoder TEXT NOT NULL,
  -- What goes into and comes out of each, for people who have to describe it.
  encoder_ends TEXT NOT NULL,
  decoder_ends TEXT NOT NULL,
  -- How they are fed and read; null when nobody has said so yet.
  layout TEXT,
  builtin INTEGER NOT NULL CHECK (builtin IN (0, 1)),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  licence TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (encoder, decoder)
) STRICT;
CREATE UNIQUE INDEX segmenter_active ON segmenter (active) WHERE active = 1;
