import { afterAll, beforeAll, expect, test } from "bun:test"
import sharp from "sharp"
import { tileSide } from "#contract/pyramid"
import { placeOf, tileSide as shownSide, tilesFor } from "../../../ui/editor/tiles.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { storePicture } from "../support/parts.ts"

/** 60 megapixels in which every tile of 512 pixels has a grey of its own. */
const [w, h] = [10_000, 6_000]
const columns = Math.ceil(w / 512)
const greyOf = (x: number, y: number) => 20 + ((x * 7 + y * columns * 7) % 200)

let hub: TestHub
let sha: string

beforeAll(async () => {
  hub = await startTestHub()
  const small = Buffer.alloc(columns * Math.ceil(h / 512))
  for (let i = 0; i < small.length; i++) small[i] = greyOf(i % columns, Math.floor(i / columns))
  const bytes = await sharp(small, { raw: { width: columns, height: Math.ceil(h / 512), channels: 1 } })
    .resize(columns * 512, Math.ceil(h / 512) * 512, { kernel: "nearest" })
    .extract({ left: 0, top: 0, width: w, height: h })
    .jpeg({ quality: 90 })
    .toBuffer()
  sha = (await storePicture(hub, bytes, { w, h })).sha256
}, 120_000)
afterAll(() => hub.stop())

const grey = async (answer: Response) => {
  const { data, info } = await sharp(await answer.bytes())
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { at: (x: number, y: number) => data[y * info.width + x] ?? -1, w: info.width, h: info.height }
}

test("a picture of 60 megapixels is served in tiles of every level, and other requests are answered meanwhile", async () => {
  const worker = await hub.as("worker")
  let answered = 0
  const others = setInterval(() => {
    void worker.get("/api/label-setups").then((answer) => {
      if (answer.ok) answered += 1
    })
  }, 25)
  // Two at once: they are made once.
  const [first, second] = await Promise.all([
    worker.get(`/api/images/${sha}/tiles/0/3/2`),
    worker.get(`/api/images/${sha}/tiles/0/19/11`),
  ])
  clearInterval(others)
  expect([first.status, second.status]).toEqual([200, 200])
  expect(first.headers.get("cache-control")).toContain("immutable")
  expect(answered).toBeGreaterThan(3)
  const tile = await grey(first)
  expect([tile.w, tile.h]).toEqual([512, 512])
  expect(Math.abs(tile.at(256, 256) - greyOf(3, 2))).toBeLessThan(3)
  // The last of both ways is cut: 10,000 = 19 × 512 + 272.
  const corner = await grey(second)
  expect([corner.w, corner.h]).toEqual([272, 368])
  expect(Math.abs(corner.at(100, 100) - greyOf(19, 11))).toBeLessThan(3)
  // One level up a quarter of the tile is one of the level below.
  const coarse = await grey(await worker.get(`/api/images/${sha}/tiles/1/1/1`))
  expect(Math.abs(coarse.at(384, 128) - greyOf(3, 2))).toBeLessThan(3)
  // The whole of it is one tile.
  const whole = await grey(await worker.get(`/api/images/${sha}/tiles/5/0/0`))
  expect([whole.w, whole.h]).toEqual([313, 188])
  for (const path of ["0/20/0", "0/0/12", "6/0/0"])
    expect((await worker.get(`/api/images/${sha}/tiles/${path}`)).status).toBe(404)
  expect((await worker.get(`/api/images/${sha}/tiles/0/-1/0`)).status).toBe(400)
  expect((await hub.browser().get(`/api/images/${sha}/tiles/0/0/0`)).status).toBe(401)
}, 180_000)

test("the tiles are there again after a restart, and one whose bytes have changed is not shown", async () => {
  await hub.restart()
  const worker = await hub.as("worker")
  const before = await (await worker.get(`/api/images/${sha}/tiles/2/1/1`)).bytes()
  expect(before.length).toBeGreaterThan(100)
  const row = hub.hub.db
    .prepare<{ thumb_sha256: string }>("SELECT thumb_sha256 FROM thumbnail WHERE sha256 = $sha AND max = 0")
    .get({ sha })
  const path = hub.hub.blobs.path(row!.thumb_sha256)
  const bytes = await Bun.file(path).bytes()
  const at = Buffer.from(bytes).indexOf(Buffer.from(before))
  bytes[at + 60] = (bytes[at + 60] ?? 0) ^ 0xff
  await Bun.write(path, bytes)
  const answer = await worker.get(`/api/images/${sha}/tiles/2/1/1`)
  expect([answer.status, (await answer.json()).key]).toEqual([404, "image_damaged"])
}, 60_000)

test("an image that cannot be decoded has no tiles, and the next one has", async () => {
  const worker = await hub.as("worker")
  const broken = new Uint8Array(
    await sharp({ create: { width: 900, height: 700, channels: 3, background: "#808080" } })
      .jpeg()
      .toBuffer(),
  )
  const { sha256: bad } = await storePicture(hub, broken.slice(0, 600), { w: 900, h: 700 })
  expect((await worker.get(`/api/images/${bad}/tiles/0/0/0`)).ok).toBe(false)
  const { sha256: good } = await storePicture(hub, broken, { w: 900, h: 700 })
  expect((await worker.get(`/api/images/${good}/tiles/0/1/1`)).status).toBe(200)
}, 60_000)

test("the screen asks for the tiles that the hub has", () => {
  expect(shownSide).toBe(tileSide)
  const size = { w, h }
  const all = tilesFor(size, [0, 0, w, h], 0.1)
  expect(all).toHaveLength(3 * 2)
  expect(all.every(({ level }) => level === 3)).toBe(true)
  const near = tilesFor(size, [5_000, 3_000, 900, 600], 1)
  expect(near.every(({ level }) => level === 0)).toBe(true)
  expect(near).toHaveLength(3 * 3)
  expect(placeOf(size, { level: 0, x: 19, y: 11 })).toEqual([9728, 5632, 272, 368])
})
