-- Whoever wants to hear of what happened here, and what has still to reach them.
CREATE TABLE webhook (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- 'crux': signed, tried again until it arrives. 'label-studio': the same body as there; also tried again.
  shape TEXT NOT NULL CHECK (shape IN ('crux', 'label-studio')),
  url TEXT NOT NULL,
  -- A project of Label Studio's kind; null for all.
  project INTEGER,
  -- JSON: names of events; null for all.
  actions TEXT,
  headers TEXT NOT NULL,
  send_payload INTEGER NOT NULL CHECK (send_payload IN (0, 1)),
  is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  -- Key of the signatures; needed in the clear to sign.
  secret TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

CREATE TABLE webhook_delivery (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  webhook INTEGER NOT NULL REFERENCES webhook (id),
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- `dead` has been tried for as long as it makes sense; a person may try it again.
  state TEXT NOT NULL CHECK (state IN ('due', 'delivered', 'dead')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  last_at INTEGER,
  last_status INTEGER,
  last_error TEXT
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, n) WHERE state = 'due';
CREATE INDEX webhook_delivery_by_hook ON webhook_delivery (webhook, n);
