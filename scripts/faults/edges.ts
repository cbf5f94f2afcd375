import { existsSync } from "node:fs"
import { mkdir, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { loadSharp } from "#models/native"
import { openBlobs } from "#platform/blobs"
import { openSqlite } from "#platform/sqlite.bun"
import { createRandom, type Random } from "../../edge/simulator/random.ts"
import { createInspectionStore } from "../../hub/inspection/inspection.store.ts"
import type { Outcome } from "./fault.ts"
import { freePort, type RunningHub, readyHub, type startHub } from "./plant.ts"
import { holds } from "./station.ts"

export type EdgeStation = Awaited<ReturnType<typeof createEdgeStation>>

/**
 * A station as it is delivered: the program `crux edge` on a data folder of its own, looking into a folder where
 * another system leaves pictures. It is enrolled by its first start, and starts again on what the last one has left.
 */
async function createEdgeStation(options: {
  folder: string
  device: string
  hub: RunningHub
  /** Proves itself by a key of its own instead of a secret. */
  certificate?: boolean
  env?: Record<string, string>
  /** Milliseconds between two parts. */
  everyMs?: number
}) {
  const { device, env } = options
  const data = join(options.folder, device)
  const pictures = join(options.folder, `${device}-pictures`)
  await mkdir(pictures, { recursive: true })
  const client = await options.hub.admin()
  const invitation = { device, name: device, pre_approved: true }
  const { code } = (await client.post<{ code: string }>("/api/enrolment-codes", invitation))!
  let ticket = ["--enrol", code, "--hub", options.hub.url, "--device", device]
  if (options.certificate) ticket.push("--certificate")

  let count = 0
  const sharp = await loadSharp()
  const take = async () => {
    count += 1
    const raw = { width: 64, height: 48, channels: 1 } as const
    // Each part's own picture, so that a mix-up cannot hide behind equal digests.
    const pixels = Buffer.alloc(raw.width * raw.height, count % 251)
    pixels.writeUInt32LE(count)
    const path = join(pictures, `${device}-${count}.png`)
    await writeFile(`${path}.new`, await sharp(pixels, { raw }).png().toBuffer())
    await rename(`${path}.new`, path)
  }
  const taking = setInterval(() => void take(), options.everyMs ?? 60)

  let child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined
  let said = ""
  const keep = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) said = (said + text).slice(-64_000)
  }
  const lives = () => child !== undefined && child.exitCode === null && child.signalCode === null

  return {
    device,
    data,
    lives,
    /** The end of what it has written. */
    said: () => said,
    start: (): void => {
      child = Bun.spawn(
        [
          ...selfCommand("edge", "--data", data, ...ticket, "--camera", "folder", "--folder", pictures),
          ...["--interval-ms", "20", "--output", "none"],
        ],
        {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
          env: { ...process.env, NO_COLOR: "1", ...env },
        },
      )
      ticket = []
      void keep(child.stdout)
      void keep(child.stderr)
    },
    kill: async (): Promise<void> => {
      child?.kill("SIGKILL")
      await child?.exited
    },
    /** As `systemctl stop` does; its exit code. */
    stop: async (): Promise<number> => {
      child?.kill("SIGTERM")
      return (await child?.exited) ?? 0
    },
    /** No more parts come. */
    endOfShift: (): void => clearInterval(taking),
    /** What its disk says: parts it has numbered, and how many of them still wait for the hub. */
    progress: (): { made: number; waiting: number } => {
      const db = openSqlite(join(data, "edge.db"))
      try {
        return db
          .prepare<{ made: number; waiting: number }>(
            "SELECT (SELECT coalesce(sum(seq), 0) FROM boot) AS made, (SELECT count(*) FROM outbox) AS waiting",
          )
          .get()!
      } finally {
        db.close()
      }
    },
  }
}

/**
 * Compares what real stations have numbered on their disks with what a hub that does not run has stored: each number of
 * each start is stored or still in the outbox, exactly once, with pictures whose digests match.
 */
async function examineEdges(
  data: string,
  stations: readonly Pick<EdgeStation, "device" | "data">[],
): Promise<Omit<Outcome, "done"> & { problems: string[] }> {
  const problems: string[] = []
  const hub = openSqlite(join(data, "hub.db"))
  const blobs = await openBlobs({ dataDir: data })
  blobs.attach(createInspectionStore({ sqlite: hub }).place)
  let [acknowledged, stored, lost, duplicates] = [0, 0, 0, 0]
  try {
    const verdict = Object.values(hub.prepare("PRAGMA integrity_check").get() ?? {})[0]
    if (verdict !== "ok") problems.push(`the hub's database is damaged: ${verdict}`)
    for (const { device, data: folder } of stations) {
      const edge = openSqlite(join(folder, "edge.db"))
      const boots = edge.prepare<{ id: string; seq: number }>("SELECT id, seq FROM boot").all()
      const waiting = new Set(
        edge
          .prepare<{ place: string }>("SELECT boot || '/' || seq AS place FROM outbox")
          .all()
          .map(({ place }) => place),
      )
      edge.close()
      const rows = hub
        .prepare<{ place: string; id: string; part: string | null; header: string }>(
          "SELECT boot || '/' || seq AS place, id, part_id AS part, header FROM inspection WHERE device_id = $device",
        )
        .all({ device })
      const there = new Set(rows.map(({ place }) => place))
      duplicates += rows.length - new Set(rows.map(({ part }) => part)).size
      stored += rows.length
      for (const { id, header } of rows)
        for (const { sha256 } of (JSON.parse(header) as { parts: { sha256: string }[] }).parts)
          if (!(await blobs.verify(sha256).catch(() => false)))
            problems.push(`${id} is stored, but its picture is missing or damaged`)
      let made = 0
      for (const { id, seq } of boots)
        for (let n = 1; n <= seq; n++) {
          made += 1
          if (there.has(`${id}/${n}`) || waiting.has(`${id}/${n}`)) continue
          lost += 1
          problems.push(`${device} has made part ${n} of start ${id}, and neither it nor the hub has it`)
        }
      const known = new Set(boots.map(({ id }) => id))
      for (const { place, id } of rows)
        if (!known.has(place.split("/")[0]!)) problems.push(`${id} is stored, but ${device} never made it`)
      acknowledged += made - waiting.size
    }
    if (duplicates > 0) problems.push(`${duplicates} parts are stored twice`)
    return { acknowledged, stored, lost, duplicates, problems }
  } finally {
    hub.close()
    await blobs.close()
  }
}

export type EdgePlant = {
  readonly folder: string
  readonly data: string
  readonly random: Random
  readonly stations: readonly EdgeStation[]
  /** What a fault has found by itself; each is a broken promise. */
  readonly problems: string[]
  hub: RunningHub
  /** Starts the hub again on the same data and the same ports. */
  restart: (options?: Parameters<typeof startHub>[1]) => Promise<RunningHub>
  /** Waits until so many more parts have been made, and have left their stations. */
  moreParts: (count: number, ms?: number) => Promise<boolean>
  moreAcks: (count: number, ms?: number) => Promise<boolean>
}

/**
 * A real hub and real stations with TLS between them, while `disturb` does its worst and says what it has done. At the
 * end the stations empty their outboxes, all end as they are told to, and their disks are compared.
 */
export async function edgeCampaign(
  options: {
    folder: string
    seed: number
    name: string
    stations?: number
    hub?: Parameters<typeof startHub>[1]
    station?: { certificate?: boolean; env?: Record<string, string> }
  },
  disturb: (plant: EdgePlant) => Promise<string>,
): Promise<Outcome> {
  const data = join(options.folder, "hub")
  const ports = { http: await freePort(), mqtt: await freePort(), mqttTls: await freePort() }
  const hub = await readyHub(data, { ...ports, ...options.hub })
  const stations: EdgeStation[] = []
  const sum = (of: "made" | "left") =>
    stations.reduce((total, { progress }) => {
      const { made, waiting } = progress()
      return total + (of === "made" ? made : made - waiting)
    }, 0)
  const more = (of: "made" | "left") => (count: number, ms?: number) => {
    const goal = sum(of) + count
    return holds(() => sum(of) >= goal, ms, 100)
  }
  const plant: EdgePlant = {
    folder: options.folder,
    data,
    random: createRandom(`${options.name}-${options.seed}`),
    stations,
    problems: [],
    hub,
    restart: async (start = {}) => {
      plant.hub = await readyHub(data, { ...ports, ...options.hub, ...start })
      return plant.hub
    },
    moreParts: more("made"),
    moreAcks: more("left"),
  }
  let done = ""
  try {
    for (let i = 1; i <= (options.stations ?? 1); i++) {
      const station = await createEdgeStation({
        folder: options.folder,
        device: `line-${i}`,
        hub,
        ...options.station,
      })
      stations.push(station)
      station.start()
      if (!(await holds(() => existsSync(join(station.data, "identity.json")), 60_000)))
        throw new Error(`${station.device} was not enrolled: ${station.said().slice(-400)}`)
    }
    if (!(await plant.moreAcks(10, 60_000)))
      throw new Error(`nothing arrives: ${stations[0]?.said().slice(-400)}`)
    done = await disturb(plant)
    if (!plant.hub.lives()) await plant.restart()
    for (const station of stations) {
      if (!station.lives()) station.start()
      station.endOfShift()
    }
    const empty = () => stations.every(({ progress }) => progress().waiting === 0)
    // A record may be in the making when the last one has left.
    const rest = async () => (await holds(empty, 120_000, 100)) && (await Bun.sleep(1000).then(empty))
    if (!((await rest()) || (await rest())))
      plant.problems.push("records do not get away from their stations")
  } catch (error) {
    plant.problems.push(`${error instanceof Error ? error.message : error}`)
  }
  for (const station of stations) {
    station.endOfShift()
    const code = station.lives() ? await station.stop() : 0
    if (code !== 0) plant.problems.push(`${station.device} ended with ${code}: ${station.said().slice(-300)}`)
  }
  if (plant.hub.lives()) {
    const { code, err } = await plant.hub.stop()
    if (code !== 0) plant.problems.push(`the hub ended with ${code}: ${err.slice(-300)}`)
  }
  const found = await examineEdges(
    data,
    stations.filter(({ data: own }) => existsSync(join(own, "edge.db"))),
  )
  return { done, ...found, problems: [...plant.problems, ...found.problems] }
}
