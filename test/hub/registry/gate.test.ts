import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import * as v from "valibot"
import type { Evaluation } from "#contract/inspection"
import { type GatePolicy, GateReport } from "#contract/registry"
import { type GateInput, type Judgement, judge, type TruePart } from "../../../hub/registry/gate.rules.ts"

const policy: GatePolicy = {
  max_escape_upper: 0.1,
  max_overkill_upper: 0.15,
  max_undecidable: 0.3,
  max_p99_ms: 500,
  min_golden_ng: 20,
  min_golden_ok: 20,
}
const hex = (n: number) => n.toString(16).padStart(64, "0")
const okPart = (n: number): TruePart => ({ image: hex(n), truth: "ok", kinds: [] })
const ngPart = (n: number, kind = "dent"): TruePart => ({ image: hex(1000 + n), truth: "ng", kinds: [kind] })
const range = (n: number) => Array.from({ length: n }, (_, i) => i)

const scores: Record<Evaluation, number> = { ok: 0.1, undecidable: 0.5, ng: 0.9, undefined: 0 }
const said = (evaluation: Evaluation, i = 0, over: Partial<Judgement> = {}): Judgement => ({
  eval: evaluation,
  score: scores[evaluation] + i / 10_000,
  ms: 20,
  ...over,
})
const right = (parts: readonly TruePart[]) => parts.map((p, i) => said(p.truth, i))
const all = (parts: readonly TruePart[], evaluation: Evaluation) => parts.map((_, i) => said(evaluation, i))
/** `judgements` with the first `n` parts of this truth judged otherwise. */
function wrong(
  parts: readonly TruePart[],
  judgements: Judgement[],
  truth: "ok" | "ng",
  n: number,
  to: Evaluation,
) {
  let left = n
  return judgements.map((j, i) => (parts[i]!.truth === truth && left-- > 0 ? said(to, i) : j))
}

const parts = [...range(60).map(okPart), ...range(60).map((n) => ngPart(n))]

function gate(over: Partial<GateInput> & { golden?: GateInput["golden"] } = {}) {
  const golden = over.golden ?? { digest: hex(1), looks: 1, parts }
  const challenger = over.challenger ?? right(golden.parts)
  return judge({
    policy,
    golden,
    challenger,
    again: challenger,
    champion: null,
    escapes: { parts: [], challenger: [], champion: null },
    blank: [said("ng"), said("undecidable")],
    critical: new Set(),
    knows: { challenger: new Set(["dent"]), champion: new Set(["dent"]) },
    broken: null,
    now: 7,
    ...over,
  })
}
const set = (of: readonly TruePart[]) => ({ digest: hex(1), looks: 1, parts: of })
const reasons = (report: GateReport) =>
  report.checks.filter((c) => c.hard && c.status === "fail").map((c) => c.reason)
const statusOf = (report: GateReport, id: string) => report.checks.find((c) => c.id === id)?.status

describe("the gate passes", () => {
  test("a first model that is right everywhere, with a report that keeps the contract", () => {
    const report = gate()
    expect(report.pass).toBe(true)
    expect(v.parse(GateReport, report)).toEqual(report)
    expect(report.challenger).toMatchObject({ ok: 60, ng: 60, escapes: 0, overkills: 0, auroc: 1 })
  })
  test("a model equal to the champion", () => {
    const report = gate({ champion: right(parts) })
    expect(report.checks.find((c) => c.id === "champion")?.reason).toBe("champion_equal")
    expect(report.pass).toBe(true)
  })
  test("a model that knows a new kind at the price of two more undecidable parts", () => {
    const report = gate({
      champion: right(parts),
      challenger: wrong(parts, right(parts), "ok", 2, "undecidable"),
      knows: { challenger: new Set(["dent", "crack"]), champion: new Set(["dent"]) },
    })
    expect(report.pass).toBe(true)
  })
  test("a first model without any NG part to judge it by, with a warning and not silently", () => {
    const golden = set(range(60).map(okPart))
    const report = gate({ golden })
    expect(report.pass).toBe(true)
    expect(statusOf(report, "escape")).toBe("warn")
    expect(report.checks.find((c) => c.id === "escape")).toMatchObject({ reason: "escape_unjudged" })
  })
  test("a first model from good parts alone that finds most NG parts, with a warning", () => {
    const knows = { challenger: new Set<string>(), champion: null }
    const challenger = wrong(parts, right(parts), "ng", 12, "ok")
    const report = gate({ knows, challenger })
    expect(report.pass).toBe(true)
    expect(report.checks.find((c) => c.id === "escape")).toMatchObject({
      status: "warn",
      reason: "escape_first",
    })
    expect(gate({ knows, challenger: wrong(parts, right(parts), "ng", 30, "ok") }).pass).toBe(false)
    expect(gate({ challenger }).pass).toBe(false)
    expect(gate({ knows, challenger, champion: challenger }).pass).toBe(false)
  })
  test("a model over the limit that replaces a worse one and makes no mistake of its own, with a warning", () => {
    const champion = wrong(parts, right(parts), "ng", 12, "ok")
    const challenger = wrong(parts, right(parts), "ng", 8, "ok")
    const report = gate({ champion, challenger })
    expect(report.pass).toBe(true)
    expect(report.checks.find((c) => c.id === "escape")).toMatchObject({
      status: "warn",
      reason: "escape_improving",
      params: { events: 8, champion_events: 12 },
    })
    const withOneOfItsOwn = challenger.map((j, i) => (i === 119 ? said("ok", i) : j))
    expect(gate({ champion, challenger: withOneOfItsOwn }).pass).toBe(false)
  })
  test("a small golden set with the bound it can prove", () => {
    const golden = set([...range(30).map(okPart), ...range(10).map((n) => ngPart(n))])
    const report = gate({ golden })
    expect(report.pass).toBe(true)
    const bound = report.checks.find((c) => c.id === "escape")
    expect(bound).toMatchObject({
      status: "warn",
      reason: "escape_unprovable",
      params: { provable: 0.2589 },
    })
  })
})

describe("the gate says no", () => {
  const champion = right(parts)
  const cases: [string, Partial<GateInput>, string][] = [
    ["a file that is not what it says", { broken: "hash_mismatch" }, "integrity_broken"],
    ["no golden set", { golden: set([]) }, "golden_empty"],
    ["a golden set without OK parts", { golden: set([ngPart(1)]) }, "golden_without_ok"],
    ["a model that calls everything OK", { challenger: all(parts, "ok") }, "escape"],
    ["a model that calls everything NG", { challenger: all(parts, "ng") }, "overkill"],
    ["a model that leaves everything open", { challenger: all(parts, "undecidable") }, "undecidable"],
    [
      "a model that returns no numbers",
      { challenger: parts.map(() => ({ eval: "undecidable", score: null, code: "nan_output", ms: 9 })) },
      "no_answer",
    ],
    [
      "a model that crashes on one picture",
      {
        challenger: right(parts).map((j, i) =>
          i === 5 ? said("undecidable", i, { code: "model_crashed" }) : j,
        ),
      },
      "no_answer",
    ],
    [
      "a model that answers the same to everything",
      { golden: set(range(60).map(okPart)), challenger: range(60).map(() => said("ok")) },
      "constant_score",
    ],
    [
      "a model that passes a black picture when nothing else can prove it",
      { golden: set(range(60).map(okPart)), blank: [said("ok")] },
      "passes_blank",
    ],
    ["a model whose second run differs", { again: wrong(parts, right(parts), "ok", 1, "ng") }, "parity"],
    [
      "a model too slow for the line",
      { challenger: right(parts).map((j) => ({ ...j, ms: 900 })) },
      "latency",
    ],
    [
      "one new escape and none won",
      { champion, challenger: wrong(parts, right(parts), "ng", 1, "ok") },
      "champion_only_new_escapes",
    ],
    [
      "one new overkill and nothing won",
      { champion, challenger: wrong(parts, right(parts), "ok", 1, "ng") },
      "champion_no_gain",
    ],
    [
      "significantly more overkills, whatever else is won",
      {
        champion: wrong(parts, right(parts), "ng", 3, "ok"),
        challenger: wrong(parts, right(parts), "ok", 5, "ng"),
      },
      "champion_more_overkills",
    ],
    [
      "a new miss of a critical kind, although more is won than lost",
      {
        golden: set([...parts, ngPart(500, "crack")]),
        critical: new Set(["crack"]),
        champion: [...wrong(parts, right(parts), "ng", 3, "ok"), said("ng")],
        challenger: [...right(parts), said("ok")],
      },
      "champion_new_miss_critical",
    ],
    [
      "a confirmed escape that the champion has learned to catch",
      {
        champion,
        escapes: {
          parts: [{ ...ngPart(900), passed: false }],
          challenger: [said("ok")],
          champion: [said("ng")],
        },
      },
      "must_not_fail",
    ],
  ]
  for (const [name, over, reason] of cases)
    test(`to ${name}`, () => {
      const report = gate(over)
      expect(report.pass).toBe(false)
      expect(reasons(report)).toContain(reason)
    })
})

test("a confirmed escape that both models miss is a warning, not a wall", () => {
  const report = gate({
    champion: right(parts),
    escapes: { parts: [{ ...ngPart(900), passed: false }], challenger: [said("ok")], champion: [said("ok")] },
  })
  expect(statusOf(report, "must_not_fail")).toBe("warn")
  expect(report.pass).toBe(true)
})

test("what the champion passed on the line is its miss, whatever it says of the picture afterwards", () => {
  const report = gate({
    champion: right(parts),
    escapes: {
      parts: [{ ...ngPart(900), passed: true }],
      challenger: [said("ok")],
      champion: [said("undecidable")],
    },
  })
  expect(statusOf(report, "must_not_fail")).toBe("warn")
  expect(report.pass).toBe(true)
})

test("failing pictures come worst first: sure escapes, then overkills, then open ones", () => {
  const mixed = [ngPart(1), ngPart(2), okPart(3), okPart(4), ngPart(5)]
  const challenger = [
    said("ok", 0, { score: 0.3 }),
    said("ok", 0, { score: 0.05 }),
    said("ng"),
    said("undecidable"),
    said("ng"),
  ]
  const report = gate({ golden: set(mixed), challenger })
  expect(report.failing.map((f) => f.image)).toEqual(
    [mixed[1], mixed[0], mixed[2], mixed[3]].map((p) => p!.image),
  )
})

describe("for any verdicts", () => {
  const verdict = fc.constantFrom<Evaluation>("ok", "ng", "undecidable")
  const verdicts = fc.array(verdict, { minLength: parts.length, maxLength: parts.length })
  const toJudgements = (evals: readonly Evaluation[]) => evals.map((e, i) => said(e, i))

  test("a challenger with all the champion's escapes and one more never passes", () => {
    fc.assert(
      fc.property(verdicts, verdicts, fc.integer({ min: 60, max: 119 }), (champion, own, extra) => {
        const challenger = own.map((e, i) => (i >= 60 && champion[i] === "ok" ? "ok" : e))
        challenger[extra] = "ok"
        fc.pre(champion[extra] !== "ok")
        const report = gate({ champion: toJudgements(champion), challenger: toJudgements(challenger) })
        expect(report.pass).toBe(false)
      }),
    )
  })

  test("judging one more part right never turns a pass into a refusal", () => {
    // Mostly right models, or hardly any would pass and the test would show nothing.
    const mostly = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), verdict), {
      minLength: parts.length,
      maxLength: parts.length,
    })
    const draw = (picks: [number, Evaluation][]) => picks.map(([n, e], i) => (n === 0 ? e : parts[i]!.truth))
    fc.assert(
      fc.property(mostly, mostly, fc.integer({ min: 0, max: 119 }), (one, two, at) => {
        const champion = toJudgements(draw(one))
        const evals = draw(two)
        const better = evals.map((e, i) => (i === at ? parts[i]!.truth : e))
        if (gate({ champion, challenger: toJudgements(evals) }).pass)
          expect(gate({ champion, challenger: toJudgements(better) }).pass).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
