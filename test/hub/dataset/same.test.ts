import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import type { Grouping, NearPolicy } from "#contract/dataset"
import type { SampleLabel } from "#contract/training"
import type { Sqlite } from "#platform/sqlite"
import type { LabelledPart } from "../../../hub/dataset/dataset.service.ts"
import { createDatasetStore } from "../../../hub/dataset/dataset.store.ts"
import { labelDigest } from "../../../hub/dataset/digest.rules.ts"
import { createFreezer } from "../../../hub/dataset/freezer.ts"
import type { JudgedCount } from "../../../hub/dataset/weight.rules.ts"
import { testDatabase } from "./kit.ts"

const sha = (text: string) => createHash("sha256").update(text).digest("hex")
const pick = <T>(of: readonly T[], n: number): T => of[n % of.length]!
const models = [null, sha("model a"), sha("model b")]
const said = ["ok", "ng", "undecidable", "undefined"] as const
const count = 600

/** A plant in small with everything that has a say in a version: the same parts at every call. */
function part(n: number): LabelledPart {
  const image = sha(`picture ${n % 17 === 0 ? n - 1 : n}`)
  return {
    inspectionId: `00000000-0000-7000-8000-${String(n * 7919).padStart(12, "0")}`,
    partId: n % 11 === 0 ? null : `부품-${Math.floor(n / (n % 5 === 0 ? 2 : 1))}`,
    productId: pick([null, "ring", "cap"], n),
    capturedAt: 1_790_000_000_000 + n * 7_000,
    device: pick(["cam-1", "cam-2"], n),
    lot: n % 13 === 0 ? null : `L${Math.floor(n / 40)}`,
    labelledAt: 1_790_000_500_000 + ((n * 7919) % 1_000) * 1_000,
    labelledBy: pick(["kim", "lee"], n),
    eval: pick(said, n * 7),
    model: pick(models, n * 3 + (n % 4)),
    image: { sha256: image, mime: pick(["image/jpeg", "image/png"], n), w: 640, h: 480 + (n % 3), size: n },
    label: label(n),
  }
}

function label(n: number): SampleLabel {
  if (n % 3 !== 0) return { verdict: "ok", kinds: [], boxes: [] }
  const kinds = n % 30 === 0 ? ["burr", "dent"] : [pick(["dent", "scratch", "burr", "crack"], n)]
  if (n % 2 === 0) return { verdict: "ng", kinds, boxes: [] }
  const box = (i: number): [number, number, number, number] => [i + 0.5, (n * i) % 400, 12.25, 1e-7 * n]
  return {
    verdict: "ng",
    kinds,
    boxes: kinds.flatMap((kind) => [3, 1, 2].map((i) => ({ kind, box: box(i) }))),
  }
}

/** How a picture looks from far away; every ninetieth almost like the one before it. */
function print(n: number): Int16Array {
  const of = n % 90 === 0 && n > 0 ? n - 1 : n
  return Int16Array.from({ length: 64 }, (_, i) => {
    const usual = ((of * 7919 + i * i * 104_729 + of * i * 31) % 9_001) - 4_500
    return i === 3 && of !== n ? usual + 2 : usual
  })
}

function plant(): { db: Sqlite; parts: LabelledPart[]; judged: JudgedCount[] } {
  const db = testDatabase()
  const store = createDatasetStore(db)
  for (const [i, pool] of (["golden", "reference"] as const).entries())
    for (let n = i * 40; n < i * 40 + 60; n++) {
      const [given, image] = [label(n), sha(n % 6 === 0 ? `picture ${n}` : `upload ${n}`)]
      const id = `00000000-0000-7000-9000-${String(n + i * 500).padStart(12, "0")}`
      const facts = { mime: "image/png" as const, w: 8, h: 8, size: n, product: pick([null, "ring"], n) }
      const part = n % 9 === 0 ? `부품-${n}` : `known-${n}`
      store.addReference({
        id,
        pool,
        image,
        ...facts,
        part,
        label: given,
        digest: labelDigest(given),
        by: "park",
        at: n,
      })
    }
  const parts = Array.from({ length: count }, (_, n) => part(n))
  for (let n = 0; n < count; n++) store.putPrint(sha(`picture ${n}`), n % 50 === 7 ? null : print(n))
  store.choose("part:부품-3", "golden", 1)
  store.choose("part:부품-4", "golden", 1)
  store.choose(`image:${sha("picture 4")}`, "train", 1)
  const judged = models.flatMap((model) =>
    said.map((of, i) => ({ model, eval: of, parts: 1_000 * (i + 1) + (model?.charCodeAt(0) ?? 7) })),
  )
  return { db, parts, judged }
}

/** Freezes some and then all of it; the names of the versions, how many leaks there were, and one name of all that was written. */
function frozen(grouping: Grouping, near: NearPolicy): string[] {
  const { db, parts, judged } = plant()
  const names: string[] = []
  for (const most of [400, count]) {
    const freezer = createFreezer({ db, labels: () => parts.slice(0, most), judged: () => judged })
    let step = freezer.begin({ grouping, near, at: 5_000 + most })
    while (step.state === "working") step = freezer.step()
    if (step.state !== "done") return [...names, step.state, sha(JSON.stringify(step)).slice(0, 16)]
    names.push(step.training.digest, step.golden.digest, String(step.leaks))
  }
  const written = createHash("sha256")
  for (const sql of [
    "SELECT * FROM dataset_sample ORDER BY dataset, image",
    "SELECT * FROM dataset_version ORDER BY digest",
    "SELECT * FROM split_assignment ORDER BY identity",
    "SELECT * FROM split_stratum ORDER BY stratum",
  ])
    written.update(JSON.stringify(db.prepare(sql).all()))
  return [...names, written.digest("hex")].map((name) => name.slice(0, 16))
}

describe("equal labels", () => {
  test("are called and written what hubs before this one called and wrote them", () => {
    expect({
      parts: frozen("part", "leave_out"),
      lots: frozen("lot", "allow"),
      bursts: frozen("burst", "leave_out"),
      refused: frozen("part", "block"),
    }).toEqual({
      parts: [
        "3c64e78648a4d34d",
        "96298418ac6ebd18",
        "3",
        "7dfd287ffdc3ce0e",
        "ea736bb303594d30",
        "3",
        "1ca5be4ac48252da",
      ],
      lots: [
        "8492e0b6fb967839",
        "e23cd3e4e8acc2a7",
        "12",
        "8fe72c94bd2bb4d8",
        "64566205b6cd4052",
        "14",
        "10f66fd7ee4f4667",
      ],
      bursts: [
        "49a2b3476e6934d8",
        "8525fea87ae30398",
        "12",
        "bb45cae743cc1f33",
        "ef078987c8ca44fb",
        "18",
        "60daecd871f2cba5",
      ],
      refused: ["blocked", "8f2fb1ff5b422f64"],
    })
  })
})
