import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { cohenKappa, fleissKappa, wilson } from "../../hub/msa/kappa.rules.ts"
import { analyse, type Person, type Rating, type Truth, usualLimits } from "../../hub/msa/report.rules.ts"

/** Pairs of judgements from a table of counts. */
const pairs = (table: number[][]) =>
  table.flatMap((row, i) =>
    row.flatMap((n, j) => Array.from({ length: n }, (): [string, string] => [String(i), String(j)])),
  )

describe("Cohen's kappa", () => {
  // statsmodels 0.15.0, stats.inter_rater.cohens_kappa: kappa, std_kappa, kappa_low, kappa_upp.
  test("is what statsmodels says, with its standard error and interval", () => {
    const two = cohenKappa(
      pairs([
        [20, 5],
        [10, 15],
      ]),
    )
    expect(two.kappa).toBeCloseTo(0.4, 12)
    expect(two.se).toBeCloseTo(0.12699606293110033, 12)
    expect([two.low, two.high].map((x) => x?.toFixed(9))).toEqual(["0.151092290", "0.648907710"])
    const three = cohenKappa(
      pairs([
        [44, 5, 1],
        [7, 20, 3],
        [9, 5, 6],
      ]),
    )
    expect(three.kappa).toBeCloseTo(0.49152542372881347, 12)
    expect(three.se).toBeCloseTo(0.07212745929334068, 12)
  })

  // AIAG, Measurement Systems Analysis, 4th edition, chapter III-C: appraisers A and B, 150 decisions each.
  test("is 0.86 for appraisers A and B of the AIAG example", () => {
    expect(
      cohenKappa(
        pairs([
          [44, 6],
          [3, 97],
        ]),
      ).kappa,
    ).toBeCloseTo(0.86, 2)
  })

  test("is none when there is nothing but one category, and none without parts", () => {
    expect(cohenKappa(pairs([[30]])).kappa).toBeNull()
    expect(cohenKappa([]).kappa).toBeNull()
  })

  test("is 1 for those who always agree, at most 1, and the same from both sides", () => {
    const said = fc.array(
      fc.tuple(fc.constantFrom("ok", "ng", "unsure"), fc.constantFrom("ok", "ng", "unsure")),
      {
        minLength: 2,
        maxLength: 60,
      },
    )
    fc.assert(
      fc.property(said, (list) => {
        const [one, other] = [cohenKappa(list), cohenKappa(list.map(([a, b]) => [b, a]))]
        expect(one.kappa ?? 0).toBeCloseTo(other.kappa ?? 0, 9)
        expect(one.kappa ?? 0).toBeLessThanOrEqual(1 + 1e-9)
        const same = cohenKappa(list.map(([a]) => [a, a]))
        if (same.kappa !== null) expect(same.kappa).toBeCloseTo(1, 9)
      }),
    )
  })
})

describe("Fleiss' kappa", () => {
  // Fleiss, Psychological Bulletin 76 (1971), in the form many texts use: 10 subjects, 14 raters, 5 categories.
  const counts = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
  ]
  test("is 0.210 for the published table, with the standard error of an independent programme", () => {
    const found = fleissKappa(counts.map((row) => row.flatMap((n, k) => Array<string>(n).fill(String(k)))))
    // statsmodels 0.15.0 fleiss_kappa, and irrCAC 0.4.4 CAC.fleiss() (se).
    expect(found.kappa).toBeCloseTo(0.20993070442195522, 12)
    expect(found.se).toBeCloseTo(0.0923711116, 9)
  })

  test("takes parts that not everybody has judged", () => {
    const units = ["aaa", "bb", "abb", "ccc", "aa", "bcb", "aab", "cc"].map((said) => [...said])
    const found = fleissKappa(units)
    // irrCAC 0.4.4 CAC.fleiss() with missing ratings.
    expect(found.kappa).toBeCloseTo(0.6230366492, 9)
    expect(found.se).toBeCloseTo(0.1863517154, 9)
    expect(fleissKappa([...units, ["a"]]).kappa).toBeCloseTo(0.6230366492, 9)
  })
})

test("Wilson's interval is what statsmodels says, also at the ends", () => {
  // statsmodels 0.15.0 proportion_confint(method="wilson").
  for (const [n, of, low, high] of [
    [0, 50, 0, 0.07134759913335874],
    [3, 40, 0.025836025774588184, 0.1986423352431055],
    [40, 40, 0.9123783988027134, 1],
    [17, 20, 0.639581135259243, 0.9476312541037833],
  ] as const) {
    const found = wilson(n, of)
    expect(found.low).toBeCloseTo(low, 9)
    expect(found.high).toBeCloseTo(high, 9)
  }
  expect(wilson(0, 0)).toEqual({ n: 0, of: 0, share: null, low: null, high: null })
})

describe("an attribute agreement analysis", () => {
  const person = (id: string): Person => ({ id, name: id, kind: "person" })
  const parts = Array.from({ length: 40 }, (_, i) => `p${i}`)
  const truths = new Map<string, Truth>(
    parts.map((part, i) => [
      part,
      i < 20 ? { verdict: "ng", kinds: ["dent"] } : { verdict: "ok", kinds: [] },
    ]),
  )
  /** An appraiser who is right but on the parts named, twice over every part. */
  const judge = (appraiser: string, wrong: Record<string, "ok" | "ng" | "unsure">, trials = 2): Rating[] =>
    Array.from({ length: trials }, (_, trial) =>
      parts.map((part): Rating => {
        const verdict = (trial === 1 ? wrong[part] : undefined) ?? truths.get(part)!.verdict
        return { appraiser, part, verdict, kinds: verdict === "ng" ? ["dent"] : [] }
      }),
    ).flat()

  test("counts misses on NG chances, false alarms on OK chances, and unsure as neither", () => {
    const ratings = [...judge("a", { p0: "ok", p1: "ok", p25: "ng", p2: "unsure" }), ...judge("b", {})]
    const report = analyse(ratings, truths, [person("a"), person("b")], usualLimits)
    const [a, b] = report.appraisers
    expect(a?.effectiveness).toMatchObject({ n: 76, of: 80 })
    expect(a?.miss).toMatchObject({ n: 2, of: 40, share: 0.05 })
    expect(a?.false_alarm).toMatchObject({ n: 1, of: 40 })
    expect(a?.within).toMatchObject({ n: 36, of: 40 })
    expect(a?.all_right).toMatchObject({ n: 36, of: 40 })
    expect(a?.unsure).toBe(1)
    expect(a?.grades).toEqual({
      effectiveness: "acceptable",
      miss: "marginal",
      false_alarm: "acceptable",
      kappa: "acceptable",
      overall: "marginal",
    })
    expect(b?.grades.overall).toBe("acceptable")
    expect(report.between).toMatchObject({ n: 36, of: 40 })
    expect(report.known).toEqual({ ok: 20, ng: 20 })
    expect(report.pairs).toMatchObject([{ a: "a", b: "b", kappa: { n: 80 } }])
    expect(report.kinds).toMatchObject([
      { kind: "dent", parts: 20, named: { n: 77, of: 80 }, wrongly: { n: 1, of: 80 } },
    ])
  })

  test("the model is an appraiser, and no person: what people share it does not change", () => {
    const model: Person = { id: "model", name: "Release 3", kind: "model" }
    const ratings = [...judge("a", {}), ...judge("b", {}), ...judge("model", { p0: "ok" }, 2)]
    const report = analyse(ratings, truths, [person("a"), person("b"), model], usualLimits)
    expect(report.between).toMatchObject({ n: 40, of: 40 })
    expect(report.appraisers[2]).toMatchObject({ kind: "model", miss: { n: 1 } })
    expect(report.pairs).toHaveLength(3)
  })

  test("says too few rather than acceptable when there is little to go by", () => {
    const few = judge("a", {}).filter(({ part }) => ["p0", "p30"].includes(part))
    const [a] = analyse(few, truths, [person("a")], usualLimits).appraisers
    expect(a?.grades.overall).toBe("too_few")
    expect(a?.miss.high).toBeGreaterThan(0.5)
  })
})
