import type { Sqlite } from "#platform/sqlite"

/** Raised with every change of the tables below. */
const version = 3

/** The data folder was written by a newer program: going on could lose what this one does not know about. */
class DataNewer extends Error {
  readonly exit = "data_newer"
  readonly remedy = "Start the newer program again. The data was not changed."
}

/** Everything a station must still know after power loss, in one file, so one transaction covers it. */
const tables = `
CREATE TABLE boot (
  id      TEXT PRIMARY KEY,
  started INTEGER NOT NULL,
  seq     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE outbox (
  n      INTEGER PRIMARY KEY AUTOINCREMENT,
  id     TEXT NOT NULL UNIQUE,
  boot   TEXT NOT NULL,
  seq    INTEGER NOT NULL,
  ts     INTEGER NOT NULL,
  rank   INTEGER NOT NULL,
  state  TEXT NOT NULL CHECK (state IN ('encoding', 'ready', 'dead')),
  header TEXT NOT NULL,
  images INTEGER NOT NULL DEFAULT 0,
  bytes  INTEGER NOT NULL,
  due    INTEGER NOT NULL DEFAULT 0,
  code   TEXT,
  UNIQUE (boot, seq)
) STRICT;
CREATE INDEX outbox_lane ON outbox (state, n);
CREATE INDEX outbox_shed ON outbox (rank, n);

CREATE TABLE shed (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;

CREATE TABLE journal (
  n        INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  state    TEXT NOT NULL,
  rev      INTEGER NOT NULL,
  line     TEXT,
  release  INTEGER,
  manifest TEXT,
  reason   TEXT,
  detail   TEXT
) STRICT;

CREATE TABLE slot (
  name     TEXT PRIMARY KEY CHECK (name IN ('current', 'previous')),
  line     TEXT NOT NULL,
  release  INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  digest   TEXT NOT NULL,
  since    INTEGER NOT NULL
) STRICT;

CREATE TABLE refused (manifest TEXT PRIMARY KEY, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE floor (line TEXT PRIMARY KEY, release INTEGER NOT NULL) STRICT;
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`

/** From version 1: what kind of picture a record has, so that the least valuable one is found without a search. */
const second = `
ALTER TABLE outbox ADD COLUMN image TEXT NOT NULL DEFAULT 'full' CHECK (image IN ('full', 'thumb', 'none'));
UPDATE outbox SET image = json_extract(header, '$.policy.image');
CREATE INDEX outbox_picture ON outbox (rank, image, n) WHERE images > 0;
`

/** From version 2: the pictures kept in the last hour, so that a restart does not begin a new hour. */
const third = `
CREATE TABLE hourly_kept (
  why   TEXT NOT NULL,
  step  INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (why, step)
) STRICT, WITHOUT ROWID;
`

/** Creates or updates the tables of `edge.db`. Throws `DataNewer`. */
export function prepareSchema(sqlite: Sqlite): void {
  const row = sqlite.prepare<{ user_version: number }>("PRAGMA user_version").get()
  const found = row?.user_version ?? 0
  if (found > version) {
    throw new DataNewer(`The data of this station has version ${found}; this program knows ${version}.`)
  }
  const steps = [tables, second, third].slice(found)
  if (steps.length > 0)
    sqlite.transaction(() => sqlite.exec(`${steps.join("")} PRAGMA user_version = ${version}`))
}
