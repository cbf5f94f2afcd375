import { createHash } from "node:crypto"
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import { openSqlite } from "#platform/sqlite.bun"
import type { Random } from "../../edge/simulator/random.ts"
import { type Campaign, campaign } from "./campaign.ts"
import type { Fault, Outcome } from "./fault.ts"
import { startHub } from "./plant.ts"

/** Exit code of a program that finds its data damaged. */
const integrity = 6
const pageBytes = 4096

/**
 * A page of the database is zeroed or overwritten with noise while the hub is off. It must refuse to start with a clear
 * sentence and leave the file alone, or start with everything that was acknowledged.
 */
const damagedPage: Fault = {
  id: "F09",
  name: "a page of the database is lost",
  quickRounds: 0,
  longRounds: 40,
  run: ({ seed, rounds, folder }) =>
    afterDamage({ folder, seed, name: "F09", count: 80 }, async (plant) => {
      await plant.hub.stop()
      const path = join(plant.data, "hub.db")
      const whole = readFileSync(path)
      let refused = 0
      for (let round = 0; round < rounds; round++) {
        const page = plant.random.below(whole.length / pageBytes)
        const damaged = Buffer.from(whole)
        damaged.set(
          plant.random.next() < 0.5 ? Buffer.alloc(pageBytes) : noise(plant.random),
          page * pageBytes,
        )
        writeFileSync(path, damaged)
        const hub = await startHub(plant.data, { mqtt: plant.hub.mqtt })
        const started = await hub.ready().then(
          () => true,
          () => false,
        )
        if (started) {
          await hub.stop()
          plant.problems.push(...contentOf(path, plant, `page ${page + 1} of ${whole.length / pageBytes}`))
        } else {
          refused += 1
          const { code, err } = await hub.ended()
          if (code !== integrity || !/crux: .*(damaged|is not a CRUX database)/.test(err))
            plant.problems.push(`page ${page + 1}: the hub ended with ${code} and said ${err.slice(-200)}`)
          if (!readFileSync(path).equals(damaged)) plant.problems.push("a refused database was changed")
        }
        for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true })
        writeFileSync(path, whole)
      }
      return `${rounds} pages zeroed or overwritten: refused ${refused} ×, else nothing acknowledged was missing`
    }),
}

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: pageBytes }, () => random.below(256)))
}

/** Every acknowledged inspection can be read from the database. */
function contentOf(path: string, { ledger }: Campaign, where: string): string[] {
  const db = openSqlite(path)
  try {
    const there = new Set(
      db
        .prepare<{ id: string }>("SELECT id FROM inspection")
        .all()
        .map(({ id }) => id),
    )
    return [...ledger.entries]
      .filter(([id, { acknowledged }]) => acknowledged && !there.has(id))
      .map(([id]) => `${where}: the hub started and ${id} is gone`)
  } catch (error) {
    return [`${where}: the hub started on a database that cannot be read: ${error}`]
  } finally {
    db.close()
  }
}

/**
 * The log of the database loses its end. What it held is gone and nothing can bring it back, but the hub must open to
 * what lies before and take the rest anew; rubbish behind the end must cost nothing.
 */
const damagedLog: Fault = {
  id: "F10",
  name: "the database's log has rubbish behind its end",
  quickRounds: 1,
  longRounds: 10,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F10" }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(30)
        await plant.hub.kill()
        const log = join(plant.data, "hub.db-wal")
        writeFileSync(log, noise(plant.random).subarray(0, 1 + plant.random.below(pageBytes)), { flag: "a" })
        await plant.restart()
      }
      return `${rounds} × killed, noise appended to the log, started`
    }),
}

const truncatedLog: Fault = {
  id: "F10",
  name: "the database's log is cut off or gone",
  quickRounds: 0,
  longRounds: 10,
  run: ({ seed, rounds, folder }) =>
    afterDamage({ folder, seed, name: "F10-cut", count: 80 }, async (plant) => {
      let gone = 0
      await plant.hub.kill()
      const path = join(plant.data, "hub.db")
      const [database, log] = [readFileSync(path), readFileSync(`${path}-wal`)]
      for (let round = 0; round < rounds; round++) {
        for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true })
        writeFileSync(path, database)
        const kept = round === 0 ? 0 : plant.random.below(log.length)
        if (kept > 0) {
          writeFileSync(`${path}-wal`, log)
          truncateSync(`${path}-wal`, kept)
        }
        const hub = await startHub(plant.data, { mqtt: plant.hub.mqtt })
        try {
          await hub.ready()
          await hub.stop()
          const db = openSqlite(path)
          const verdict = Object.values(db.prepare("PRAGMA integrity_check").get() ?? {})[0]
          if (verdict !== "ok") plant.problems.push(`after ${kept} of ${log.length} bytes: ${verdict}`)
          db.close()
          gone += contentOf(path, plant, "").length
        } catch (error) {
          const { code, err } = await hub.ended()
          if (code !== integrity && code !== 5)
            plant.problems.push(`after ${kept} bytes: it ended with ${code}: ${err.slice(-200)} ${error}`)
        }
      }
      // Left whole again: what the log held is not the subject of the check at the end.
      for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true })
      writeFileSync(path, database)
      writeFileSync(`${path}-wal`, log)
      return `${rounds} × cut anywhere: sound each time; the damage itself took ${gone} inspections with it`
    }),
}

/** Pictures rot. Nobody may be shown another picture than the one that was stored. */
const rottenPictures: Fault = {
  id: "F11",
  name: "pictures in the store rot",
  quickRounds: 1,
  longRounds: 10,
  run: ({ seed, rounds, folder }) =>
    afterDamage({ folder, seed, name: "F11", count: 30 + rounds * 10 }, async (plant) => {
      const client = await plant.hub.admin()
      const all = [...plant.ledger.entries.values()].flatMap(({ image, acknowledged }) =>
        image && acknowledged ? [image] : [],
      )
      const images = all.slice(0, 30 + rounds * 10)
      const sound = new Map<string, Uint8Array>()
      for (const sha256 of images) sound.set(sha256, await client.bytes(`/api/images/${sha256}`))
      const folder = join(plant.data, "blobs/packs")
      const packs = readdirSync(folder).map((name) => {
        const path = join(folder, name)
        return { path, bytes: readFileSync(path) }
      })
      let refused = 0
      for (const [i, sha256] of images.entries()) {
        const pack = packs.find(({ bytes }) => bytes.includes(sound.get(sha256)!))!
        const at = pack.bytes.indexOf(sound.get(sha256)!)
        const size = sound.get(sha256)!.length
        const damaged = Buffer.from(pack.bytes.subarray(at, at + size))
        const damage = i % 4
        if (damage === 0) damaged.fill(0)
        else if (damage === 1) damaged.fill(0, plant.random.below(size))
        else if (damage === 2) {
          const flipped = plant.random.below(size)
          damaged[flipped] = damaged[flipped]! ^ (1 << plant.random.below(8))
        }
        patch(pack.path, at, damaged)
        try {
          const shown = await client.bytes(`/api/images/${sha256}`)
          if (createHash("sha256").update(shown).digest("hex") !== sha256)
            plant.problems.push(`the picture ${sha256} was shown damaged`)
        } catch (error) {
          refused += 1
          if (damage === 3) plant.problems.push(`a sound picture was not shown: ${error}`)
          if (!(error instanceof Problem && error.code === "not_found"))
            plant.problems.push(`a damaged picture is an error of the hub: ${error}`)
        }
        patch(pack.path, at, pack.bytes.subarray(at, at + size))
      }
      return `${images.length} pictures zeroed, zeroed from some byte on, one bit flipped or left alone: ${refused} refused, none shown damaged`
    }),
}

/** In place: the hub goes on writing behind it. */
function patch(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, "r+")
  try {
    writeSync(file, bytes, 0, bytes.length, at)
  } finally {
    closeSync(file)
  }
}

/** A campaign in which damage is done to what has been acknowledged, after the stations have said all they have. */
function afterDamage(
  options: { folder: string; seed: number; name: string; count: number },
  damage: (plant: Campaign) => Promise<string>,
): Promise<Outcome> {
  const { count, ...rest } = options
  return campaign({ ...rest, everyMs: 20, drain: false }, async (plant) => {
    await plant.moreAcks(count, 120_000)
    return damage(plant)
  })
}

export const damageFaults: readonly Fault[] = [damagedPage, damagedLog, truncatedLog, rottenPictures]
