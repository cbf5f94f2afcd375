import { createHash } from "node:crypto"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { InspectionHeader } from "#contract/inspection"
import type { AckMessage, InspectionAck } from "#contract/topics"
import { sniffImage } from "#models/image-header"
import type { Blobs } from "#platform/blobs"
import { createEvents } from "#platform/events"
import { createGroupCommit } from "#platform/group-commit"
import { createLog } from "#platform/log"
import { migrations } from "#platform/migrations"
import { type Draft, type Outbox, openOutbox } from "../../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../../edge/schema.ts"
import { createRandom } from "../../../edge/simulator/random.ts"
import { createSender, type Sender } from "../../../edge/uplink/sender.ts"
import { createIngest } from "../../../hub/inspection/ingest.service.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { creditFor } from "../../../hub/mqtt/mqtt.rules.ts"
import { pictureOf } from "../station.ts"
import { simulatedBlobs, simulatedDatabase, soundDisk } from "./disk.ts"
import { takeOverTime } from "./time.ts"

/** Everything that can go wrong in the simulation. */
export const kindsOfFault = [
  "cut",
  "partition",
  "latency",
  "repeat",
  "hub_killed",
  "hub_dies_before_commit",
  "hub_dies_after_commit",
  "hub_disk_full",
  "hub_disk_error",
  "hub_disk_slow",
  "hub_clock",
  "station_killed",
  "station_clock",
] as const
export type KindOfFault = (typeof kindsOfFault)[number]

export type SimulationResult = {
  readonly problems: readonly string[]
  readonly faults: number
  readonly acknowledged: number
  readonly stored: number
  readonly lost: number
  readonly duplicates: number
  /** The same for the same seed: a digest of everything that has happened, in order. */
  readonly fingerprint: string
}

/** What the hub is told about its disk beside the level. */
const roomy = { total: 2 ** 40, free: 2 ** 39, marks: { tight: 2, low: 1, full: 0 } }

const minute = 60_000
const day = 24 * 60 * minute
const stationCount = 3
/** How long things go wrong, and how long all may take afterwards until every outbox is empty. */
const troubleMs = 5 * minute
const recoveryMs = 60 * minute

/**
 * A hub and three stations in one process: the real outbox, sender, ingest, store and group commit; time, network and
 * the hub's disk come from the seed. `kinds` limits what goes wrong.
 */
export async function simulate(
  seed: number,
  folder: string,
  kinds: readonly KindOfFault[] = kindsOfFault,
): Promise<SimulationResult> {
  const random = createRandom(`simulation-${seed}`)
  const time = takeOverTime()
  const history = createHash("sha256")
  const problems: string[] = []
  const happened = (...words: (string | number)[]) =>
    void history.update(`${time.now().toFixed(3)} ${words.join(" ")}\n`)
  const log = createLog({ level: "error", subject: "simulation", write: () => {}, now: () => 0 })
  const uuid = () => {
    const hex = Array.from({ length: 8 }, () => random.below(65_536).toString(16).padStart(4, "0")).join("")
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }
  const start = Date.UTC(2026, 0, 5)

  // The network: what all stations share.
  const net = { delayMs: 30, partitionedUntil: 0, repeat: 0 }

  // The hub: its disk outlives its processes.
  const trouble = soundDisk()
  const database = simulatedDatabase(trouble, time, random)
  const blobs = simulatedBlobs(trouble, time, random)
  const first = database.open({ alive: () => true, die: () => {} })
  for (const { sql } of migrations) first.exec(sql)
  // Who may send is not the subject here.
  first.exec("PRAGMA foreign_keys = OFF")
  type Hub = { alive: boolean; receive: ReturnType<typeof createIngest>["receive"]; epoch: string }
  let hub: Hub | undefined
  let hubClock = 0
  const startHub = () => {
    const mine: Hub = { alive: true, receive: async () => undefined, epoch: uuid() }
    const owner = { alive: () => mine.alive, die: () => killHub(mine) }
    const sqlite = database.open(owner)
    sqlite.exec("PRAGMA foreign_keys = OFF")
    const clock = { now: () => start + Math.floor(time.now()) + hubClock }
    const ingest = createIngest({
      store: createInspectionStore({ sqlite }),
      commits: createGroupCommit({ sqlite }),
      blobs: blobs.open(owner) as Blobs,
      sniff: sniffImage,
      disk: { look: async () => ({ ...roomy, level: trouble.full ? "full" : "fine" }) },
      clock,
      events: createEvents({ log }),
      log,
    })
    mine.receive = ingest.receive
    hub = mine
    happened("hub started")
    for (const station of stations) station.connect()
  }
  const killHub = (which: Hub | undefined) => {
    if (!which?.alive) return
    which.alive = false
    hub = undefined
    happened("hub died")
    for (const station of stations) station.disconnect()
    time.after(() => hub ?? startHub(), random.between(100, 20_000))
  }

  /** What the stations know: each part, its picture once it is on the station's disk, and what the hub has said. */
  const made = new Map<string, { image: string | null; acknowledged: boolean; station: number }>()

  const createStation = async (index: number) => {
    const path = join(folder, `station-${index}`)
    mkdirSync(path, { recursive: true })
    // Its pictures lie in real files, for which time stands still: so it does for what is synced beside them.
    const stationDatabase = simulatedDatabase({ ...soundDisk(), slowMs: 0 }, time, random)
    prepareSchema(stationDatabase.open({ alive: () => true, die: () => {} }))
    // Some stations have hardly any room: they must give things up in the order they say, and count them.
    const quota = random.next() < 0.2 ? 60_000 : 1e9
    type Process = { alive: boolean; outbox: Outbox; sender: Sender }
    let current: Process | undefined
    /** The connection; its number tells messages of an earlier one. */
    let connection = 0
    let up = false
    let clock = 0
    let part = 0

    const toHub = (message: Uint8Array) => {
      const over = connection
      const bytes = message.slice()
      const deliver = () => {
        const receiver = hub
        if (over !== connection || !up || !receiver) return
        void receiver.receive(`line-${index}`, "up/insp", bytes).then((ack) => {
          if (!ack || !receiver.alive || over !== connection) return
          promise(ack)
          happened("ack", index, ack.id, ack.st)
          const answer: AckMessage = {
            v: 1,
            acks: [ack],
            credit: creditFor({ bytes: random.below(100), messages: 0 }, 100),
            epoch: receiver.epoch,
          }
          time.after(
            () => {
              if (over !== connection || !up || !current) return
              const entry = made.get(ack.id)
              if (entry && (ack.st === "stored" || ack.st === "dup")) entry.acknowledged = true
              current.sender.onAck(answer)
            },
            random.between(1, net.delayMs),
          )
        })
      }
      // A broker between them may deliver twice, and later than what was sent after it.
      time.after(deliver, random.between(1, net.delayMs))
      if (random.next() < net.repeat) time.after(deliver, random.between(1, net.delayMs * 10))
    }

    const station = {
      index,
      outbox: () => current?.outbox,
      shed: () => stationDatabase.rows<{ kind: string; count: number }>("SELECT kind, count FROM shed"),
      held: () => stationDatabase.rows<{ id: string }>("SELECT id FROM outbox").map(({ id }) => id),
      boots: () => stationDatabase.rows<{ id: string; seq: number }>("SELECT id, seq FROM boot"),
      depth: () =>
        stationDatabase.rows<{ n: number }>("SELECT count(*) AS n FROM outbox WHERE state <> 'dead'")[0]!.n,
      turnClock: (by: number) => {
        clock += by
      },
      healClock: () => {
        clock = 0
      },
      connect: () => {
        if (up || !current || !hub) return
        const wait = Math.max(0, net.partitionedUntil - time.now()) + random.between(500, 4000)
        const process = current
        time.after(() => {
          if (up || current !== process || !hub || time.now() < net.partitionedUntil) return station.connect()
          up = true
          connection += 1
          current.sender.onUp()
        }, wait)
      },
      disconnect: () => {
        if (!up) return
        up = false
        current?.sender.onDown()
        station.connect()
      },
      kill: () => {
        if (!current) return
        happened("station died", index)
        current.alive = false
        current.sender.onDown()
        current = undefined
        up = false
        connection += 1
        time.after(() => void time.busy(station.start()), random.between(100, 10_000))
      },
      start: async () => {
        const mine = { alive: true } as Process
        const sqlite = stationDatabase.open({ alive: () => mine.alive, die: () => {} })
        const boot = uuid().slice(0, 8) + uuid().slice(0, 8)
        const now = () => start + Math.floor(time.now()) + clock
        const outbox = await openOutbox({ sqlite, folder: join(path, "outbox"), boot, quota, now })
        mine.outbox = outbox
        mine.sender = createSender({
          outbox: { ...outbox, message: (id) => time.busy(outbox.message(id)) },
          send: (message) => {
            if (!up || current !== mine) return false
            toHub(message)
            return true
          },
          // All messages here are short.
          deliverSegment: async () => false,
          onRefused: () => {},
          onDrained: () => {},
          log,
        })
        current = mine
        happened("station started", index)
        station.connect()
      },
      inspect: () => {
        const process = current
        if (!process) return
        const id = uuid()
        const evaluation = (["ok", "ng", "undecidable"] as const)[random.below(3)]!
        const draft: Draft = {
          v: 1,
          id,
          ts: start + Math.floor(time.now()) + clock,
          part_id: `part-${index}-${++part}`,
          verdict: { eval: evaluation },
          findings: [],
          policy: { why_sent: evaluation, image: "full" },
        }
        process.outbox.add([{ draft, awaitsImage: true }])
        made.set(id, { image: null, acknowledged: false, station: index })
        const image = pictureOf(random, 200 + random.below(600))
        // The encoder takes its time; the station may be dead by then.
        time.after(
          () => {
            if (!process.alive) return
            const work = process.outbox.attach(id, [
              { name: "image", mime: "image/png", bytes: image, w: 640, h: 480 },
            ])
            void time.busy(work).then(() => {
              const sha256 = createHash("sha256").update(image).digest("hex")
              made.set(id, { ...made.get(id)!, image: sha256 })
              if (process.alive) process.sender.wake()
            })
          },
          random.between(1, 80),
        )
      },
      close: () => stationDatabase.close(),
    }
    return station
  }
  type SimulatedStation = Awaited<ReturnType<typeof createStation>>
  const stations: SimulatedStation[] = []

  /** What the hub says it has on disk must be there the moment it says so. */
  const promise = ({ id, st }: InspectionAck) => {
    if (st !== "stored" && st !== "dup") return
    const row = database.rows<{ header: string }>(`SELECT header FROM inspection WHERE id = '${id}'`)[0]
    if (!row) return void problems.push(`${id} is acknowledged before it is stored`)
    for (const part of (JSON.parse(row.header) as InspectionHeader).parts)
      if (!blobs.objects.has(part.sha256)) problems.push(`${id} is acknowledged without its picture`)
  }

  const anyStation = () => stations[random.below(stations.length)]!
  const inject: Record<KindOfFault, () => void> = {
    cut: () => anyStation().disconnect(),
    partition: () => {
      net.partitionedUntil = time.now() + random.between(1000, 90_000)
      for (const station of stations) station.disconnect()
    },
    latency: () => {
      net.delayMs = random.next() < 0.5 ? 30 : random.between(30, 5000)
    },
    repeat: () => {
      net.repeat = random.next() < 0.5 ? 0 : random.between(0, 0.6)
    },
    hub_killed: () => killHub(hub),
    hub_dies_before_commit: () => {
      trouble.dieAtCommit = "before"
    },
    hub_dies_after_commit: () => {
      trouble.dieAtCommit = "after"
    },
    hub_disk_full: () => {
      trouble.full = true
      time.after(
        () => {
          trouble.full = false
        },
        random.between(100, 40_000),
      )
    },
    hub_disk_error: () => {
      trouble.failingCommits = 1 + random.below(6)
    },
    hub_disk_slow: () => {
      trouble.slowMs = random.next() < 0.5 ? 20 : random.between(20, 4000)
    },
    hub_clock: () => {
      hubClock += random.pick([-day, day, 3650 * day, -3600_000])
    },
    station_killed: () => anyStation().kill(),
    station_clock: () => anyStation().turnClock(random.pick([-day, day, 3650 * day, -3600_000])),
  }

  let faults = 0
  try {
    for (let i = 0; i < stationCount; i++) {
      const station = await createStation(i)
      await station.start()
      stations.push(station)
    }
    startHub()

    const work = () => {
      if (time.now() > troubleMs) return
      anyStation().inspect()
      time.after(work, random.between(50, 500))
    }
    const misfortune = () => {
      if (time.now() > troubleMs || kinds.length === 0) return
      const kind = kindsOfFault[random.below(kindsOfFault.length)]!
      // Drawn first and left out then, so that leaving a kind out changes as little as can be of the rest.
      if (kinds.includes(kind)) {
        faults += 1
        happened("fault", kind)
        inject[kind]()
      }
      time.after(misfortune, random.between(10, 1500))
    }
    work()
    misfortune()
    while (await time.next(troubleMs));

    // All is well again, but for the clocks: a wrong clock must not keep a part from arriving.
    Object.assign(trouble, soundDisk())
    Object.assign(net, { delayMs: 30, partitionedUntil: 0, repeat: 0 })
    const drained = () =>
      hub !== undefined && stations.every((station) => station.outbox() && station.depth() === 0)
    while (!drained() && (await time.next(troubleMs + recoveryMs)));
    if (!drained())
      problems.push(
        `after ${recoveryMs / minute} minutes ${stations.map((s) => s.depth()).join(", ")} records still wait`,
      )

    const result = judge({ database, objects: blobs.objects, stations, made })
    return {
      ...result,
      problems: [...problems, ...result.problems],
      faults,
      fingerprint: history.digest("hex"),
    }
  } finally {
    time.release()
    for (const station of stations) station.close()
    database.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function judge(world: {
  database: ReturnType<typeof simulatedDatabase>
  objects: ReadonlyMap<string, Uint8Array>
  stations: readonly {
    index: number
    shed: () => { kind: string; count: number }[]
    held: () => string[]
    boots: () => { id: string; seq: number }[]
  }[]
  made: ReadonlyMap<string, { image: string | null; acknowledged: boolean; station: number }>
}) {
  const { database, objects, stations, made } = world
  const problems: string[] = []
  const rows = database.rows<{ id: string; device_id: string; part_id: string; header: string }>(
    "SELECT id, device_id, part_id, header FROM inspection",
  )
  const stored = new Map<string, InspectionHeader>()
  const parts = new Set<string>()
  for (const row of rows) {
    const header = JSON.parse(row.header) as InspectionHeader
    stored.set(row.id, header)
    parts.add(`${row.device_id} ${row.part_id}`)
    if (!made.has(row.id)) problems.push(`${row.id} is stored, but nobody has made it`)
    for (const { sha256 } of header.parts) {
      const bytes = objects.get(sha256)
      if (!bytes) problems.push(`${row.id} is stored without its picture`)
      else if (createHash("sha256").update(bytes).digest("hex") !== sha256)
        problems.push(`the picture of ${row.id} is damaged`)
    }
  }
  const duplicates = rows.length - parts.size
  if (duplicates > 0) problems.push(`${duplicates} parts are stored twice`)

  let lost = 0
  let acknowledged = 0
  for (const { index, shed, held } of stations) {
    const counted = (end: string) =>
      shed()
        .filter(({ kind }) => kind.endsWith(end))
        .reduce((sum, { count }) => sum + count, 0)
    const here = new Set(held())
    let [missing, bare] = [0, 0]
    for (const [id, entry] of made) {
      if (entry.station !== index) continue
      if (entry.acknowledged) acknowledged += 1
      const header = stored.get(id)
      if (!header && entry.acknowledged) {
        lost += 1
        problems.push(`${id} was acknowledged and is not stored`)
      } else if (!header && !here.has(id)) missing += 1
      if (header && entry.image !== null && header.parts[0]?.sha256 !== entry.image) bare += 1
    }
    // What a station gives up for want of room it must have counted.
    if (missing > counted("_row")) {
      lost += missing - counted("_row")
      problems.push(
        `station ${index} has lost ${missing} records and says that it gave up ${counted("_row")}`,
      )
    }
    if (bare > counted("_image"))
      problems.push(
        `station ${index} sent ${bare} records without their pictures and counted ${counted("_image")}`,
      )
  }
  return { problems, acknowledged, stored: stored.size, lost, duplicates }
}
