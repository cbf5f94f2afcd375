import type { Appraiser, Grade, KindAgreement, MsaLimits, MsaReport } from "#contract/msa"
import type { Proportion } from "#contract/review"
import { clopperPearson } from "#models/statistics.rules"
import { cohenKappa, fleissKappa, type Kappa, wilson } from "./kappa.rules.ts"

export type Verdict = "ok" | "ng" | "unsure"
/** One judgement; those of one appraiser on one part stand in the order they were made. */
export type Rating = { appraiser: string; part: string; verdict: Verdict; kinds: readonly string[] }
export type Truth = { verdict: "ok" | "ng"; kinds: readonly string[] }
export type Person = { id: string; name: string; kind: "person" | "model" }

/** AIAG, Measurement Systems Analysis, 4th edition, chapter III: the table for attribute gauges, and its kappa rule. */
export const usualLimits: MsaLimits = {
  effectiveness: [0.9, 0.8],
  miss: [0.02, 0.05],
  false_alarm: [0.05, 0.1],
  kappa: [0.75, 0.4],
  min_parts: 20,
}

type Figures = Pick<
  MsaReport,
  | "parts"
  | "known"
  | "appraisers"
  | "between"
  | "between_kappa"
  | "between_grade"
  | "all_right"
  | "pairs"
  | "kinds"
>

/**
 * The whole analysis from judgements and known answers alone. People may have judged different parts, and differently
 * often: every figure names what it was made from. A judgement of "unsure" agrees with nothing but itself; against a
 * known answer it is not right, and neither a miss nor a false alarm, because the part goes to somebody else.
 */
export function analyse(
  ratings: readonly Rating[],
  truths: ReadonlyMap<string, Truth>,
  appraisers: readonly Person[],
  limits: MsaLimits,
): Figures {
  const parts = new Set(ratings.map(({ part }) => part))
  const known = [...parts].flatMap((part) => truths.get(part) ?? [])
  const people = new Set(appraisers.filter(({ kind }) => kind === "person").map(({ id }) => id))
  const byPeople = ratings.filter(({ appraiser }) => people.has(appraiser))
  const shared = unitsOf(byPeople).filter((unit) => new Set(unit.map((r) => r.appraiser)).size >= 2)
  const between = share(shared, (unit) => isUnanimous(unit))
  const judged = shared.map((unit) => unit.map(({ verdict }) => verdict))
  const betweenKappa = fleissKappa(judged)
  const sharedKnown = shared.filter(([first]) => first && truths.has(first.part))
  return {
    parts: parts.size,
    known: {
      ok: known.filter(({ verdict }) => verdict === "ok").length,
      ng: known.filter(({ verdict }) => verdict === "ng").length,
    },
    appraisers: appraisers
      .map((person) =>
        appraiserOf(
          person,
          ratings.filter((r) => r.appraiser === person.id),
          truths,
          limits,
        ),
      )
      .filter(({ decisions }) => decisions > 0),
    between,
    between_kappa: betweenKappa,
    between_grade: kappaGrade(betweenKappa, limits),
    all_right: share(sharedKnown, (unit) => unit.every((r) => r.verdict === truths.get(r.part)?.verdict)),
    pairs: pairsOf(appraisers, ratings, limits),
    kinds: kindsOf(ratings, byPeople, truths, appraisers),
  }
}

function appraiserOf(
  person: Person,
  own: readonly Rating[],
  truths: ReadonlyMap<string, Truth>,
  limits: MsaLimits,
): Appraiser {
  const repeated = unitsOf(own).filter((unit) => unit.length >= 2)
  const units = unitsOf(own).filter(([first]) => first && truths.has(first.part))
  const decided = units.flat().map((rating) => ({ ...rating, truth: truths.get(rating.part)!.verdict }))
  const right = share(decided, ({ verdict, truth }) => verdict === truth)
  const miss = share(
    decided.filter(({ truth }) => truth === "ng"),
    ({ verdict }) => verdict === "ok",
  )
  const falseAlarm = share(
    decided.filter(({ truth }) => truth === "ok"),
    ({ verdict }) => verdict === "ng",
  )
  const kappa = cohenKappa(decided.map(({ verdict, truth }) => [verdict, truth]))
  const enough = units.length >= limits.min_parts
  const graded = (grade: Grade): Grade => (enough ? grade : "too_few")
  const grades = {
    effectiveness: graded(atLeast(right, limits.effectiveness)),
    miss: graded(atMost(miss, limits.miss)),
    false_alarm: graded(atMost(falseAlarm, limits.false_alarm)),
    kappa: graded(kappaGrade(kappa, limits)),
  }
  return {
    ...person,
    decisions: own.length,
    within: share(repeated, isUnanimous),
    within_kappa: fleissKappa(repeated.map((unit) => unit.map(({ verdict }) => verdict))),
    effectiveness: right,
    all_right: share(units, (unit) => unit.every((r) => r.verdict === truths.get(r.part)?.verdict)),
    miss,
    false_alarm: falseAlarm,
    unsure: own.filter(({ verdict }) => verdict === "unsure").length,
    kappa,
    grades: { ...grades, overall: worst([grades.effectiveness, grades.miss, grades.false_alarm]) },
  }
}

/** Every two appraisers on the parts both judged: the first time with the first time, the second with the second. */
function pairsOf(appraisers: readonly Person[], ratings: readonly Rating[], limits: MsaLimits) {
  const trials = new Map(
    appraisers.map(({ id }) => [id, trialsOf(ratings.filter(({ appraiser }) => appraiser === id))]),
  )
  return appraisers.flatMap((a, i) =>
    appraisers.slice(i + 1).flatMap((b) => {
      const theirs = trials.get(b.id)!
      const both = [...trials.get(a.id)!].flatMap(([key, verdict]): [string, string][] => {
        const other = theirs.get(key)
        return other === undefined ? [] : [[verdict, other]]
      })
      if (both.length === 0) return []
      const kappa = cohenKappa(both)
      return [{ a: a.id, b: b.id, kappa, grade: kappaGrade(kappa, limits) }]
    }),
  )
}

function kindsOf(
  ratings: readonly Rating[],
  byPeople: readonly Rating[],
  truths: ReadonlyMap<string, Truth>,
  appraisers: readonly Person[],
): KindAgreement[] {
  const known = ratings.filter(({ part }) => truths.has(part))
  const judged = new Set(known.map(({ part }) => part))
  const kinds = new Set([
    ...[...judged].flatMap((part) => truths.get(part)!.kinds),
    ...byPeople.flatMap((r) => r.kinds),
  ])
  const peopleKnown = byPeople.filter(({ part }) => truths.has(part))
  return [...kinds].sort().map((kind) => {
    const has = (rating: Rating) => rating.kinds.includes(kind)
    const shows = ({ part }: Rating) => truths.get(part)!.kinds.includes(kind)
    const named = (of: readonly Rating[]) => share(of.filter(shows), has)
    const wrongly = (of: readonly Rating[]) =>
      share(
        of.filter((r) => !shows(r)),
        has,
      )
    const units = unitsOf(byPeople).filter((unit) => new Set(unit.map((r) => r.appraiser)).size >= 2)
    return {
      kind,
      parts: [...judged].filter((part) => truths.get(part)!.kinds.includes(kind)).length,
      named: named(peopleKnown),
      wrongly: wrongly(peopleKnown),
      between: fleissKappa(units.map((unit) => unit.map((r) => String(has(r))))),
      reference: cohenKappa(peopleKnown.map((r) => [String(has(r)), String(shows(r))])),
      people: appraisers.flatMap(({ id, name }) => {
        const own = known.filter(({ appraiser }) => appraiser === id)
        return own.length === 0 ? [] : [{ id, name, named: named(own), wrongly: wrongly(own) }]
      }),
    }
  })
}

/** All judgements of each part together. */
function unitsOf(ratings: readonly Rating[]): Rating[][] {
  const units = new Map<string, Rating[]>()
  for (const rating of ratings) {
    const unit = units.get(rating.part)
    if (unit) unit.push(rating)
    else units.set(rating.part, [rating])
  }
  return [...units.values()]
}

/** An appraiser's verdicts by part and by the how-manieth time. */
function trialsOf(ratings: readonly Rating[]): Map<string, Verdict> {
  return new Map(
    unitsOf(ratings).flatMap((unit) => unit.map((r, i) => [`${r.part} ${i}`, r.verdict] as const)),
  )
}

const isUnanimous = (unit: readonly Rating[]) => unit.every(({ verdict }) => verdict === unit[0]?.verdict)

/** With more than this both intervals say the same to three digits, and the exact one takes its time. */
const exactUpTo = 5_000

function share<T>(of: readonly T[], test: (one: T) => boolean): Proportion {
  const n = of.filter(test).length
  const exact = of.length > 0 && of.length <= exactUpTo
  return { ...wilson(n, of.length), ...(exact && { exact: clopperPearson(n, of.length) }) }
}

const atLeast = ({ share: value }: Proportion, [good, fair]: readonly [number, number]): Grade =>
  value === null ? "too_few" : value >= good ? "acceptable" : value >= fair ? "marginal" : "unacceptable"
const atMost = ({ share: value }: Proportion, [good, fair]: readonly [number, number]): Grade =>
  value === null ? "too_few" : value <= good ? "acceptable" : value <= fair ? "marginal" : "unacceptable"

function kappaGrade({ kappa, n }: Kappa, { kappa: [good, fair], min_parts }: MsaLimits): Grade {
  if (kappa === null || n < min_parts) return "too_few"
  return kappa >= good ? "acceptable" : kappa >= fair ? "marginal" : "unacceptable"
}

const order: readonly Grade[] = ["acceptable", "marginal", "unacceptable"]
/** A figure that cannot be told yet leaves the whole open, unless another is bad already. */
function worst(grades: readonly Grade[]): Grade {
  if (grades.includes("unacceptable")) return "unacceptable"
  if (grades.includes("too_few")) return "too_few"
  return order[Math.max(...grades.map((grade) => order.indexOf(grade)))] ?? "too_few"
}
