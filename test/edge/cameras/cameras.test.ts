import { describe, expect, test } from "bun:test"
import { appendFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import type { Camera, CapturedFrame } from "../../../edge/cameras/camera.ts"
import { createFolderCamera } from "../../../edge/cameras/folder.camera.ts"
import { createImagesCamera } from "../../../edge/cameras/images.camera.ts"
import { createSimulatorCamera } from "../../../edge/cameras/simulator.camera.ts"
import { itemsOf, readImageFolder } from "../../../edge/simulator/images.ts"
import { createScenario } from "../../../edge/simulator/scenario.ts"
import { photograph, temporaryFolder, writeFiles, writeSmallSet } from "../simulator/image-folder.ts"

/** The first `count` frames, then the signal aborts; a camera that stops by itself gives fewer. */
async function take(camera: Camera, count: number): Promise<CapturedFrame[]> {
  const stop = new AbortController()
  const frames: CapturedFrame[] = []
  for await (const frame of camera.frames(stop.signal)) {
    frames.push(frame)
    if (frames.length === count) stop.abort()
  }
  return frames
}

describe("the simulator camera", () => {
  const scenario = createScenario({ seed: 7 })
  const options = { scenario, station: 2, interval_ms: 1, size: { width: 320, height: 240 } }

  test("it shoots the scenario's parts in order and says that they are simulated", async () => {
    const frames = await take(createSimulatorCamera({ ...options, now: () => 1000 }), 3)
    expect(frames.map((frame) => frame.part_id)).toEqual(["P7-L2-000001", "P7-L2-000002", "P7-L2-000003"])
    for (const frame of frames) {
      expect(frame).toMatchObject({ simulated: true, captured_at: 1000 })
      expect(frame.product_id).toBe(scenario.partOf(frame.part_id!)!.product)
      expect(frame.image).toMatchObject({ form: "raw", width: 320, height: 240, channels: 3 })
    }
  })

  test("it starts where it is told and ends after its count", async () => {
    const frames = await take(createSimulatorCamera({ ...options, from: 41, count: 2 }), 10)
    expect(frames.map((frame) => frame.part_id)).toEqual(["P7-L2-000041", "P7-L2-000042"])
  })

  test("an abort ends the wait for the next part at once", async () => {
    const stop = new AbortController()
    const frames = createSimulatorCamera({ ...options, interval_ms: 3_600_000 }).frames(stop.signal)
    const iterator = frames[Symbol.asyncIterator]()
    expect((await iterator.next()).done).toBe(false)
    const next = iterator.next()
    stop.abort()
    expect((await next).done).toBe(true)
  })
})

describe("the images camera", () => {
  test("stations share out the line's parts, play files unchanged, and start again at the end", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    const set = await readImageFolder(root, 7)
    const line = itemsOf(set, "line")
    const partsOf = async (index: number) => {
      const camera = createImagesCamera({ set, station: { index, of: 2 }, interval_ms: 0, seed: 1 })
      return await take(camera, line.length * 2)
    }
    const [first, second] = [await partsOf(0), await partsOf(1)]
    const names = (frames: CapturedFrame[]) => new Set(frames.map((frame) => frame.part_id))
    expect(names(first).isDisjointFrom(names(second))).toBe(true)
    expect(names(first).union(names(second))).toEqual(new Set(line.map((item) => item.part)))
    for (const frame of first) {
      if (frame.image.form !== "encoded") throw new Error("photographs come as files")
      const sha256 = new Bun.CryptoHasher("sha256").update(frame.image.bytes).digest("hex")
      expect(set.truthOf(sha256)?.part).toBe(frame.part_id!)
    }
  })

  test("the new kind is kept back at first", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    const set = await readImageFolder(root, 7)
    const line = itemsOf(set, "line")
    const options = { set, station: { index: 0, of: 1 }, interval_ms: 0, seed: 1, quiet_share: 1 }
    const frames = await take(createImagesCamera(options), line.length)
    const isNew = frames.map((f) =>
      line.some((i) => i.part === f.part_id && i.defects[0]?.kind === set.new_kind),
    )
    expect(isNew.indexOf(true)).toBe(isNew.filter((value) => !value).length)
  })

  test("more stations than parts is said", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    const set = await readImageFolder(root, 7)
    const camera = createImagesCamera({ set, station: { index: 99, of: 100 }, interval_ms: 0, seed: 1 })
    await expect(take(camera, 1)).rejects.toThrow("has too few parts for 100 stations")
  })
})

describe("the folder camera", () => {
  test("new complete pictures become frames; old, half-written and other files do not", async () => {
    const dir = await temporaryFolder()
    const picture = await photograph("new part")
    await writeFiles(dir, { "old.jpg": picture, "notes.txt": "no picture" })
    const stop = new AbortController()
    const iterator = createFolderCamera({ dir, poll_ms: 5, product_id: "tile", now: () => 5 })
      .frames(stop.signal)
      [Symbol.asyncIterator]()
    // Only what comes after the camera's first look is new, so pictures are handed in until one is taken.
    let taken: CapturedFrame | undefined
    const first = iterator.next().then(({ value }) => {
      taken = value
    })
    for (let i = 0; !taken && i < 1000; i++) {
      await writeFile(join(dir, ".upload"), picture)
      await rename(join(dir, ".upload"), join(dir, `SN-${String(i).padStart(4, "0")}.jpg`))
      await Bun.sleep(10)
    }
    await first
    expect(taken).toMatchObject({ product_id: "tile", captured_at: 5, simulated: false })
    expect(taken?.image).toEqual({ form: "encoded", bytes: new Uint8Array(picture), mime: "image/jpeg" })
    expect(taken?.part_id).toStartWith("SN-")
    await writeFile(join(dir, "half.jpg"), picture.subarray(0, 900))
    const rest: (string | undefined)[] = []
    const half = (async () => {
      while (rest.at(-1) !== "half") rest.push((await iterator.next()).value.part_id)
    })()
    await appendFile(join(dir, "half.jpg"), picture.subarray(900))
    await half
    expect(rest.slice(0, -1).every((part) => part?.startsWith("SN-"))).toBe(true)
    const third = iterator.next()
    stop.abort()
    expect((await third).done).toBe(true)
  })

  test("pictures that lie there already are taken on request, in order of their names", async () => {
    const dir = await temporaryFolder()
    for (const name of ["b.jpg", "a.jpg", "c.jpg"]) await writeFiles(dir, { [name]: await photograph(name) })
    const frames = await take(createFolderCamera({ dir, poll_ms: 5, existing: true }), 3)
    expect(frames.map((frame) => frame.part_id)).toEqual(["a", "b", "c"])
  })

  test("a folder that is gone is said", async () => {
    const dir = join(await temporaryFolder(), "gone")
    try {
      await take(createFolderCamera({ dir }), 1)
      throw new Error("nothing was thrown")
    } catch (error) {
      expect(error).toBeInstanceOf(Problem)
      expect((error as Problem).key).toBe("camera_folder_lost")
    }
  })
})
