import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { spansOf } from "#contract/outline"
import type { OutlineAnswer, Pointing, SegmenterView } from "#contract/segmenter"
import { createAssistPorts } from "../../../hub/ports.bun.ts"
import { samPair } from "../../models/segment-models.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { pictureSide, plate, storePicture } from "./pictures.ts"

let hub: TestHub
let worker: Browser
let engineer: Browser
const picture = plate(3, { kind: "blob", x: 60, y: 34 })
const image = createHash("sha256").update(picture).digest("hex")

beforeAll(async () => {
  hub = await startTestHub({ ports: { assist: createAssistPorts() } })
  worker = await hub.as("worker")
  engineer = await hub.as("engineer")
  await storePicture(hub, picture)
})
afterAll(async () => await hub.stop())

const outline = async (pointing: Pointing): Promise<OutlineAnswer> => {
  const answer = await worker.post(`/api/images/${image}/outline`, pointing)
  expect(answer.status).toBe(200)
  return answer.json()
}
const at = (x: number, y: number, inside = true) => ({ x, y, inside })

/** Overlap of an answer with the disc that was drawn. */
function overlap({ mask }: OutlineAnswer): number {
  if (mask?.type !== "mask") return 0
  expect(mask.size).toEqual([pictureSide, pictureSide])
  const spans = spansOf(mask)
  let [both, either] = [0, 0]
  const is = new Set<number>()
  for (let i = 0; i < spans.length; i += 2) for (let p = spans[i]!; p < spans[i + 1]!; p++) is.add(p)
  for (let x = 0; x < pictureSide; x++)
    for (let y = 0; y < pictureSide; y++) {
      const truth = (x - 60) ** 2 + (y - 34) ** 2 <= 81
      const said = is.has(x * pictureSide + y)
      if (truth && said) both += 1
      if (truth || said) either += 1
    }
  return both / either
}

const addPair = async (pair: { encoder: Uint8Array; decoder: Uint8Array }, name: string) => {
  const files = await Promise.all(
    [pair.encoder, pair.decoder].map(async (bytes) => {
      const stored = await engineer.post("/api/segmenters/files", bytes)
      expect(stored.status).toBe(201)
      return (await stored.json()).sha256 as string
    }),
  )
  return await engineer.post("/api/segmenters", { name, encoder: files[0], decoder: files[1] })
}

describe("pointing at a spot", () => {
  test("cuts it out, as a mask and as a polygon of few corners", async () => {
    const answer = await outline({ points: [at(60, 34)] })
    expect(overlap(answer)).toBeGreaterThan(0.85)
    if (answer.polygon?.type !== "polygon") throw new Error("no polygon")
    expect(answer.polygon.points.length).toBeLessThan(40)
    for (const [x, y] of answer.polygon.points)
      expect(Math.abs(Math.hypot(x - 60, y - 34) - 9.5)).toBeLessThan(2)
  })

  test("encodes a picture once: the second time the decoder alone works, also after a restart of its process", async () => {
    const folder = join(hub.folder, "encoded")
    const written = () => readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs])
    const before = written()
    expect(before.length).toBe(1)
    process.kill(hub.hub.assist.pids().prompt!, "SIGKILL")
    expect(overlap(await outline({ points: [at(58, 36)] }))).toBeGreaterThan(0.85)
    expect(written()).toEqual(before)
  })

  test("a place that is not meant takes the answer away from there", async () => {
    const ground = await outline({ points: [at(20, 80)] })
    const without = await outline({ points: [at(60, 34), at(20, 80, false)] })
    expect(overlap(without)).toBeGreaterThan(0.85)
    expect(overlap(ground)).toBeLessThan(0.2)
  })

  test("a box around it does as well, and nothing outside the box is answered", async () => {
    expect(overlap(await outline({ points: [], box: [48, 22, 25, 25] }))).toBeGreaterThan(0.8)
    const half = await outline({ points: [at(57, 34)], box: [40, 20, 20, 30] })
    if (half.mask?.type !== "mask") throw new Error("no mask")
    expect(Math.max(...spansOf(half.mask)) / pictureSide).toBeLessThanOrEqual(60)
  })

  test("nothing pointed at, or a picture nobody knows, is refused", async () => {
    expect((await worker.post(`/api/images/${image}/outline`, { points: [] })).status).toBe(400)
    const other = "0".repeat(64)
    expect((await worker.post(`/api/images/${other}/outline`, { points: [at(1, 1)] })).status).toBe(404)
  })
})

describe("models of others", () => {
  test("a pair in SAM's form is recognised, run once, and used when an engineer says so", async () => {
    const answer = await addPair(samPair("sam"), "tiny SAM")
    expect(answer.status).toBe(201)
    const made: SegmenterView = await answer.json()
    expect(made).toMatchObject({ state: "ready", active: false, builtin: false, name: "tiny SAM" })
    expect(made.layout?.decoder).toMatchObject({ padding: true, size: "orig_im_size", covers: "picture" })
    expect((await engineer.post(`/api/segmenters/${made.id}/activate`)).status).toBe(200)
    const used = await outline({ points: [at(60, 34)] })
    expect(used.segmenter).toBe(made.id)
    expect(overlap(used)).toBeGreaterThan(0.8)
  })

  test("so are EfficientSAM's form, in pixels of the picture, and one with its preparation inside", async () => {
    for (const form of ["efficient", "inside"] as const) {
      const made: SegmenterView = await (await addPair(samPair(form), form)).json()
      expect(made.state).toBe("ready")
      await engineer.post(`/api/segmenters/${made.id}/activate`)
      expect(overlap(await outline({ points: [at(60, 34)] }))).toBeGreaterThan(0.8)
    }
  })

  test("a pair of another form waits until somebody says how it is fed", async () => {
    const made: SegmenterView = await (await addPair(samPair("strange"), "strange")).json()
    expect(made).toMatchObject({ state: "unknown", layout: null })
    expect((await engineer.post(`/api/segmenters/${made.id}/activate`)).status).toBe(409)
    const known: SegmenterView[] = (await (await engineer.get("/api/segmenters")).json()).items
    const layout = known.find(({ name }) => name === "tiny SAM")!.layout!
    const described = {
      ...layout,
      encoder: { ...layout.encoder, input: "bild" },
      carry: [{ from: "merkmale", to: "merkmale" }],
      decoder: {
        ...layout.decoder,
        points: "orte",
        labels: "art",
        masks: "flaeche",
        padding: false,
        covers: "input",
      },
    }
    const { mask: _, size: __, scores: ___, ...decoder } = described.decoder
    const wrong = await engineer.send("PUT", `/api/segmenters/${made.id}/layout`, described)
    expect(wrong.status).toBe(400)
    const right = await engineer.send("PUT", `/api/segmenters/${made.id}/layout`, { ...described, decoder })
    expect(right.status).toBe(200)
    await engineer.post(`/api/segmenters/${made.id}/activate`)
    expect(overlap(await outline({ points: [at(60, 34)] }))).toBeGreaterThan(0.8)
  })

  test("what is no model, or keeps its weights elsewhere, is refused with the reason", async () => {
    const pair = samPair("sam")
    const junk = await addPair({ ...pair, encoder: new TextEncoder().encode("not a model") }, "junk")
    expect(junk.status).toBe(400)
    expect(await junk.json()).toMatchObject({ key: "segmenter_invalid" })
    const foreign = await addPair({ ...pair, encoder: samPair("foreign").encoder }, "foreign")
    expect((await foreign.json()).params.why).toContain("com.example")
    expect((await worker.post("/api/segmenters/files", pair.encoder)).status).toBe(403)
  })
})

test("what encoders made is bounded: the longest unused goes", async () => {
  const small = await startTestHub({
    ports: { assist: createAssistPorts() },
    config: { assist: { similar: true, encoded_mb: 2, blind_share: 0 } },
  })
  try {
    const person = await small.as("worker")
    const shas: string[] = []
    for (let i = 0; i < 4; i++) {
      const bytes = plate(50 + i, { kind: "blob", x: 30 + 8 * i, y: 40 })
      await storePicture(small, bytes)
      shas.push(createHash("sha256").update(bytes).digest("hex"))
      expect((await person.post(`/api/images/${shas[i]}/outline/prepare`)).status).toBe(204)
    }
    const kept = readdirSync(join(small.folder, "encoded"))
    expect(kept.length).toBeLessThan(4)
    expect(kept.some((name) => name.startsWith(shas[3]!))).toBe(true)
    expect(kept.some((name) => name.startsWith(shas[0]!))).toBe(false)
  } finally {
    await small.stop()
  }
})
