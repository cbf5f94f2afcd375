import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LabelTask, NewLabel } from "#contract/labelling"
import { createHub, type Hub } from "../../hub/hub.ts"
import { createPartsStore } from "../../hub/parts/parts.store.ts"
import { theHub } from "../../hub/platform/audit.ts"
import { migrations } from "../../hub/platform/migrations.ts"
import { openSqlite } from "../../hub/platform/sqlite.bun.ts"
import type { Sqlite } from "../../hub/platform/sqlite.ts"
import { bunPorts } from "../../hub/ports.bun.ts"
import { readConfig } from "../../hub/read-config.ts"
import type { BenchRow } from "./row.ts"

const waitingParts = 1_000_000
/** Labels that someone was unsure about, at the top of the queue and none of a worker's business. */
const secondLooks = 20_000
const tablets = 50
/** What a trained worker needs for a part with a right pre-label, a third more or less. */
const paceMs = 1_500
const measuredMs = 30_000
const draws = 100_000
/** Parts a tablet holds: the one it shows and the next, already decoded. */
const ahead = 3

/** The next part for a worker, from a queue as long as a plant's. */
export async function benchQueue(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  await copyFile(await filledDatabase(), join(folder, "hub.db"))
  const disk = { isWaitedFor: true }
  const hub = await openHub(folder, disk)
  try {
    const cookies = await Promise.all(Array.from({ length: tablets }, (_, i) => signIn(hub, i)))
    const paced = await work(hub, cookies)
    // What is counted from here on is who gets what.
    disk.isWaitedFor = false
    const { twice, seconds } = await drawAll(hub, cookies)
    return [
      ...(["draws", "labels"] as const).map((what): BenchRow => {
        const [p50, p99] = [at(paced[what], 0.5), at(paced[what], 0.99)]
        const name = what === "draws" ? "next part" : "a label meanwhile"
        return {
          name: `${name}, ${waitingParts / 1e6} M waiting, ${tablets} tablets (${paced[what].length} ${what}, p50 ${p50.toFixed(2)} ms), p99`,
          value: p99,
          unit: "ms",
          reference: 10,
          ratio: 10 / p99,
          against: "10 ms, the most allowed",
        }
      }),
      {
        name: `parts handed to two people in ${draws} draws (${tablets} at a time, ${seconds.toFixed(0)} s)`,
        value: twice,
        unit: "parts",
        reference: 0,
        ratio: twice === 0 ? 1 : 0,
        against: "none; 1 is none",
      },
    ]
  } finally {
    await hub.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const at = (times: readonly number[], share: number) =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!

/** `disk` says of every commit whether it waits until it lies there. */
function openHub(folder: string, disk = { isWaitedFor: true }): Promise<Hub> {
  const { config } = readConfig({
    flags: { data: folder, "mqtt-port": "0", "log-level": "error" },
    environment: {},
  })
  return createHub(
    { ...config, auto_train: { ...config.auto_train, enabled: false } },
    {
      ...bunPorts(),
      passwordCost: { N: 16, r: 8, p: 1 },
      openSqlite: (path) => hasty(openSqlite(path), disk),
    },
  )
}

/** A database whose commits wait for the disk only while they are told to. */
function hasty(db: Sqlite, disk: { isWaitedFor: boolean }): Sqlite {
  let isInside = false
  const inside = <T>(run: (work: () => T) => T, work: () => T): T => {
    isInside = true
    try {
      return run(work)
    } finally {
      isInside = false
    }
  }
  return {
    ...db,
    transaction: (work) =>
      isInside || disk.isWaitedFor ? db.transaction(work) : inside(db.transactionAhead, work),
    transactionAhead: (work) => inside(db.transactionAhead, work),
  }
}

/** A database with all parts: made once and kept among the system's temporary files, until the schema or this file is another. */
async function filledDatabase(): Promise<string> {
  const text = `${JSON.stringify(migrations)}${await Bun.file(import.meta.path).text()}`
  const name = `crux-bench-queue-${new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16)}`
  const kept = join(tmpdir(), name)
  const database = join(kept, "hub.db")
  if (await stat(database).catch(() => undefined)) return database
  for (const old of await readdir(tmpdir()))
    if (old.startsWith("crux-bench-queue-")) await rm(join(tmpdir(), old), { recursive: true, force: true })
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const hub = await openHub(folder)
  fillQueue(hub)
  await hub.stop()
  await mkdir(kept)
  await rename(join(folder, "hub.db"), database)
  await rm(folder, { recursive: true, force: true })
  return database
}

/** Parts of three lines with a dozen kinds of defects, as an archive that nobody has labelled would hold them. */
function fillQueue({ db }: Hub): void {
  // Only the generator may be so careless: it has nothing to lose.
  db.exec("PRAGMA synchronous = OFF")
  db.exec(`INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam-1', 'Cam 1', 0, '')`)
  const numbers = (from: number, count: number) =>
    `WITH RECURSIVE part(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM part WHERE i < ${from + count - 1})`
  const all = waitingParts + secondLooks
  const step = 100_000
  for (let from = 1; from <= all; from += step) {
    const part = numbers(from, Math.min(step, all - from + 1))
    db.transaction(() => {
      db.exec(`${part} INSERT INTO image (sha256, mime, w, h, size, stored_at)
        SELECT printf('%064x', i), 'image/jpeg', 640, 480, 1000, 1 FROM part`)
      db.exec(`${part}, valued AS (
          SELECT i, printf('line%d', i % 3) AS line, (i * 7919 % 1000) / 1000.0 AS score, printf('kind-%d', i * 31 % 12) AS kind,
            CASE WHEN i > ${waitingParts} THEN 'unsure_label' WHEN i % 100 < 3 THEN 'undecidable' WHEN i % 100 < 5 THEN 'disagreement'
              WHEN i % 100 < 10 THEN 'audit' WHEN i % 100 < 70 THEN 'ng' ELSE 'ok' END AS reason
          FROM part)
        INSERT INTO inspection (id, device_id, boot, seq, captured_at, received_at, part_id, eval, header, image_sha256,
          label_revision, queue_reason, queue_rank, queue_stream)
        SELECT printf('00000000-0000-7000-8000-%012x', i), 'cam-1', 'benchqueue', i, i, i, 'P-' || i,
          CASE reason WHEN 'undecidable' THEN 'undecidable' WHEN 'ng' THEN 'ng' ELSE 'ok' END,
          json_object('v', 1, 'id', printf('00000000-0000-7000-8000-%012x', i), 'boot', 'benchqueue', 'seq', i, 'ts', i,
            'verdict', json_object('eval', CASE reason WHEN 'undecidable' THEN 'undecidable' WHEN 'ng' THEN 'ng' ELSE 'ok' END,
              'score', score, 't_low', 0.4, 't_high', 0.6),
            'findings', json_array(json_object('kind', kind, 'score', 0.8, 'box', json_array(10, 10, 40, 40))),
            'model', json_object('line', line, 'release', 1, 'digest', printf('%064x', 1)),
            'policy', json_object('why_sent', 'all', 'image', 'full'),
            'parts', json_array(json_object('name', 'main', 'mime', 'image/jpeg', 'len', 1000, 'sha256', printf('%064x', i), 'w', 640, 'h', 480))),
          printf('%064x', i), iif(i > ${waitingParts}, 1, NULL), reason, 0,
          json_array(line, reason, iif(i > ${waitingParts}, 2, 1),
            CASE reason WHEN 'audit' THEN 0 WHEN 'undecidable' THEN 7 ELSE CAST(round(7 * score) AS INTEGER) END,
            CASE reason WHEN 'audit' THEN '' ELSE kind END)
        FROM valued`)
    })
  }
  const facts = createPartsStore(db)
  while (facts.follow(step) === step);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
}

const password = "a benchmark of one evening"

async function signIn(hub: Hub, i: number): Promise<string> {
  await hub.users.create(theHub, {
    login: `bench-${i}`,
    name: `Bench ${i}`,
    role: "worker",
    language: "en",
    password,
  })
  const answer = await send(hub, "", "/api/session", { login: `bench-${i}`, password })
  if (answer.status !== 201) throw new Error(await answer.text())
  return answer.headers.getSetCookie().join("; ").split(";")[0] ?? ""
}

const send = (hub: Hub, cookie: string, path: string, body: unknown): Promise<Response> =>
  hub.fetch(
    new Request(`http://hub.bench${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: "http://hub.bench", cookie },
      body: JSON.stringify(body),
    }),
    { ip: "127.0.0.1" },
  )

const verdictOn = (task: LabelTask): NewLabel => ({
  id: crypto.randomUUID(),
  inspection_id: task.inspection.id,
  lease_id: task.lease.id,
  verdict: "ok",
  kinds: [],
  boxes: [],
  accepted: false,
  shown_at: 1,
  decided_at: 2,
  active_ms: 1,
})

/** A tablet at the hub's front door. */
function tabletAt(hub: Hub, cookie: string) {
  const held: LabelTask[] = []
  return {
    held,
    async draw(): Promise<LabelTask> {
      const holding = held.map((task) => task.inspection.id)
      const answer = await send(hub, cookie, "/api/labelling/next", { holding })
      if (answer.status !== 200) throw new Error(`a draw answered ${answer.status}`)
      const task = (await answer.json()) as LabelTask
      held.push(task)
      return task
    },
    async judge(): Promise<LabelTask> {
      const task = held.shift()!
      const answer = await send(hub, cookie, "/api/labels", verdictOn(task))
      if (answer.status !== 201) throw new Error(await answer.text())
      return task
    },
  }
}

/** Every tablet holds some parts, judges one at its pace and asks for the next. What both take at the hub. */
async function work(hub: Hub, cookies: readonly string[]): Promise<{ draws: number[]; labels: number[] }> {
  const [drawn, labels]: [number[], number[]] = [[], []]
  const timed = async (times: number[], request: () => Promise<LabelTask>) => {
    const begin = performance.now()
    await request()
    times.push(performance.now() - begin)
  }
  const end = performance.now() + measuredMs
  await Promise.all(
    cookies.map(async (cookie, i) => {
      const tablet = tabletAt(hub, cookie)
      await Bun.sleep((i * paceMs) / tablets)
      for (let n = 0; n < ahead; n++) await timed(drawn, tablet.draw)
      while (performance.now() < end) {
        await Bun.sleep(paceMs * (2 / 3 + (Math.random() * 2) / 3))
        await timed(labels, tablet.judge)
        await timed(drawn, tablet.draw)
      }
    }),
  )
  // The first ones compile what the others use.
  return { draws: drawn.slice(tablets), labels: labels.slice(tablets) }
}

/**
 * A hundred thousand draws by fifty tablets at once, as fast as the hub answers, each judging what it holds: how many
 * parts two of them had at one time.
 */
async function drawAll(hub: Hub, cookies: readonly string[]): Promise<{ twice: number; seconds: number }> {
  hub.db.exec("DELETE FROM label_lease")
  const begin = performance.now()
  const holders = new Map<string, number>()
  let twice = 0
  let left = draws
  await Promise.all(
    cookies.map(async (cookie, i) => {
      const tablet = tabletAt(hub, cookie)
      while (left > 0) {
        left -= 1
        if (tablet.held.length >= ahead) {
          // Given away from here on: somebody else may rightly get it before the answer is back.
          holders.delete(tablet.held[0]!.inspection.id)
          await tablet.judge()
        }
        const { id } = (await tablet.draw()).inspection
        if (holders.has(id)) twice += 1
        holders.set(id, i)
      }
    }),
  )
  return { twice, seconds: (performance.now() - begin) / 1000 }
}

if (import.meta.main) {
  console.table(await benchQueue())
  process.exit(0)
}
