import { afterAll, beforeAll, expect, test } from "bun:test"
import fc from "fast-check"
import { migrations } from "#platform/migrations"
import { openSqlite } from "#platform/sqlite.bun"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

let hub: TestHub
let people: Browser[] = []
let reviewer: Browser
let parts: string[] = []
beforeAll(async () => {
  hub = await startTestHub()
  reviewer = await hub.as("reviewer")
  people = [await hub.as("worker"), await hub.as("worker")]
  parts = storeParts(hub, 8)
})
afterAll(() => hub.stop())

const ways = ["latest", "reviewed", "consensus"] as const
type Counts = Record<(typeof ways)[number], number>
const kept = (): Counts =>
  Object.fromEntries(
    hub.hub.db
      .prepare<{ counts: string; parts: number }>("SELECT counts, parts FROM settled_count")
      .all()
      .map((row) => [row.counts, row.parts]),
  ) as Counts
/** Counted one by one, as training takes them up. */
const counted = (): Counts =>
  Object.fromEntries(
    ways.map((way) => [
      way,
      hub.hub.db
        .prepare<{ n: number }>(
          `SELECT count(*) AS n FROM inspection i LEFT JOIN label_standing s ON s.inspection_id = i.id
           WHERE i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL AND ($way = 'latest'
             OR s.state IN ('accepted', 'fixed') OR $way = 'consensus' AND s.agreed > 0)`,
        )
        .get({ way })!.n,
    ]),
  ) as Counts

const act = fc.record({
  who: fc.integer({ min: 0, max: 2 }),
  part: fc.integer({ min: 0, max: 7 }),
  what: fc.constantFrom("ok", "ng", "unsure", "withdrawn", "accepted", "sent_back"),
  knowing: fc.boolean(),
})

test("how many parts are settled is known without counting, whatever people say, take back and decide", async () => {
  const most: Counts = { latest: 0, reviewed: 0, consensus: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 25 }), async (acts) => {
      for (const { who, part, what, knowing } of acts) {
        const id = parts[part]!
        const by = [...people, reviewer][who]!
        const revisions = hub.hub.labelling.revisions(id).length
        if (what === "accepted" || what === "sent_back")
          await reviewer.post("/api/reviews", {
            id: crypto.randomUUID(),
            inspection_id: id,
            revision: revisions,
            outcome: what,
            ...(what === "sent_back" && { reason: "look again" }),
          })
        else
          await by.post(
            "/api/labels",
            newLabel(id, {
              verdict: what,
              kinds: what === "ng" ? ["unknown"] : [],
              // Whoever did not know of the others meets them.
              ...(knowing ? {} : { base_revision: 0 }),
            }),
          )
        const now = kept()
        expect(now).toEqual(counted())
        for (const way of ways) most[way] = Math.max(most[way], now[way])
      }
    }),
    { numRuns: 6 },
  )
  expect(hub.hub.labelling.settled()).toBe(kept().latest)
  // All of it happened.
  for (const way of ways) expect([way, most[way] > 0]).toEqual([way, true])
}, 60_000)

test("a database from before is counted once", () => {
  const db = openSqlite(":memory:")
  const at = migrations.findIndex(({ name }) => name.endsWith("settled_count"))
  for (const { sql } of migrations.slice(0, at)) if (/^[^-\s]/m.test(sql)) db.exec(sql)
  db.exec(`
    INSERT INTO user (id, login, name, role, language, password, disabled_at, created_at)
      VALUES ('u', 'kim', 'Kim', 'worker', 'ko', NULL, NULL, 0);
    INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam', 'Cam', 0, '');
  `)
  const put = db.prepare(
    `INSERT INTO inspection (id, device_id, boot, seq, captured_at, received_at, eval, header, label_revision, label_verdict,
       queue_reason, queue_rank)
     VALUES ($id, 'cam', 'b', $seq, 0, 0, 'ng', '{}', 1, $verdict, iif($rank IS NULL, NULL, 'ng'), $rank)`,
  )
  const stand = db.prepare("INSERT INTO label_standing VALUES ($id, 1, 'u', $state, $agreed, NULL, 0)")
  const rows = [
    ["ok", null, "accepted", 0],
    ["ng", null, "unreviewed", 2],
    ["ok", null, null, 0],
    ["ok", 3, "fixed", 0],
    ["unsure", null, "accepted", 1],
    [null, 1, null, 0],
  ] as const
  for (const [seq, [verdict, rank, state, agreed]] of rows.entries()) {
    put.run({ id: `p-${seq}`, seq, verdict, rank })
    if (state !== null) stand.run({ id: `p-${seq}`, state, agreed })
  }
  db.exec(migrations[at]!.sql)
  expect(
    db.prepare<{ counts: string; parts: number }>("SELECT * FROM settled_count ORDER BY counts").all(),
  ).toEqual([
    { counts: "consensus", parts: 2 },
    { counts: "latest", parts: 3 },
    { counts: "reviewed", parts: 1 },
  ])
  db.close()
})
