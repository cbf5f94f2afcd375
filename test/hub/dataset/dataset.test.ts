import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import type { SampleLabel } from "#contract/training"
import { createDataset, type LabelledPart } from "../../../hub/dataset/dataset.service.ts"
import { createFreezer } from "../../../hub/dataset/freezer.ts"
import type { JudgedCount } from "../../../hub/dataset/weight.rules.ts"
import { testDatabase } from "./kit.ts"

const ok: SampleLabel = { verdict: "ok", kinds: [], boxes: [] }
const ng = (kind: string): SampleLabel => ({ verdict: "ng", kinds: [kind], boxes: [] })
const sha = (text: string) => createHash("sha256").update(text).digest("hex")

function linePart(n: number, label: SampleLabel, over: Partial<LabelledPart> = {}): LabelledPart {
  return {
    inspectionId: `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`,
    partId: `part-${n}`,
    productId: null,
    capturedAt: 1000 + n,
    labelledAt: 2000 + n,
    eval: "undecidable",
    model: null,
    image: { sha256: sha(`image-${n}`), mime: "image/jpeg", w: 64, h: 64, size: 100 },
    label,
    ...over,
  }
}

function setUp() {
  const db = testDatabase()
  const labelled: LabelledPart[] = []
  const pictures = new Set<string>()
  const judged: JudgedCount[] = []
  let made = 0
  const dataset = createDataset({
    db,
    clock: { now: () => 5_000 },
    ids: {
      uuid: () => `00000000-0000-7000-9000-${String(++made).padStart(12, "0")}`,
      random: () => "ab",
    },
    labels: { escapes: () => [] },
    blobs: { put: async (_bytes, sha256) => sha256 ?? "" },
    keepImage: (image) => pictures.add(image.sha256),
    sniffImage: (bytes) => (bytes.length > 0 ? { mime: "image/png", w: 8, h: 8 } : undefined),
  })
  const freezer = createFreezer({ db, labels: () => [...labelled], judged: () => judged })
  const freeze = () => {
    let step = freezer.begin({ grouping: "part", near: "allow", at: 5_000 })
    while (step.state === "working") step = freezer.step()
    if (step.state !== "done") throw new Error(`a freeze ended as ${step.state}`)
    const { training, golden } = step
    return { training: dataset.frozen(training.digest), golden: dataset.frozen(golden.digest) }
  }
  return { dataset, freeze, golden: freezer.golden, labelled, pictures, judged }
}
const bytes = (text: string) => new TextEncoder().encode(text)

describe("freezing", () => {
  test("names a set by its content: the same labels give the same name", () => {
    const [a, b] = [setUp(), setUp()]
    for (let n = 0; n < 20; n++) a.labelled.push(linePart(n, n % 4 === 0 ? ng("dent") : ok))
    b.labelled.push(...[...a.labelled].reverse())
    const [first, second] = [a.freeze(), b.freeze()]
    expect(first.training.digest).toBe(second.training.digest)
    expect(first.golden.digest).toBe(second.golden.digest)
    expect(a.freeze().training.digest).toBe(first.training.digest)
  })

  test("gives a new name when one label changes, and keeps the old set as it was", () => {
    const { dataset, freeze, labelled } = setUp()
    for (let n = 0; n < 20; n++) labelled.push(linePart(n, ok))
    const before = freeze()
    const changed = before.training.samples[0]!
    const at = labelled.findIndex((p) => p.image.sha256 === changed.image)
    labelled[at] = { ...labelled[at]!, label: ng("dent"), labelledAt: 9_000 }
    const after = freeze()
    expect(after.training.digest).not.toBe(before.training.digest)
    expect(after.training.byKind).toEqual({ dent: 1 })
    expect(dataset.frozen(before.training.digest).ng).toBe(0)
    const splitOf = (set: typeof before.training) => set.samples.find((s) => s.image === changed.image)?.split
    expect(splitOf(after.training)).toBe(splitOf(before.training)!)
  })

  test("takes the newest word on a picture seen twice", () => {
    const { freeze, labelled } = setUp()
    labelled.push(linePart(1, ok))
    labelled.push(linePart(2, ng("dent"), { image: linePart(1, ok).image, labelledAt: 9_000 }))
    const { training, golden } = freeze()
    expect(training.ng + golden.ng).toBe(1)
    expect(training.ok + golden.ok).toBe(0)
  })
})

describe("uploads by an engineer", () => {
  test("go to golden only, and count once when sent twice", async () => {
    const { dataset, freeze, golden } = setUp()
    const meta = { part_id: "g1", label: ng("dent") }
    const first = await dataset.addReference("golden", meta, bytes("g1"), "engineer")
    const again = await dataset.addReference("golden", meta, bytes("g1"), "engineer")
    expect([first.duplicate, again.duplicate]).toEqual([false, true])
    expect(again.id).toBe(first.id)
    expect(golden()).toMatchObject({ ok: 0, ng: 1, by_kind: { dent: 1 } })
    expect(freeze().training.samples).toEqual([])
  })

  test("can be looked at: their pictures are known to the hub", async () => {
    const { dataset, pictures } = setUp()
    const { image } = await dataset.addReference("golden", { part_id: "g1", label: ok }, bytes("g1"), "e")
    expect([...pictures]).toEqual([image])
  })

  test("are refused when the part stands on the other side already", async () => {
    const { dataset, freeze } = setUp()
    await dataset.addReference("golden", { part_id: "g1", label: ok }, bytes("g1"), "engineer")
    freeze()
    const other = dataset.addReference(
      "reference",
      { part_id: "g1", label: ok },
      bytes("another"),
      "engineer",
    )
    await expect(other).rejects.toMatchObject({ code: "conflict", key: "leak" })
  })

  test("keep a golden picture out of training even when the line saw the same picture", async () => {
    const { dataset, freeze, labelled } = setUp()
    const picture = bytes("shared")
    const { image } = await dataset.addReference("golden", { part_id: "g1", label: ok }, picture, "engineer")
    labelled.push(linePart(7, ok, { image: { ...linePart(7, ok).image, sha256: image } }))
    const { training, golden } = freeze()
    expect(training.samples).toEqual([])
    expect(golden.samples.map((s) => s.image)).toEqual([image])
  })

  test("need an image and a label that makes sense", async () => {
    const { dataset } = setUp()
    const empty = dataset.addReference("golden", { part_id: "g", label: ok }, new Uint8Array(), "engineer")
    await expect(empty).rejects.toMatchObject({ code: "unsupported" })
    const odd = { part_id: "g", label: { ...ok, kinds: ["dent"] } }
    await expect(dataset.addReference("golden", odd, bytes("x"), "engineer")).rejects.toMatchObject({
      code: "invalid",
    })
  })
})

test("a golden set counts how many models have looked at it", () => {
  const { dataset, freeze, labelled } = setUp()
  for (let n = 0; n < 20; n++) labelled.push(linePart(n, ok))
  const { golden } = freeze()
  dataset.look(golden.digest, sha("model a"))
  dataset.look(golden.digest, sha("model a"))
  dataset.look(golden.digest, sha("model b"))
  expect(dataset.looks(golden.digest)).toBe(2)
})

test("a part that stood for many on the line weighs more than one the model doubted", () => {
  const { dataset, freeze, labelled, judged } = setUp()
  const model = sha("model")
  for (let n = 0; n < 10; n++) labelled.push(linePart(n, ok, { model, eval: n < 8 ? "undecidable" : "ok" }))
  judged.push({ model, eval: "undecidable", parts: 8 }, { model, eval: "ok", parts: 92 })
  const { training } = freeze()
  const weights = new Map(dataset.frozen(training.digest).samples.map((s) => [s.id, s.weight]))
  expect(weights.get(linePart(0, ok).inspectionId) ?? weights.get(linePart(1, ok).inspectionId)).toBe(0.1)
  expect(weights.get(linePart(8, ok).inspectionId) ?? weights.get(linePart(9, ok).inspectionId)).toBe(4.6)
})

test("the golden set keeps its name however many parts the line makes", () => {
  const { freeze, labelled, judged } = setUp()
  for (let n = 0; n < 20; n++) labelled.push(linePart(n, ok, { eval: n % 2 ? "ok" : "undecidable" }))
  const before = freeze()
  judged.push({ model: null, eval: "ok", parts: 500 })
  const after = freeze()
  expect(after.golden.digest).toBe(before.golden.digest)
  expect(after.training.digest).not.toBe(before.training.digest)
})
