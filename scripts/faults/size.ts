import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { InspectionHeader } from "#contract/inspection"
import { createLog } from "#platform/log"
import { openDatabase } from "#platform/migrate"
import { migrations } from "#platform/migrations"
import { openSqlite } from "#platform/sqlite.bun"
import { createRandom } from "../../edge/simulator/random.ts"
import { frameOf } from "../../test/hub/support/device.ts"
import { type Campaign, campaign } from "./campaign.ts"
import type { Fault } from "./fault.ts"
import { enrolStations, startHub } from "./plant.ts"
import { holds } from "./station.ts"
import { fill, mayMount, onTmpfs } from "./tmpfs.ts"

const mega = 2 ** 20
/** Exit code of a program whose disk has no room. */
const noSpace = 7

/** A database as the version before this one has left it, of about so many bytes. */
function olderDatabase(data: string, bytes: number): void {
  mkdirSync(join(data, "backups"), { recursive: true })
  const db = openDatabase({
    path: join(data, "hub.db"),
    backups: join(data, "backups"),
    openSqlite,
    migrations: migrations.slice(0, -1),
    now: Date.now,
    log: createLog({ level: "error", subject: "hub", write: () => {}, now: Date.now }),
  })
  const insert = db.prepare(
    "INSERT INTO refusal (device_id, topic, at, code, detail, size, head) VALUES ('x', 't', 1, 'c', 'd', 1, $head)",
  )
  db.transaction(() => {
    for (let n = 0; n < bytes / 16_384; n++) insert.run({ head: new Uint8Array(16_000).fill(n % 251) })
  })
  db.close()
}

const digestOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex")

const noRoomForCopy: Fault = {
  id: "F05",
  name: "no room for the copy that is made before data is changed",
  quickRounds: 1,
  longRounds: 8,
  impossible: mayMount,
  run: ({ seed, rounds, folder }) => {
    const disk = join(folder, "disk")
    const random = createRandom(`copy-${seed}`)
    return onTmpfs(disk, "size=900m", async (resize) => {
      const data = join(disk, "hub")
      olderDatabase(data, 150 * mega)
      const problems: string[] = []
      const path = join(data, "hub.db")
      const before = digestOf(path)
      for (let round = 0; round < rounds; round++) {
        // Enough for the hub to begin, not enough for a second database.
        fill(disk, (limits) => resize(withRoom(limits, (66 + random.below(70)) * 1024)))
        const hub = await startHub(data)
        const { code, err } = await hub.ended()
        if (code !== noSpace || !/crux: .*disk .* is full/s.test(err))
          problems.push(`it ended with ${code} and said ${err.slice(-300)}`)
        if (digestOf(path) !== before)
          problems.push("the database was changed although there was no copy of it")
        const left = readdirSync(join(data, "backups"))
        if (left.length > 0) problems.push(`a copy that failed has left ${left.join(", ")}`)
      }
      resize("size=900m")
      const outcome = await campaign({ folder, seed, name: "F05", data }, async (plant) => {
        if (!(await plant.moreAcks(20, 60_000)))
          plant.problems.push("with room again nothing is acknowledged")
        const copies = readdirSync(join(data, "backups"))
        if (copies.length !== 1) plant.problems.push(`there are ${copies.length} copies after the change`)
        return `${rounds} × a start that must copy 150 MB first and has half of it; then with room`
      })
      return { ...outcome, problems: [...problems, ...outcome.problems] }
    })
  },
}

/** "size=Nk" with so many more. */
const withRoom = (limits: string, kib: number) => `size=${Number(/\d+/.exec(limits)?.[0]) + kib}k`

/** Inspections of an archive, until the database has so many bytes; each with as many findings as a real one may have. */
function fillArchive({ data, ledger }: Campaign, bytes: number): number {
  const db = openSqlite(join(data, "hub.db"))
  // Only the generator may be so careless: it has nothing to lose.
  db.exec("PRAGMA synchronous = OFF")
  const { header: pattern } = frameOf(1)
  const findings = Array.from({ length: 32 }, (_, i) => ({ ...pattern.findings[0]!, score: 0.01 * (i + 1) }))
  const insert = db.prepare(
    `INSERT INTO inspection (id, device_id, boot, seq, captured_at, received_at, part_id, eval, header, queue_reason, queue_rank,
       queue_stream)
     VALUES ($id, 'archive', 'archive001', $seq, $at, $at, $part, 'undecidable', $header, 'undecidable', 0, '["","undecidable",1,7,""]')`,
  )
  const now = Date.now()
  let seq = 0
  while (statSync(join(data, "hub.db")).size < bytes) {
    db.transaction(() => {
      for (let i = 0; i < 10_000; i++) {
        seq += 1
        const id = `00000000-0000-7000-8000-${seq.toString(16).padStart(12, "0")}`
        const part = `archive-${seq}`
        const at = now - 30 * 86_400_000 + seq
        const header: InspectionHeader = {
          ...pattern,
          id,
          boot: "archive001",
          seq,
          ts: at,
          part_id: part,
          findings,
          parts: [],
        }
        insert.run({ id, seq, at, part, header: JSON.stringify(header) })
        ledger.produced(id, { device: "archive", partId: part, image: null })
        ledger.entries.get(id)!.acknowledged = true
      }
    })
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  }
  db.close()
  return seq
}

/** The log of the database may grow to this under load; a checkpoint that never comes would let it grow for ever. */
const mostLogBytes = 64 * mega

const bigDatabase: Fault = {
  id: "F13",
  name: "a database past SQLite's lock page",
  quickRounds: 0,
  // Tenths of a gibibyte; the lock page lies at one.
  longRounds: 13,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F13", everyMs: 10 }, async (plant) => {
      await enrolStations(plant.hub, ["archive"])
      await plant.hub.stop()
      const count = fillArchive(plant, (rounds / 10) * 2 ** 30)
      const begin = performance.now()
      await plant.restart()
      const startMs = performance.now() - begin
      const client = await plant.hub.admin()
      const p95 = async (call: () => Promise<unknown>) => {
        const times: number[] = []
        for (let i = 0; i < 60; i++) {
          const at = performance.now()
          await call()
          times.push(performance.now() - at)
        }
        return times.toSorted((a, b) => a - b)[57]!.toFixed(0)
      }
      const next = await p95(() => client.post("/api/labelling/next"))
      const list = await p95(() => client.get("/api/inspections?limit=50"))
      let longest = 0
      const grew = await holds(
        () => {
          longest = Math.max(longest, statSync(join(plant.data, "hub.db-wal")).size)
          return longest > mostLogBytes
        },
        20_000,
        100,
      )
      if (grew) plant.problems.push(`the log of the database grew to ${Math.round(longest / mega)} MiB`)
      if (!(await plant.moreAcks(50, 60_000))) plant.problems.push("nothing is acknowledged")
      return `${count} inspections, ${(statSync(join(plant.data, "hub.db")).size / 2 ** 30).toFixed(2)} GiB: start ${startMs.toFixed(0)} ms, next part to label p95 ${next} ms, list p95 ${list} ms while stations send; log at most ${Math.round(longest / mega)} MiB`
    }),
}

export const sizeFaults: readonly Fault[] = [noRoomForCopy, bigDatabase]
