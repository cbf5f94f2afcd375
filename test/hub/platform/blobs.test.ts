import { afterEach, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { chunkSize } from "#contract/topics"
import { type Blobs, openBlobs, sha256Of } from "#platform/blobs"

const folders: string[] = []
const stores: Blobs[] = []
async function folder() {
  const path = await mkdtemp(join(tmpdir(), "crux-blobs-"))
  folders.push(path)
  return path
}
/** Opens a store that is closed after the test. */
async function open(dataDir: string): Promise<Blobs> {
  const blobs = await openBlobs({ dataDir })
  stores.push(blobs)
  return blobs
}
afterEach(async () => {
  for (const blobs of stores.splice(0)) await blobs.close()
  for (const path of folders.splice(0)) await rm(path, { recursive: true, force: true })
})

test("an object is stored under its digest and reads back", async () => {
  const dataDir = await folder()
  const blobs = await open(dataDir)
  const bytes = new TextEncoder().encode("a part")
  const sha256 = await blobs.put(bytes)
  expect(sha256).toBe(sha256Of(bytes))
  expect(existsSync(join(dataDir, "blobs", "sha256", sha256.slice(0, 2), sha256.slice(2)))).toBe(true)
  expect(await blobs.read(sha256)).toEqual(Buffer.from(bytes))
  expect(await blobs.size(sha256)).toBe(6)
  expect(await blobs.verify(sha256)).toBe(true)
})

test("many puts of the same bytes at once leave one object and no scratch file", async () => {
  const dataDir = await folder()
  const blobs = await open(dataDir)
  const bytes = new Uint8Array(50_000).fill(7)
  const names = await Promise.all(Array.from({ length: 20 }, () => blobs.put(bytes)))
  expect(new Set(names).size).toBe(1)
  expect(await readdir(join(dataDir, "blobs", "tmp"))).toEqual([])
})

test("chunks of an object put together are the object", async () => {
  const blobs = await open(await folder())
  const bytes = crypto.getRandomValues(new Uint8Array(60_000))
  const big = new Uint8Array(chunkSize * 2 + 1234)
  for (let at = 0; at < big.length; at += bytes.length) big.set(bytes.subarray(0, big.length - at), at)
  const { sha256, size } = await blobs.putStream(
    (async function* () {
      yield big.subarray(0, 300_000)
      yield big.subarray(300_000)
    })(),
  )
  expect(size).toBe(big.length)
  const chunks = await Promise.all([0, 1, 2, 3].map((i) => blobs.readChunk(sha256, i)))
  expect(chunks.map((c) => c.length)).toEqual([chunkSize, chunkSize, 1234, 0])
  expect(Buffer.concat(chunks).equals(big)).toBe(true)
})

test("a missing object is a problem people can read, and a name that is no digest never becomes a path", async () => {
  const blobs = await open(await folder())
  expect(blobs.read("0".repeat(64))).rejects.toMatchObject({ code: "not_found" })
  expect(() => blobs.path("../../etc/passwd")).toThrow("not a SHA-256")
  expect(await blobs.has("0".repeat(64))).toBe(false)
})

test("files a crash left half-written are swept at the next start", async () => {
  const dataDir = await folder()
  await mkdir(join(dataDir, "blobs", "tmp"), { recursive: true })
  await writeFile(join(dataDir, "blobs", "tmp", "17"), "half")
  await open(dataDir)
  expect(await readdir(join(dataDir, "blobs", "tmp"))).toEqual([])
})

test("an object whose bytes were changed on disk is found out", async () => {
  const blobs = await open(await folder())
  const sha256 = await blobs.put(new TextEncoder().encode("evidence"))
  await writeFile(blobs.path(sha256), "evidance")
  expect(await blobs.verify(sha256)).toBe(false)
})
