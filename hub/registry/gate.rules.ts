import type { Evaluation } from "#contract/inspection"
import type { Confusion, GateCheck, GatePolicy, GateReport } from "#contract/registry"
import { auroc, clopperPearsonUpper, mcnemarWorse, percentile } from "#models/statistics.rules"

/** One picture whose truth is known. */
export type TruePart = { image: string; truth: "ok" | "ng"; kinds: readonly string[] }

/** What a model said about one picture; `code` when it said nothing, e.g. `nan_output`. */
export type Judgement = { eval: Evaluation; score: number | null; code?: string; ms: number }

export type GateInput = {
  policy: GatePolicy
  golden: { digest: string; looks: number; parts: readonly TruePart[] }
  /** In the order of `golden.parts`. `again` is a second run over the first of them, in another process. */
  challenger: readonly Judgement[]
  again: readonly Judgement[]
  champion: readonly Judgement[] | null
  /**
   * Escapes people have confirmed on the line; the judgements in the same order. `passed`: the champion itself passed
   * it there.
   */
  escapes: {
    parts: readonly (TruePart & { passed: boolean })[]
    challenger: readonly Judgement[]
    champion: readonly Judgement[] | null
  }
  /** Pictures that show no part at all, e.g. black and noise: a model that passes them all looks at nothing. */
  blank: readonly Judgement[]
  /** Kinds of which not a single new escape is allowed. */
  critical: ReadonlySet<string>
  /** Kinds the models have a class for. */
  knows: { challenger: ReadonlySet<string>; champion: ReadonlySet<string> | null }
  /** What was wrong before any picture was judged: a reason key, or null. */
  broken: string | null
  now: number
}

const maxFailing = 48
/** Two runs of one file on one machine must agree to rounding. */
const maxScoreDrift = 1e-4

/**
 * Decides whether a model may be released, from evidence alone: no clock, no disk, no model. A report passes when no
 * hard check fails. What the golden set is too small to prove is a `warn` with the bound it can prove, never a `pass`.
 */
export function judge(input: GateInput): GateReport {
  const { policy, golden, challenger, champion } = input
  const parts = golden.parts
  const mine = confusionOf(parts, challenger)
  const theirs = champion && confusionOf(parts, champion)
  const latency = {
    p50_ms: percentile(
      challenger.map((j) => j.ms),
      0.5,
    ),
    p99_ms: percentile(
      challenger.map((j) => j.ms),
      0.99,
    ),
  }
  const perKind = kindsOf(parts).map((kind) => {
    const of = parts.flatMap((p, i) => (p.kinds.includes(kind) ? [i] : []))
    const escapes = (js: readonly Judgement[]) => of.filter((i) => isEscape(parts[i]!, js[i])).length
    return {
      kind,
      n: of.length,
      escapes: escapes(challenger),
      champion_escapes: champion && escapes(champion),
    }
  })
  const checks = [
    integrity(input),
    parity(input),
    escapeCheck(mine, input),
    overkillCheck(mine, input),
    undecidableCheck(mine, policy),
    championCheck(input),
    mustNotFail(input),
    perKindCheck(perKind, input.critical),
    check("latency", true, latency.p99_ms <= policy.max_p99_ms, "latency", {
      p99_ms: round(latency.p99_ms),
      limit_ms: policy.max_p99_ms,
    }),
  ]
  return {
    v: 1,
    pass: !checks.some((c) => c.hard && c.status === "fail"),
    checks,
    golden: { digest: golden.digest, ok: mine.ok, ng: mine.ng, looks: golden.looks },
    challenger: mine,
    champion: theirs,
    per_kind: perKind,
    failing: failingOf(parts, challenger, champion),
    latency,
    made_at: input.now,
  }
}

type Truth = Pick<TruePart, "truth">
type Said = Pick<Judgement, "eval" | "score">

/** An NG part called OK. Undecidable goes to a person and is no escape; nor is a model that says nothing. */
const isEscape = (part: Truth, j: Said | undefined) => part.truth === "ng" && j?.eval === "ok"
const isOverkill = (part: Truth, j: Said | undefined) => part.truth === "ok" && j?.eval === "ng"
const isOpen = (j: Said | undefined) => j?.eval !== "ok" && j?.eval !== "ng"

/** Counts a model's verdicts against the truth; `judgements` in the order of `parts`. */
export function confusionOf(parts: readonly Truth[], judgements: readonly Said[]): Confusion {
  const count = (test: (part: Truth, j: Said | undefined) => boolean) =>
    parts.filter((p, i) => test(p, judgements[i])).length
  const ng = count((p) => p.truth === "ng")
  const ok = parts.length - ng
  const escapes = count(isEscape)
  const overkills = count(isOverkill)
  const open = (truth: "ok" | "ng") => count((p, j) => p.truth === truth && isOpen(j))
  const scores = (truth: "ok" | "ng") =>
    parts.flatMap((p, i) => (p.truth === truth ? (judgements[i]?.score ?? []) : []))
  return {
    ng,
    ok,
    escapes,
    overkills,
    ng_undecidable: open("ng"),
    ok_undecidable: open("ok"),
    escape: share(escapes, ng),
    escape_upper: clopperPearsonUpper(escapes, ng),
    overkill: share(overkills, ok),
    overkill_upper: clopperPearsonUpper(overkills, ok),
    undecidable: share(open("ok") + open("ng"), parts.length),
    auroc: auroc(scores("ok"), scores("ng")),
  }
}

function integrity({ broken, golden, challenger, blank }: GateInput): GateCheck {
  const fail = (reason: string, params: GateCheck["params"] = {}) =>
    check("integrity", true, false, reason, params)
  if (broken !== null) return fail("integrity_broken", { why: broken })
  if (golden.parts.length === 0) return fail("golden_empty")
  if (!golden.parts.some((p) => p.truth === "ok")) return fail("golden_without_ok")
  const silent = [...challenger, ...blank].filter((j) => j.eval === "undefined" || j.code !== undefined)
  if (silent.length > 0 || challenger.length !== golden.parts.length)
    return fail("no_answer", { n: silent.length, why: silent[0]?.code ?? "missing" })
  const scores = challenger.flatMap((j) => j.score ?? [])
  if (scores.length > 1 && Math.max(...scores) - Math.min(...scores) < 1e-6) return fail("constant_score")
  const passed = blank.filter((j) => j.eval === "ok").length
  if (passed > 0) {
    // A model may have its reasons to pass one of them; one that passes all looks at nothing. With NG parts in the set
    // their escapes speak, without them this is the only proof.
    const blind = passed === blank.length && !golden.parts.some((p) => p.truth === "ng")
    return { ...fail("passes_blank", { n: passed }), status: blind ? "fail" : "warn" }
  }
  return check("integrity", true, true, "integrity", { n: golden.parts.length })
}

function parity({ challenger, again }: GateInput): GateCheck {
  const flips = again.filter((j, i) => j.eval !== challenger[i]?.eval).length
  const drift = Math.max(0, ...again.map((j, i) => Math.abs((j.score ?? 0) - (challenger[i]?.score ?? 0))))
  const params = { flips, drift: Number(drift.toExponential(1)), n: again.length }
  return check("parity", true, flips === 0 && drift <= maxScoreDrift, "parity", params)
}

/** A first model that has learned from good parts alone must find half of the NG parts, proven. */
const firstEscapeUpper = 0.5

/**
 * A line without any model passes nothing by itself, so its first model may have been shown no defect yet: it is there
 * to find the parts that people then label. Such a model gets a wider limit and a warning that says so.
 */
function escapeCheck(c: Confusion, input: GateInput): GateCheck {
  const { policy, champion, knows } = input
  const strict = rateCheck("escape", c.escapes, c.ng, policy.max_escape_upper, policy.min_golden_ng)
  if (strict.status !== "fail") return strict
  const params = { ...strict.params, limit: firstEscapeUpper }
  if (champion === null && knows.challenger.size === 0 && c.escape_upper <= firstEscapeUpper)
    return { ...strict, status: "warn", reason: "escape_first", params }
  return unlessImproving(strict, input, isEscape)
}

function overkillCheck(c: Confusion, input: GateInput): GateCheck {
  const { max_overkill_upper, min_golden_ok } = input.policy
  const strict = rateCheck("overkill", c.overkills, c.ok, max_overkill_upper, min_golden_ok)
  return unlessImproving(strict, input, isOverkill)
}

/**
 * Over the limit, but the model on the line is further over it, and every part this one gets wrong that one gets wrong
 * as well: a refusal would keep the worse of the two on the line. A warning, then.
 */
function unlessImproving(strict: GateCheck, input: GateInput, wrong: typeof isEscape): GateCheck {
  const { golden, challenger, champion } = input
  if (strict.status !== "fail" || champion === null) return strict
  const mine = golden.parts.map((p, i) => wrong(p, challenger[i]))
  const theirs = golden.parts.map((p, i) => wrong(p, champion[i]))
  const [here, there] = [mine.filter(Boolean).length, theirs.filter(Boolean).length]
  if (here >= there || mine.some((w, i) => w && !theirs[i])) return strict
  return {
    ...strict,
    status: "warn",
    reason: `${strict.id}_improving`,
    params: { ...strict.params, champion_events: there },
  }
}

/**
 * The upper bound decides. A set so small that even a perfect model could not reach the limit proves less: then the
 * observed share must keep the limit, and the check warns with the bound that is proven.
 */
function rateCheck(
  id: "escape" | "overkill",
  events: number,
  n: number,
  limit: number,
  wanted: number,
): GateCheck {
  const upper = clopperPearsonUpper(events, n)
  const params = { events, n, upper: round(upper), limit, provable: round(clopperPearsonUpper(0, n)) }
  if (n === 0) return { id, hard: true, status: "warn", reason: `${id}_unjudged`, params }
  if (upper <= limit) {
    if (n >= wanted) return check(id, true, true, id, params)
    return { id, hard: true, status: "warn", reason: `${id}_few`, params: { ...params, wanted } }
  }
  const tooSmall = clopperPearsonUpper(0, n) > limit
  if (tooSmall && events / n <= limit)
    return { id, hard: true, status: "warn", reason: `${id}_unprovable`, params }
  return check(id, true, false, id, params)
}

function undecidableCheck(c: Confusion, policy: GatePolicy): GateCheck {
  const params = { share: round(c.undecidable), limit: policy.max_undecidable }
  return check("undecidable", true, c.undecidable <= policy.max_undecidable, "undecidable", params)
}

/**
 * Not worse than the model on the line, part by part: no new miss of a critical kind, no significant loss (exact
 * McNemar), no loss without a gain. Equal without loss passes: the champion may be old, the classes new.
 */
function championCheck({ golden, challenger, champion, critical, knows }: GateInput): GateCheck {
  if (champion === null)
    return { id: "champion", hard: true, status: "skip", reason: "champion_none", params: {} }
  const pairs = golden.parts.map((part, i) => ({ part, mine: challenger[i], theirs: champion[i] }))
  const only = (wrong: typeof isEscape, by: "mine" | "theirs") =>
    pairs.filter((p) => wrong(p.part, p[by]) && !wrong(p.part, p[by === "mine" ? "theirs" : "mine"]))
  const lostNg = only(isEscape, "mine")
  const wonNg = only(isEscape, "theirs")
  const lostOk = only(isOverkill, "mine")
  const wonOk = only(isOverkill, "theirs")
  const openMine = challenger.filter(isOpen).length
  const openTheirs = champion.filter(isOpen).length
  const learned = [...knows.challenger].filter((k) => !knows.champion?.has(k)).length
  const params = {
    new_escapes: lostNg.length,
    fixed_escapes: wonNg.length,
    new_overkills: lostOk.length,
    fixed_overkills: wonOk.length,
    undecidable_change: openMine - openTheirs,
    new_kinds: learned,
    p_escape: round(mcnemarWorse(lostNg.length, wonNg.length)),
    p_overkill: round(mcnemarWorse(lostOk.length, wonOk.length)),
  }
  const fail = (reason: string) => check("champion", true, false, reason, params)
  if (lostNg.some((p) => p.part.kinds.some((k) => critical.has(k)))) return fail("champion_new_miss_critical")
  if (params.p_escape < 0.05) return fail("champion_more_escapes")
  if (params.p_overkill < 0.05) return fail("champion_more_overkills")
  // Escapes are not traded for comfort: one lost and none won is a step back, however small the sample.
  if (lostNg.length > 0 && wonNg.length === 0) return fail("champion_only_new_escapes")
  const loses = lostNg.length > 0 || lostOk.length > 0 || openMine > openTheirs
  const gains = wonNg.length > 0 || wonOk.length > 0 || openMine < openTheirs || learned > 0
  if (loses && !gains) return fail("champion_no_gain")
  return check("champion", true, true, gains ? "champion_better" : "champion_equal", params)
}

/**
 * What escaped once must not escape again. A part the champion misses as well, here or on the line, is a warning:
 * refusing the challenger for it would leave the line with a model that misses it too. Here and on the line may differ
 * near the threshold: the station saw the frame, the hub the picture made of it.
 */
function mustNotFail({ escapes: { parts, challenger, champion } }: GateInput): GateCheck {
  if (parts.length === 0)
    return { id: "must_not_fail", hard: true, status: "skip", reason: "must_not_fail_none", params: {} }
  const missed = parts.flatMap((p, i) => (isEscape(p, challenger[i]) ? [i] : []))
  const broken = missed.filter(
    (i) => champion !== null && !parts[i]!.passed && !isEscape(parts[i]!, champion[i]),
  )
  const params = { n: parts.length, missed: missed.length, newly: broken.length }
  if (broken.length > 0) return check("must_not_fail", true, false, "must_not_fail", params)
  if (missed.length === 0) return check("must_not_fail", true, true, "must_not_fail", params)
  return { id: "must_not_fail", hard: true, status: "warn", reason: "must_not_fail_still", params }
}

/** Soft: few parts per kind prove little, but a kind that is lost entirely must be seen by who approves. */
function perKindCheck(kinds: GateReport["per_kind"], critical: ReadonlySet<string>): GateCheck {
  const rate = (k: (typeof kinds)[number]) => k.escapes / k.n
  const worst = [...kinds]
    .filter((k) => k.escapes > (k.champion_escapes ?? 0) || k.escapes === k.n || critical.has(k.kind))
    .filter((k) => k.escapes > 0)
    .sort((a, b) => rate(b) - rate(a))[0]
  if (kinds.length === 0)
    return { id: "per_kind", hard: false, status: "skip", reason: "per_kind_none", params: {} }
  if (!worst) return check("per_kind", false, true, "per_kind", { kinds: kinds.length })
  const params = { kind: worst.kind, escapes: worst.escapes, n: worst.n }
  return { id: "per_kind", hard: false, status: "warn", reason: "per_kind", params }
}

/** Escapes first, then overkills, then what is left open; within each, the surest mistake first. */
function failingOf(
  parts: readonly TruePart[],
  challenger: readonly Judgement[],
  champion: readonly Judgement[] | null,
): GateReport["failing"] {
  const rank = (p: TruePart, j: Judgement | undefined) => (isEscape(p, j) ? 0 : isOverkill(p, j) ? 1 : 2)
  return parts
    .flatMap((p, i) => {
      const j = challenger[i]
      const wrong = isEscape(p, j) || isOverkill(p, j) || isOpen(j)
      return wrong ? [{ p, j, theirs: champion?.[i] }] : []
    })
    .sort((a, b) => {
      const byRank = rank(a.p, a.j) - rank(b.p, b.j)
      const byScore = (a.j?.score ?? 0.5) - (b.j?.score ?? 0.5)
      return byRank || (rank(a.p, a.j) === 0 ? byScore : -byScore)
    })
    .slice(0, maxFailing)
    .map(({ p, j, theirs }) => ({
      image: p.image,
      truth: p.truth,
      kinds: [...p.kinds],
      eval: j?.eval ?? "undefined",
      score: j?.score ?? null,
      champion_eval: theirs?.eval ?? null,
    }))
}

const kindsOf = (parts: readonly TruePart[]) => [...new Set(parts.flatMap((p) => p.kinds))].sort()
const share = (n: number, of: number) => (of === 0 ? 0 : n / of)
const round = (x: number) => Math.round(x * 1e4) / 1e4

function check(
  id: GateCheck["id"],
  hard: boolean,
  passed: boolean,
  reason: string,
  params: GateCheck["params"],
): GateCheck {
  return { id, hard, status: passed ? "pass" : "fail", reason, params }
}
