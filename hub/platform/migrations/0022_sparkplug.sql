-- Sparkplug B: the birth and death number of the next connection of the hub's node, 0 to 255. It goes on over restarts:
-- a host must tell the death of an older connection from that of the present one.
CREATE TABLE sparkplug_node (
  topic TEXT PRIMARY KEY,
  next_bdseq INTEGER NOT NULL CHECK (next_bdseq BETWEEN 0 AND 255)
) STRICT;
