import { strict as assert } from "node:assert"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createSqlite, SQLITE, type Sqlite, SqliteUnfit, sqliteCodeOf } from "../../../hub/platform/sqlite.ts"

/**
 * What every SQLite driver must do alike. Plain functions on node:assert, so that the same suite runs under bun test
 * and under Deno.
 */
export const sqliteSuite: Readonly<Record<string, (open: (path: string) => Sqlite) => void>> = {
  "values come back as the type they went in": withTable((db) => {
    const insert = db.prepare(
      "INSERT INTO part (id, name, weight, photo) VALUES ($id, $name, $weight, $photo)",
    )
    insert.run({ id: 1_795_353_749_210, name: "볼트 M6", weight: 1.25, photo: new Uint8Array([0, 255]) })
    insert.run({ id: 2, name: "", weight: 3, photo: null })
    const all = db.prepare("SELECT id, name, weight, photo FROM part ORDER BY id DESC")
    assert.deepEqual(all.all().map(plain), [
      { id: 1_795_353_749_210, name: "볼트 M6", weight: 1.25, photo: new Uint8Array([0, 255]) },
      { id: 2, name: "", weight: 3, photo: null },
    ])
    assert.deepEqual([...all.iterate()].map(plain), all.all().map(plain))
  }),

  "whole numbers stay whole in expressions, fractions stay fractions": withTable((db) => {
    const halve = db.prepare("SELECT $n / 2 AS half, typeof($n) AS type, 'n=' || $n AS text")
    assert.deepEqual(plain(halve.get({ n: 5 })), { half: 2, type: "integer", text: "n=5" })
    assert.deepEqual(plain(halve.get({ n: 5.5 })), { half: 2.75, type: "real", text: "n=5.5" })
    assert.deepEqual(plain(halve.get({ n: 7n })), { half: 3, type: "integer", text: "n=7" })
  }),

  "no row is undefined, no rows an empty list, and run counts the changed rows": withTable((db) => {
    assert.equal(db.prepare("SELECT id FROM part").get(), undefined)
    assert.deepEqual(db.prepare("SELECT id FROM part").all(), [])
    db.exec("INSERT INTO part (id, name) VALUES (1, 'a'), (2, 'b')")
    assert.deepEqual(db.prepare("UPDATE part SET name = 'c'").run(), { changes: 2 })
    assert.deepEqual(db.prepare("DELETE FROM part WHERE id > $id").run({ id: 5 }), { changes: 0 })
  }),

  "a missing, unknown, undefined or boolean parameter throws": withTable((db) => {
    const insert = db.prepare("INSERT INTO part (id, name) VALUES ($id, $name)")
    assert.throws(() => insert.run({ id: 1 }), /\$name must not be undefined/)
    assert.throws(() => insert.run(), /must not be undefined/)
    assert.throws(() => insert.run({ id: 1, name: "a", color: "red" }), /\$color is not in/)
    assert.throws(() => insert.run({ id: 1, name: undefined as never }), /\$name must not be undefined/)
    assert.throws(() => insert.run({ id: 1, name: true as never }), /\$name must not be boolean/)
    assert.equal(db.prepare("SELECT id FROM part").get(), undefined)
  }),

  "parameters inside text and comments are none, and other spellings are refused": withTable((db) => {
    const text = db.prepare("SELECT '$a ? ''$b''' AS x /* $c : */ -- $d")
    assert.deepEqual(plain(text.get()), { x: "$a ? '$b'" })
    for (const sql of ["SELECT ?", "SELECT ?1", "SELECT :name", "SELECT @name"]) {
      assert.throws(() => db.prepare(sql), /are written \$name/)
    }
  }),

  "one text is compiled once, until two hundred others were used after it": withTable((db) => {
    const text = "SELECT id FROM part WHERE id = $id"
    const first = db.cached(text)
    for (let i = 0; i < 199; i++) db.cached(`SELECT ${i}`)
    assert.equal(db.cached(text), first)
    for (let i = 200; i < 400; i++) db.cached(`SELECT ${i}`)
    assert.notEqual(db.cached(text), first)
    db.exec("INSERT INTO part (id, name) VALUES (7, 'a')")
    assert.deepEqual(plain(db.cached(text).get({ id: 7 })), { id: 7 })
  }),

  "a typo in SQL throws when the statement is prepared": withTable((db) => {
    assert.throws(() => db.prepare("SELECT nme FROM part"), /nme/)
  }),

  "a transaction is all or nothing": withTable((db) => {
    const insert = db.prepare("INSERT INTO part (id, name) VALUES ($id, 'x')")
    const count = db.prepare<{ n: number }>("SELECT count(*) AS n FROM part")
    assert.equal(
      db.transaction(() => insert.run({ id: 1 }).changes),
      1,
    )
    assert.throws(
      () =>
        db.transaction(() => {
          insert.run({ id: 2 })
          insert.run({ id: 1 })
        }),
      (error) => sqliteCodeOf(error) === SQLITE.constraintPrimaryKey,
    )
    assert.equal(count.get()?.n, 1)
  }),

  "an inner transaction that fails undoes only itself when the outer one goes on": withTable((db) => {
    const insert = db.prepare("INSERT INTO part (id, name) VALUES ($id, 'x')")
    db.transaction(() => {
      insert.run({ id: 1 })
      assert.throws(() =>
        db.transaction(() => {
          insert.run({ id: 2 })
          throw new Error("no")
        }),
      )
      db.transaction(() => insert.run({ id: 3 }))
    })
    assert.deepEqual(db.prepare("SELECT id FROM part").all().map(plain), [{ id: 1 }, { id: 3 }])
  }),

  "asynchronous work is refused and undone": withTable((db) => {
    const insert = db.prepare("INSERT INTO part (id, name) VALUES ($id, 'x')")
    assert.throws(() => db.transaction(async () => insert.run({ id: 1 })), /must not be asynchronous/)
    assert.equal(db.prepare("SELECT id FROM part").get(), undefined)
  }),

  "foreign keys hold and the error says which rule was broken": withTable((db) => {
    const insert = db.prepare("INSERT INTO defect (part_id) VALUES ($part)")
    assert.throws(
      () => insert.run({ part: 9 }),
      (error) => sqliteCodeOf(error) === SQLITE.constraintForeignKey,
    )
    assert.equal(sqliteCodeOf(new Error("something else")), undefined)
  }),

  "a file is opened with write-ahead log and full sync": withTable((db) => {
    const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    assert.equal(pragma("journal_mode"), "wal")
    assert.equal(pragma("synchronous"), 2)
    assert.equal(pragma("trusted_schema"), 0)
    assert.equal(pragma("cell_size_check"), 1)
    assert.equal(pragma("busy_timeout"), 5000)
  }),

  "two connections to one file see each other's commits": (open) => {
    const folder = mkdtempSync(join(tmpdir(), "crux-sqlite-"))
    const [a, b] = [open(join(folder, "x.db")), open(join(folder, "x.db"))]
    a.exec("CREATE TABLE t (n INTEGER) STRICT")
    a.transaction(() => a.prepare("INSERT INTO t (n) VALUES (1)").run())
    assert.equal(b.prepare<{ n: number }>("SELECT n FROM t").get()?.n, 1)
    a.close()
    b.close()
    rmSync(folder, { recursive: true })
  },

  "an SQLite with the write-ahead-log defect is refused": () => {
    const driverOf = (version: string) => ({
      prepare: () => ({
        get: () => ({ version }),
        all: () => [],
        iterate: () => [].values(),
        run: () => ({ changes: 0 }),
      }),
      exec: () => {},
      inTransaction: () => false,
      log: undefined,
      close: () => {},
    })
    for (const version of ["3.51.2", "3.7.0", "3.9.99"]) {
      assert.throws(() => createSqlite(driverOf(version)), /can corrupt data/)
    }
    // New enough, but this one answers every pragma with its version.
    assert.throws(() => createSqlite(driverOf("3.51.3")), SqliteUnfit)
    assert.throws(() => createSqlite(driverOf("3.51.3")), /journal_mode/)
  },
}

/** A database file with two small tables, removed afterwards. */
function withTable(body: (db: Sqlite) => void): (open: (path: string) => Sqlite) => void {
  return (open) => {
    const folder = mkdtempSync(join(tmpdir(), "crux-sqlite-"))
    const db = open(join(folder, "test.db"))
    try {
      db.exec(`CREATE TABLE part (id INTEGER PRIMARY KEY, name TEXT NOT NULL, weight REAL, photo BLOB) STRICT;
               CREATE TABLE defect (part_id INTEGER NOT NULL REFERENCES part (id)) STRICT;`)
      body(db)
    } finally {
      db.close()
      rmSync(folder, { recursive: true })
    }
  }
}

/** node:sqlite's rows have no prototype, which deepEqual would count as a difference. */
const plain = (row: unknown) => Object.assign({}, row)
