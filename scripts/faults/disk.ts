import { chmodSync } from "node:fs"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { campaign } from "./campaign.ts"
import type { Fault } from "./fault.ts"
import { hasStrace, tracing } from "./strace.ts"
import { fill, mayMount, onTmpfs } from "./tmpfs.ts"

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
        let lived = 0
        for (let round = 0; round < rounds; round++) {
          await plant.hub.kill()
          const nth = 1 + plant.random.below(40)
          const { call, what, paths } = trouble({ data: plant.data, nth })
          try {
            await plant.restart({ before: tracing(call, what, paths) })
            await plant.moreAcks(150, 15_000)
            if (plant.hub.lives()) lived += 1
          } catch (error) {
            // A start that meets the fault must say so; what it says is shown when it does not.
            if (!(error instanceof Error) || !/before it was ready.*crux: /s.test(error.message))
              plant.problems.push(`a start met the fault and did not say what is wrong: ${error}`)
          }
          if (plant.hub.lives()) await plant.hub.kill()
          await plant.restart()
          await plant.moreAcks(5)
        }
        return `${rounds} hubs, ${lived} of them lived through it`
      }),
  }
}

const database = (data: string) => [join(data, "hub.db-wal")]

const noInodes: Fault = {
  id: "F06",
  name: "no inodes left",
  quickRounds: 0,
  longRounds: 4,
  impossible: mayMount,
  run: ({ seed, rounds, folder }) => {
    // The disk lies outside, so that both hub and examiner see it.
    const disk = join(folder, "disk")
    return onTmpfs(disk, "size=600m,nr_inodes=1500", (resize) =>
      campaign({ folder, seed, name: "F06", data: join(disk, "hub"), everyMs: 2 }, async (plant) => {
        for (let round = 0; round < rounds; round++) {
          await plant.moreAcks(100)
          resize("size=600m,nr_inodes=1000")
          await plant.moreAcks(2000, 5000)
          if (!plant.hub.lives()) throw new Error(`the hub ended: ${plant.hub.said.err.slice(-300)}`)
          resize("size=600m,nr_inodes=100000")
          await plant.moreAcks(50)
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
    return campaign({ folder, seed, name: "F07", start: { before: asNobody! } }, async (plant) => {
      const shards = Array.from({ length: 256 }, (_, i) =>
        join(plant.data, "blobs/sha256", i.toString(16).padStart(2, "0")),
      )
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(60)
        for (const shard of shards) chmodSync(shard, 0o555)
        await Bun.sleep(2500)
        if (!plant.hub.lives()) throw new Error(`the hub ended: ${plant.hub.said.err.slice(-300)}`)
        for (const shard of shards) chmodSync(shard, 0o700)
        await plant.moreAcks(20, 60_000)
      }
      return `${rounds} × no picture can be stored for 2.5 s, under load`
    })
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
  failingCalls("F08", "EIO when the database's log is synced", 1, ({ data, nth }) => ({
    call: "fdatasync",
    what: `error=EIO:when=${nth}..${nth + 3}`,
    paths: database(data),
  })),
  failingCalls("F08", "EIO when pictures are synced", 0, ({ nth }) => ({
    call: "fdatasync",
    what: `error=EIO:when=${nth}+7`,
  })),
  failingCalls("F08", "EIO when a folder is synced", 0, ({ nth }) => ({
    call: "fsync",
    what: `error=EIO:when=${60 + nth}+5`,
  })),
  failingCalls("F12", "slow disk: every sync takes 300 ms longer", 0, () => ({
    call: "fdatasync,fsync",
    what: "delay_exit=300000:when=80+",
  })),
]
