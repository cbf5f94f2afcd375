import { afterEach, describe, expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import {
  closeSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { PackPlace } from "#platform/blob-reader"
import { type Blobs, openBlobs, sha256Of } from "#platform/blobs"
import { openPacks } from "#platform/packs"
import { linuxPunchHole } from "../../../hub/platform/punch.bun.ts"

const folders: string[] = []
const newFolder = () => folders[folders.push(mkdtempSync(join(tmpdir(), "crux-packs-"))) - 1]!
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const some = (size: number) => {
  const bytes = new Uint8Array(randomBytes(size))
  return { bytes, sha256: sha256Of(bytes) }
}

describe("a pack", () => {
  test("gives back each of many objects that were appended at once, whole and in part", async () => {
    const packs = await openPacks({ folder: newFolder() })
    const objects = Array.from({ length: 300 }, (_, i) => some(1 + ((i * 977) % 9000)))
    const places = await Promise.all(objects.map(({ bytes, sha256 }) => packs.append(bytes, sha256)))
    for (const [i, { bytes, sha256 }] of objects.entries()) {
      expect(sha256Of(await packs.read(places[i]!))).toBe(sha256)
      expect(packs.readNow(places[i]!)).toEqual(bytes)
      expect(await packs.read(places[i]!, 5, 20)).toEqual(bytes.subarray(5, 25))
    }
    await packs.close()
  })

  test("says of each record what it is, so that it can be read without its database", async () => {
    const folder = newFolder()
    const packs = await openPacks({ folder })
    const objects = [some(100), some(7)]
    for (const { bytes, sha256 } of objects) await packs.append(bytes, sha256)
    await packs.close()
    const file = readFileSync(join(folder, readdirSync(folder)[0]!))
    let at = 0
    for (const { bytes, sha256 } of objects) {
      expect(file.toString("latin1", at, at + 4)).toBe("CXP1")
      expect(file.readUInt32LE(at + 4)).toBe(bytes.length)
      expect(file.toString("hex", at + 8, at + 40)).toBe(sha256)
      at += 40 + bytes.length
    }
    expect(at).toBe(file.length)
  })

  test("is never written again after a restart: what a power cut left at its end stays where it is", async () => {
    const folder = newFolder()
    const first = await openPacks({ folder })
    const one = some(5000)
    const place = await first.append(one.bytes, one.sha256)
    await first.close()
    // The next record had begun.
    writeFileSync(join(folder, "00000001.pack"), "half a rec", { flag: "a" })
    const second = await openPacks({ folder })
    const two = some(5000)
    expect((await second.append(two.bytes, two.sha256)).pack).toBe(2)
    expect(sha256Of(await second.read(place))).toBe(one.sha256)
    await second.close()
  })

  test("that cannot be written is left: those who waited are told, the next ones go into another", async () => {
    const folder = newFolder()
    const packs = await openPacks({ folder })
    const one = some(100)
    const place = await packs.append(one.bytes, one.sha256)
    // The next pack's name is taken by a folder: it cannot be made.
    await packs.close()
    const again = await openPacks({ folder })
    writeFileSync(join(folder, "00000002.pack"), "")
    await expect(again.append(one.bytes, one.sha256)).rejects.toThrow("EEXIST")
    expect((await again.append(one.bytes, one.sha256)).pack).toBe(3)
    expect(sha256Of(await again.read(place))).toBe(one.sha256)
    await again.close()
  })

  test.skipIf(!existsSync("/proc/self/fd"))(
    "that fails while it is being written is left, and who comes at any moment after that is served",
    async () => {
      const one = some(100)
      for (let turns = 0; turns < 8; turns++) {
        const folder = newFolder()
        const packs = await openPacks({ folder })
        const place = await packs.append(one.bytes, one.sha256)
        breakDescriptor(join(folder, "00000001.pack"))
        await expect(packs.append(one.bytes, one.sha256)).rejects.toThrow("EBADF")
        for (let i = 0; i < turns; i++) await new Promise(setImmediate)
        expect((await packs.append(one.bytes, one.sha256)).pack).toBe(2)
        expect(sha256Of(await packs.read(place))).toBe(one.sha256)
        await packs.close()
      }
    },
  )

  const punch = linuxPunchHole()
  test.skipIf(!punch)("gives the room of one object back to the disk and keeps its neighbours", async () => {
    const folder = newFolder()
    const packs = await openPacks({ folder, punch })
    const objects = [some(100_000), some(400_000), some(100_000)]
    const places: PackPlace[] = []
    for (const { bytes, sha256 } of objects) places.push(await packs.append(bytes, sha256))
    const path = join(folder, "00000001.pack")
    const before = statSync(path).blocks * 512
    await packs.free(places[1]!)
    expect(before - statSync(path).blocks * 512).toBeGreaterThan(380_000)
    for (const i of [0, 2]) expect(sha256Of(await packs.read(places[i]!))).toBe(objects[i]!.sha256)
    await packs.close()
  })
})

describe("the store with packs", () => {
  async function withRows() {
    const dataDir = newFolder()
    const rows = new Map<string, PackPlace>()
    const blobs: Blobs = await openBlobs({ dataDir })
    blobs.attach((sha256) => rows.get(sha256))
    const append = async (bytes: Uint8Array) => {
      const sha256 = sha256Of(bytes)
      const place = await blobs.append(bytes, sha256)
      if (place) rows.set(sha256, place)
      return sha256
    }
    return { dataDir, rows, blobs, append }
  }

  test("reads, measures, cuts and verifies what lies in a pack as if it were a file", async () => {
    const { blobs, append } = await withRows()
    const { bytes } = some(600_000)
    const sha256 = await append(bytes)
    expect(await blobs.has(sha256)).toBe(true)
    expect(await blobs.size(sha256)).toBe(bytes.length)
    expect(sha256Of(await blobs.read(sha256))).toBe(sha256)
    expect(await blobs.readChunk(sha256, 2)).toEqual(bytes.subarray(524_288))
    expect(await blobs.readChunk(sha256, 9)).toHaveLength(0)
    expect(await blobs.verify(sha256)).toBe(true)
    for (const path of [blobs.path(sha256), await blobs.file(sha256)])
      expect(sha256Of(readFileSync(path))).toBe(sha256)
    await blobs.close()
  })

  test("a long object becomes a file, and so does everything that is put", async () => {
    const { blobs, append, rows } = await withRows()
    const long = await append(some(3_000_000).bytes)
    expect(rows.size).toBe(0)
    expect(statSync(blobs.path(long)).size).toBe(3_000_000)
    await blobs.close()
  })

  test("a damaged object is found, a missing pack is an object that is not here", async () => {
    const { dataDir, blobs, append, rows } = await withRows()
    const [sha256, gone] = [await append(some(5000).bytes), await append(some(5000).bytes)]
    const place = rows.get(sha256)!
    const pack = join(dataDir, "blobs", "packs", "00000001.pack")
    const file = readFileSync(pack)
    file[place.at + 17]! ^= 1
    writeFileSync(pack, file)
    expect(await blobs.verify(sha256)).toBe(false)
    truncateSync(pack, rows.get(gone)!.at + 10)
    expect(await blobs.verify(gone)).toBe(false)
    rmSync(pack)
    await expect(blobs.verify(gone)).rejects.toThrow("does not hold")
    await blobs.close()
  })

  test("the same bytes appended many times at once take one place", async () => {
    const { blobs } = await withRows()
    const { bytes, sha256 } = some(5000)
    const places = await Promise.all(Array.from({ length: 20 }, () => blobs.append(bytes, sha256)))
    expect(new Set(places.map((place) => place?.at)).size).toBe(1)
    await blobs.close()
  })
})

/** What the program has open under this path is there no more: as after an error of the disk, every write fails. */
function breakDescriptor(path: string): void {
  const found = readdirSync("/proc/self/fd").find((fd) => {
    try {
      return readlinkSync(join("/proc/self/fd", fd)) === path
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error(`nothing is open under ${path}`)
  closeSync(Number(found))
}
