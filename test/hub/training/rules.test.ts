import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Box, Finding } from "#contract/inspection"
import type { TrainerView } from "#contract/trainer"
import { disagreement } from "../../../hub/registry/parity.rules.ts"
import { createBell } from "../../../hub/training/bell.ts"
import { thinned } from "../../../hub/training/curve.rules.ts"
import { strikeOut } from "../../../hub/training/job-log.ts"
import { standingOf } from "../../../hub/training/lease.rules.ts"
import { fillParams, recipesOf, suits } from "../../../hub/training/recipe.rules.ts"
import { pieceOf } from "../../../hub/training/uploads.ts"
import { recipe } from "./kit.ts"

describe("a lease", () => {
  const states = ["queued", "running", "proving", "succeeded", "failed", "cancelled"] as const
  const job = fc.record({
    state: fc.constantFrom(...states),
    trainer: fc.constantFrom("a", "b", null),
    epoch: fc.integer({ min: 1, max: 5 }),
  })

  test("lets nobody write but the last holder under the last epoch", () => {
    fc.assert(
      fc.property(job, fc.constantFrom("a", "b"), fc.integer({ min: 1, max: 7 }), (now, by, epoch) => {
        const standing = standingOf(now, by, epoch, true)
        if (standing === "ours" || standing === "again") {
          expect([now.trainer, now.epoch]).toEqual([by, epoch])
          expect(["running", "queued"]).toContain(now.state)
        }
        expect(standingOf(now, by, epoch, false)).toBe("foreign")
      }),
    )
  })

  test("is held by one trainer at most, whatever epochs are claimed", () => {
    fc.assert(
      fc.property(job, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), (now, a, b) => {
        const both = [standingOf(now, "a", a, true), standingOf(now, "b", b, true)]
        expect(both.filter((standing) => standing === "ours" || standing === "again").length).toBeLessThan(2)
      }),
    )
  })
})

describe("a recipe", () => {
  test("fills in what was not said, and takes its own answer again", () => {
    const filled = fillParams(recipe.params as never, { epochs: 5 })
    expect(filled).toEqual({ epochs: 5, lr: 0.1, augment: true, net: "small" })
    expect(fillParams(recipe.params as never, filled)).toEqual(filled)
  })

  const view = (id: string, over: Partial<TrainerView> = {}): TrainerView => ({
    id,
    name: id,
    created_at: 0,
    created_by: "",
    revoked_at: null,
    seen_at: 1,
    online: true,
    busy: [],
    said: {
      software: "",
      contract_versions: [1],
      gpus: [],
      labels: {},
      recipes: [{ ...recipe, params: [...recipe.params] as never }],
    },
    ...over,
  })
  const named = (trainers: TrainerView[]) =>
    recipesOf(trainers).map(({ id, version, trainers, online }) => [id, version, trainers, online])

  test("is offered in its newest version, with the trainers that know it; the hub's own is always there", () => {
    const older = view("old")
    older.said!.recipes[0]!.version = 1
    expect(named([older, view("a", { online: false }), view("b"), view("gone", { revoked_at: 1 })])).toEqual([
      ["patch", 1, [], true],
      ["stub.classify", 2, ["a", "b"], true],
    ])
  })

  test("cannot take the place of the hub's own", () => {
    const thief = view("thief")
    thief.said!.recipes[0]!.id = "patch"
    expect(named([thief])).toEqual([["patch", 1, [], true]])
  })

  test("of another version is not made by a trainer that knows this one", () => {
    const by = { trainer: "a", recipes: [{ ...recipe, params: [] }], gpuMemGb: 0 }
    expect(suits({ recipe: { id: recipe.id, version: 2 }, wish: null }, by)).toBe(true)
    expect(suits({ recipe: { id: recipe.id, version: 1 }, wish: null }, by)).toBe(false)
  })
})

describe("what is sent", () => {
  test("loses its secrets and keeps its length in bytes, whatever else is in it", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.stringMatching(/^[A-Za-z0-9_-]{8,40}$/),
        fc.string(),
        (before, secret, after) => {
          for (const text of [
            `${before} ct_gpu-1_${secret} ${after}`,
            `${before} password=${secret} ${after}`,
            `${before} Authorization: Bearer ${secret} ${after}`,
          ]) {
            const struck = strikeOut(text)
            expect(Buffer.byteLength(struck)).toBe(Buffer.byteLength(text))
            expect(struck.includes(`ct_gpu-1_${secret}`)).toBe(false)
            expect(struck.includes(`=${secret} `)).toBe(false)
            expect(struck.includes(`Bearer ${secret} `)).toBe(false)
          }
        },
      ),
    )
    expect(strikeOut("epoch 3 loss 0.12 tokens 512")).toBe("epoch 3 loss 0.12 tokens 512")
  })

  test("says where it belongs, or is refused", () => {
    expect(pieceOf("bytes 5-9/20", "5")).toEqual({ from: 5, to: 10, total: 20 })
    expect(pieceOf(undefined, "20")).toEqual({ from: 0, to: 20, total: 20 })
    for (const range of ["bytes 9-5/20", "bytes 0-20/20", "bytes */20", "0-5/20", "bytes 0-5/*"])
      expect(() => pieceOf(range, "1")).toThrow("Content-Range")
    expect(() => pieceOf(undefined, undefined)).toThrow("Content-Range")
  })
})

test("a curve keeps its ends and its order when it is thinned", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { maxLength: 3000 }),
      fc.integer({ min: 0, max: 500 }),
      (points, most) => {
        const all = points.map((_, i) => i)
        const some = thinned(all, most)
        expect(some.length).toBe(Math.min(all.length, most))
        expect(some).toEqual(some.toSorted((a, b) => a - b))
        if (most > 1 && all.length > 0) expect([some[0], some.at(-1)]).toEqual([0, all.length - 1])
      },
    ),
  )
})

test("a bell that rings between looking and waiting is heard", async () => {
  const bell = createBell()
  const heard = bell.rung()
  bell.ring()
  await bell.wait(heard, 600_000, new AbortController().signal)
  const gone = new AbortController()
  const waiting = bell.wait(bell.rung(), 600_000, gone.signal)
  gone.abort()
  await waiting
})

describe("what a model says here and at its trainer", () => {
  const thresholds = { t_low: 0.3, t_high: 0.7 }
  const said = (score: number) => ({
    name: "00.png",
    score,
    eval: score < 0.3 ? ("ok" as const) : score >= 0.7 ? ("ng" as const) : ("undecidable" as const),
    findings: [] as Finding[],
  })

  test("agrees as far as two resizers do, and differs beyond", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (a, b) => {
          const why = disagreement([said(a)], [said(b)], thresholds)
          if (Math.abs(a - b) > 0.0201) expect(why).toContain("00.png")
          if (Math.abs(a - b) < 0.0199) expect(why).toBeNull()
        },
      ),
    )
  })

  test("differs when it says nothing, something that is no number, or too little", () => {
    expect(
      disagreement(
        [said(0.1)],
        [{ score: null, eval: "undefined", code: "nan_output", findings: [] }],
        thresholds,
      ),
    ).toContain("nan_output")
    const nonsense = { score: Number.NaN, eval: "undecidable" as const, findings: [] }
    expect(disagreement([said(0.1)], [nonsense], thresholds)).not.toBeNull()
    expect(disagreement([said(0.1)], [], thresholds)).toContain("missing")
  })

  test("differs when the same score is another verdict far from the thresholds", () => {
    const heard = { ...said(0.5), eval: "ok" as const }
    expect(disagreement([said(0.5)], [heard], thresholds)).toContain("undecidable at the trainer, ok here")
  })

  const finding = fc.record({
    kind: fc.constantFrom("dent", "scratch"),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    box: fc
      .tuple(...[0, 0, 1, 1].map((min) => fc.integer({ min, max: 200 })))
      .map(([x = 0, y = 0, w = 1, h = 1]): Box => [x, y, w, h]),
  })
  const both = (theirs: Finding[], ours: Finding[]) =>
    disagreement([{ ...said(0.9), findings: theirs }], [{ ...said(0.9), findings: ours }], thresholds)

  test("agrees when the same was found, in whatever order and within tolerance", () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 20 }), (found) => {
        const moved = found.map(({ score, box: [x, y, w, h], ...rest }) => ({
          ...rest,
          score: Math.min(1, score + 0.01),
          box: [x + 0.2 * w, y, w, h * 0.9] as Box,
        }))
        expect(both(found, moved.toReversed())).toBeNull()
        expect(both(moved, found)).toBeNull()
      }),
    )
  })

  test("differs when a thing was clearly found on one side alone, elsewhere, or as another kind", () => {
    const dent: Finding = { kind: "dent", score: 0.9, box: [10, 10, 40, 20] }
    expect(both([dent], [])).toContain(
      "dent of 0.90 at 10, 10, 40, 20 was found at the trainer, and not here",
    )
    expect(both([], [dent])).toContain("was found here, and not at the trainer")
    expect(both([dent], [{ ...dent, box: [40, 10, 40, 20] }])).toContain("at the trainer, and not here")
    expect(both([dent], [{ ...dent, kind: "scratch" }])).toContain("at the trainer, and not here")
    // Width and height taken for the far corner: the most usual mistake.
    expect(both([dent], [{ ...dent, box: [10, 10, 30, 10] }])).not.toBeNull()
    // Just above the threshold it may be on one side alone; and what was not told is not compared.
    expect(both([{ ...dent, score: 0.31 }], [])).toBeNull()
    const untold = { name: "00.png", score: 0.9, eval: "ng" as const }
    expect(disagreement([untold], [{ ...said(0.9), findings: [dent] }], thresholds)).toBeNull()
  })
})
