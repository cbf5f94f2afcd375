import { chmodSync, statfsSync } from "node:fs"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { type Campaign, campaign } from "./campaign.ts"
import type { Fault } from "./fault.ts"
import { startHub } from "./plant.ts"
import { hasStrace, injected, tracing } from "./strace.ts"
import { fill, mayMount, onTmpfs } from "./tmpfs.ts"

/** Exit code of a program that may not write where it should. */
const permission = 8

/** Some calls are rare, and each thread counts its own: a round starts so many hubs until one has met its fault. */
const triesPerRound = 6

/** Calls of the hub fail for a while, then all is well again; the hub must live through it by itself. */
function failingCalls(
  id: string,
  name: string,
  quickRounds: number,
  trouble: (at: { data: string; nth: number }) => { call: string; what: string; paths?: string[] },
): Fault {
  return {
    id,
    name,
    quickRounds,
    longRounds: 8,
    impossible: hasStrace,
    run: ({ seed, rounds, folder }) =>
      campaign({ folder, seed, name }, async (plant) => {
        let [hubs, lived, bitten] = [0, 0, 0]
        const into = join(folder, "injected")
        /** Starts a hub that will meet the fault, and one without it; says how often it was met. */
        const round = async (): Promise<number> => {
          hubs += 1

          await plant.hub.kill()
          const nth = 1 + plant.random.below(40)
          const { call, what, paths } = trouble({ data: plant.data, nth })
          try {
            await plant.restart({ before: tracing(call, what, paths, into) })
            await plant.moreAcks(150, 15_000)
            if (plant.hub.lives()) lived += 1
          } catch (error) {
            // A start that meets the fault must say so; what it says is shown when it does not.
            if (!(error instanceof Error) || !/before it was ready.*crux: /s.test(error.message))
              plant.problems.push(`a start met the fault and did not say what is wrong: ${error}`)
          }
          if (plant.hub.lives()) await plant.hub.kill()
          const met = injected(into)
          await plant.restart()
          await plant.moreAcks(5)
          return met
        }
        for (let n = 0; n < rounds; n++)
          for (let tries = 0, met = 0; met === 0 && tries < triesPerRound; tries++) {
            met = await round()
            bitten += met
          }
        if (bitten === 0) plant.problems.push("no call has failed: this has proved nothing")
        return `${hubs} hubs, ${bitten} calls that went wrong, ${lived} of the hubs lived through it`
      }),
  }
}

/** Packs there are, and those to come in a round. */
const packs = (data: string) =>
  Array.from({ length: 64 }, (_, i) => join(data, `blobs/packs/${String(i + 1).padStart(8, "0")}.pack`))

const database = (data: string) => [join(data, "hub.db-wal")]

/** Pictures too long to share a file: each needs a name of its own. */
const filed = { pictureBytes: 2_200_000, everyMs: 100, stations: 2 } as const

/** Nothing can be stored now: after what was under way, nothing may be acknowledged. The hub must live through it. */
async function standsStill(plant: Campaign, ms: number): Promise<void> {
  await Bun.sleep(1000)
  const before = plant.ledger.acknowledged()
  await Bun.sleep(ms)
  const more = plant.ledger.acknowledged() - before
  if (more > 0) plant.problems.push(`${more} inspections were acknowledged while nothing could be stored`)
  if (!plant.hub.lives()) throw new Error(`the hub ended: ${plant.hub.said.err.slice(-300)}`)
}

const noInodes: Fault = {
  id: "F06",
  name: "no inodes left",
  quickRounds: 0,
  longRounds: 4,
  impossible: mayMount,
  run: ({ seed, rounds, folder }) => {
    // The disk lies outside, so that both hub and examiner see it.
    const disk = join(folder, "disk")
    return onTmpfs(disk, "size=3g,nr_inodes=2000", (resize) =>
      campaign({ ...filed, folder, seed, name: "F06", data: join(disk, "hub") }, async (plant) => {
        for (let round = 0; round < rounds; round++) {
          await plant.moreAcks(10)
          const { files, ffree } = statfsSync(disk)
          resize(`size=3g,nr_inodes=${files - ffree}`)
          await standsStill(plant, 4000)
          resize("size=3g,nr_inodes=100000")
          await plant.moreAcks(10, 60_000)
        }
        return `${rounds} × no file can be made, under load`
      }),
    )
  },
}

const fullDisk: Fault = {
  id: "F04",
  name: "disk full under load",
  quickRounds: 0,
  longRounds: 5,
  impossible: mayMount,
  run: ({ seed, rounds, folder }) => {
    const disk = join(folder, "disk")
    return onTmpfs(disk, "size=700m", (resize) =>
      campaign({ folder, seed, name: "F04", data: join(disk, "hub") }, async (plant) => {
        for (let round = 0; round < rounds; round++) {
          await plant.moreAcks(60)
          // Not one page more than is in use.
          fill(disk, resize)
          await Bun.sleep(3000 + plant.random.below(2000))
          if (!plant.hub.lives()) throw new Error(`the hub ended: ${plant.hub.said.err.slice(-300)}`)
          resize("size=700m")
          await plant.moreAcks(20, 60_000)
        }
        return `${rounds} × not one free page for some seconds, under load`
      }),
    )
  },
}

const readOnly: Fault = {
  id: "F07",
  name: "picture folders become read-only at run time",
  quickRounds: 0,
  longRounds: 4,
  impossible: () => (asNobody ? undefined : "no other user can be taken here"),
  run: ({ seed, rounds, folder }) => {
    // Everybody's, as the hub is nobody; root is not bound by rights.
    chmodSync(folder, 0o777)
    return campaign({ ...filed, folder, seed, name: "F07", start: { before: asNobody! } }, async (plant) => {
      const shards = Array.from({ length: 256 }, (_, i) =>
        join(plant.data, "blobs/sha256", i.toString(16).padStart(2, "0")),
      )
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(10)
        for (const shard of shards) chmodSync(shard, 0o555)
        await standsStill(plant, 2500)
        for (const shard of shards) chmodSync(shard, 0o700)
        await plant.moreAcks(10, 60_000)
      }
      return `${rounds} × no picture can be stored for 2.5 s, under load`
    })
  },
}

const readOnlyStart: Fault = {
  id: "F07",
  name: "the disk is read-only when the hub starts",
  quickRounds: 1,
  longRounds: 3,
  impossible: mayMount,
  run: ({ seed, rounds, folder }) => {
    const disk = join(folder, "disk")
    return onTmpfs(disk, "size=700m", (resize) =>
      campaign({ folder, seed, name: "F07-start", data: join(disk, "hub") }, async (plant) => {
        for (let round = 0; round < rounds; round++) {
          await plant.moreAcks(20)
          await plant.hub.kill()
          resize("ro")
          const hub = await startHub(plant.data, { mqtt: plant.hub.mqtt })
          const { code, err } = await hub.ended()
          if (code !== permission || !/crux: .*may not write.*EROFS/s.test(err))
            plant.problems.push(`it ended with ${code} and said ${err.slice(-300)}`)
          resize("rw")
          await plant.restart()
          await plant.moreAcks(20, 60_000)
        }
        return `${rounds} × started on a read-only disk: refused with the reason, then started on one that takes data`
      }),
    )
  },
}

/** Rights do not bind root: the hub then runs as nobody. Undefined where that cannot be had. */
const asNobody =
  process.getuid?.() !== 0
    ? []
    : Bun.spawnSync([
          "setpriv",
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          "--",
          ...selfCommand("version"),
        ]).success
      ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "env", "HOME=/nonexistent"]
      : undefined

export const diskFaults: readonly Fault[] = [
  fullDisk,
  failingCalls("F04", "the database's log meets a full disk at the nth write", 1, ({ data, nth }) => ({
    call: "pwrite64",
    what: `error=ENOSPC:when=${nth}..${nth + 30}`,
    paths: database(data),
  })),
  noInodes,
  readOnly,
  // One of the first: many parts share one sync, so there are few of them, and each thread counts its own.
  failingCalls(
    "F08",
    "EIO when the database's log is synced, which stations wait for",
    1,
    ({ data, nth }) => ({
      call: "fdatasync",
      what: `error=EIO:when=${1 + (nth % 3)}..${3 + (nth % 3)}`,
      paths: database(data),
    }),
  ),
  failingCalls("F08", "EIO when SQLite itself syncs its log", 0, ({ data, nth }) => ({
    call: "fsync",
    what: `error=EIO:when=${1 + (nth % 3)}..${3 + (nth % 3)}`,
    paths: database(data),
  })),
  failingCalls("F08", "EIO when pictures are synced", 0, ({ nth }) => ({
    call: "fdatasync",
    // Each thread counts for itself, and eight of them share the work.
    what: `error=EIO:when=${1 + (nth % 4)}+3`,
  })),
  failingCalls("F08", "EIO when a folder is synced", 0, ({ data, nth }) => ({
    call: "fsync",
    what: `error=EIO:when=${1 + (nth % 2)}..${3 + (nth % 2)}`,
    paths: [join(data, "blobs/packs")],
  })),
  failingCalls("F07", "the disk becomes read-only under the hub", 1, ({ nth }) => ({
    call: "pwrite64,pwritev,pwritev2,ftruncate,fdatasync,fsync",
    what: `error=EROFS:when=${60 + nth}..${200 + nth}`,
  })),
  readOnlyStart,
  failingCalls("F12", "slow disk: every sync of log and pictures takes 300 ms longer", 0, ({ data }) => ({
    call: "fdatasync,fsync",
    what: "delay_exit=300000:when=1+",
    paths: [...database(data), ...packs(data)],
  })),
]
