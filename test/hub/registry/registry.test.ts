import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import * as v from "valibot"
import { openEnvelope, parseEnvelope } from "#contract/dsse"
import { ModelView, ReferenceMeta } from "#contract/registry"
import { Manifest, payloadTypes } from "#contract/release"
import { until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel, partPicture, scaled } from "../support/models.ts"
import { frozenSets } from "../support/parts.ts"

// Each test starts processes of its own; on a busy machine that takes its time.
setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser

async function upload(path: "/api/golden" | "/api/references", n: number, verdict: "ok" | "ng") {
  const meta = v.parse(ReferenceMeta, {
    part_id: `${path.slice(5)}-${verdict}-${n}`,
    label: { verdict, kinds: verdict === "ng" ? ["dent"] : [], boxes: [] },
  })
  const offset = path === "/api/golden" ? 0 : 50
  const picture = partPicture({ grey: 20 + n + offset, square: verdict === "ng" })
  const answer = await engineer.post(`${path}?meta=${encodeURIComponent(JSON.stringify(meta))}`, picture)
  expect(answer.status).toBe(200)
}

/** Registers a model through the front door and waits for its proof. */
async function prove(model: Uint8Array): Promise<ModelView> {
  const answer = await engineer.post("/api/models", model)
  expect(answer.status).toBe(202)
  const { digest } = v.parse(ModelView, await answer.json())
  return await until("the proof", async () => {
    const view = v.parse(ModelView, await (await engineer.get(`/api/models/${digest}`)).json())
    return view.state !== "proving" && view
  })
}
const failed = (model: ModelView) =>
  model.gate?.checks.filter((c) => c.hard && c.status === "fail").map((c) => c.reason)

beforeAll(async () => {
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  for (let n = 0; n < 20; n++) {
    await upload("/api/golden", n, "ok")
    await upload("/api/golden", n, "ng")
  }
  for (let n = 0; n < 8; n++) {
    await upload("/api/references", n, "ok")
    await upload("/api/references", n, "ng")
  }
})
afterAll(() => plant.stop())

describe("the front door proves foreign models and refuses", () => {
  const cases: [string, Uint8Array, string][] = [
    ["one that calls everything OK", brightnessModel({ tail: scaled(0.01, 0) }), "escape"],
    ["one that calls everything NG", brightnessModel({ tail: scaled(0.01, 0.95) }), "overkill"],
    ["one that always says the same", brightnessModel({ tail: scaled(0, 0.1) }), "constant_score"],
    ["one that returns no number", brightnessModel({ tail: scaled(Number.NaN, 0) }), "no_answer"],
    [
      "one that leaves everything open",
      brightnessModel({ thresholds: { t_low: 0, t_high: 1.1 } }),
      "undecidable",
    ],
  ]
  for (const [name, model, reason] of cases)
    test(name, async () => {
      const proved = await prove(model)
      expect(proved.state).toBe("refused")
      expect(failed(proved)).toContain(reason)
    })

  test("a file that is no model", async () => {
    const answer = await engineer.post("/api/models", new Uint8Array([1, 2, 3]))
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ key: "model_invalid" })
  })

  test("people who are no engineers", async () => {
    const worker = await plant.as("worker")
    expect((await worker.post("/api/models", brightnessModel())).status).toBe(403)
  })
})

test("a refused model cannot be approved", async () => {
  const refused = await prove(brightnessModel({ tail: scaled(0.01, 0), stamp: "again" }))
  const answer = await engineer.post(`/api/models/${refused.digest}/approve`)
  expect(answer.status).toBe(409)
  expect(await answer.json()).toMatchObject({ key: "model_not_candidate" })
})

describe("an approved model", () => {
  let released: ModelView
  let envelopeBytes: Uint8Array
  beforeAll(async () => {
    const proved = await prove(brightnessModel({ kinds: ["dent"], stamp: "good" }))
    expect(failed(proved)).toEqual([])
    expect(proved.gate).toMatchObject({ pass: true, golden: { ok: 20, ng: 20 } })
    const answer = await engineer.post(`/api/models/${proved.digest}/approve`)
    released = v.parse(ModelView, await answer.json())
    const release = plant.hub.registry.released(released.digest)
    envelopeBytes = await plant.hub.blobs.read(release!.manifest.sha256)
  })

  test("gets the next release number, once", async () => {
    expect(released).toMatchObject({ state: "released", release: 1, champion: false })
    const again = await engineer.post(`/api/models/${released.digest}/approve`)
    expect(again.status).toBe(409)
    const second = await prove(brightnessModel({ kinds: ["dent"], stamp: "second" }))
    const answer = await engineer.post(`/api/models/${second.digest}/approve`)
    expect(await answer.json()).toMatchObject({ release: 2 })
  })

  test("has a manifest that the release key signed and that nobody may change", () => {
    const { release } = plant.hub.keys.trusted
    const envelope = parseEnvelope(envelopeBytes)
    const payload = openEnvelope(envelope, payloadTypes.manifest, release)
    const manifest = v.parse(Manifest, JSON.parse(new TextDecoder().decode(payload)))
    expect(manifest).toMatchObject({ line: "main", release: 1, model: { sha256: released.digest } })
    const forged = Buffer.from(JSON.stringify({ ...manifest, release: 9 })).toString("base64")
    expect(() => openEnvelope({ ...envelope, payload: forged }, payloadTypes.manifest, release)).toThrow(
      "the signature does not hold",
    )
    expect(() => openEnvelope(envelope, payloadTypes.desired, release)).toThrow("the signature does not hold")
    expect(() => openEnvelope(envelope, payloadTypes.manifest, plant.hub.keys.trusted.hub)).toThrow()
  })

  test("carries check images of both truths, measured, and none of the golden set", async () => {
    const envelope = parseEnvelope(envelopeBytes)
    const manifest = v.parse(Manifest, JSON.parse(Buffer.from(envelope.payload, "base64").toString()))
    const golden = new Set((await frozenSets(plant)).golden.samples.map((s) => s.image))
    expect(manifest.checks.map((c) => c.expect.eval).sort()).toEqual(["ng", "ng", "ng", "ok", "ok", "ok"])
    for (const { image, expect: expected } of manifest.checks) {
      expect(golden.has(image.sha256)).toBe(false)
      expect(await plant.hub.blobs.size(image.sha256)).toBe(image.size)
      expect(expected.eval === "ng" ? expected.score > 0.8 : expected.score < 0.6).toBe(true)
    }
  })

  test("is in the audit trail with the gate's digest", () => {
    const rows = plant.hub.db
      .prepare<{ subject: string; after: string }>(
        "SELECT subject, after FROM audit WHERE action = 'model.approve'",
      )
      .all()
    expect(rows[0]?.subject).toBe(`model:${released.digest}`)
    expect(JSON.parse(rows[0]!.after)).toMatchObject({
      release: 1,
      gate: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(plant.hub.audit.verify().brokenAt).toBeNull()
  })
})

test("a hub that was stopped in a proof takes it up again", async () => {
  const answer = await engineer.post("/api/models", brightnessModel({ stamp: "interrupted" }))
  const { digest } = v.parse(ModelView, await answer.json())
  await plant.restart()
  engineer = await plant.as("engineer")
  const view = await until("the proof after the restart", async () => {
    const now = v.parse(ModelView, await (await engineer.get(`/api/models/${digest}`)).json())
    return now.state !== "proving" && now
  })
  expect(view.state).toBe("candidate")
})

test("golden parts are judged by the limits the model has for their product", async () => {
  for (let n = 0; n < 10; n++) {
    const label = { verdict: "ok", kinds: [], boxes: [] }
    const meta = { part_id: `glass-${n}`, product_id: "glass", label }
    const picture = partPicture({ grey: 100 + n, square: true })
    const to = `/api/golden?meta=${encodeURIComponent(JSON.stringify(meta))}`
    expect((await engineer.post(to, picture)).status).toBe(200)
  }
  const blind = await prove(brightnessModel({ kinds: ["dent"], stamp: "one limit" }))
  expect(blind.gate?.challenger.overkills).toBe(10)
  const products = { glass: { t_low: 1.1, t_high: 1.2 } }
  const knowing = await prove(brightnessModel({ kinds: ["dent"], products, stamp: "two limits" }))
  expect(knowing.gate?.challenger).toMatchObject({ overkills: 0, escapes: 0, ok_undecidable: 0 })
  expect(knowing.state).toBe("candidate")
})
