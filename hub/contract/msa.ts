import * as v from "valibot"
import { DefectKey, Instant, Sha256, Share, Uuid } from "./ids.ts"
import { Proportion } from "./review.ts"
import { PersonName } from "./users.ts"

/** How a figure is judged. `too_few`: there are not enough parts to say it. */
export const Grade = v.picklist(["acceptable", "marginal", "unacceptable", "too_few"])
export type Grade = v.InferOutput<typeof Grade>

export const Kappa = v.object({
  kappa: v.nullable(v.number()),
  se: v.nullable(v.number()),
  low: v.nullable(v.number()),
  high: v.nullable(v.number()),
  n: v.number(),
})
export type Kappa = v.InferOutput<typeof Kappa>

/** From where on a figure is acceptable, and from where on marginal; the usual AIAG table unless a site says otherwise. */
const Pair = v.strictTuple([Share, Share])
export const MsaLimits = v.pipe(
  v.object({
    effectiveness: Pair,
    miss: Pair,
    false_alarm: Pair,
    kappa: Pair,
    /** Parts with a known answer below which nothing is said. */
    min_parts: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)),
  }),
  v.check(
    ({ effectiveness: e, miss: m, false_alarm: f, kappa: k }) =>
      e[0] >= e[1] && k[0] >= k[1] && m[0] <= m[1] && f[0] <= f[1],
    "acceptable must not be wider than marginal",
  ),
)
export type MsaLimits = v.InferOutput<typeof MsaLimits>

/** One person, or the model, against the known answers and against themselves. */
export const Appraiser = v.object({
  id: v.string(),
  name: v.string(),
  kind: v.picklist(["person", "model"]),
  decisions: v.number(),
  /** Parts judged more than once: as often alike. */
  within: Proportion,
  within_kappa: Kappa,
  /** Decisions on parts with a known answer that were right. */
  effectiveness: Proportion,
  /** Parts judged right every time. */
  all_right: Proportion,
  /** NG parts called OK. */
  miss: Proportion,
  /** OK parts called NG. */
  false_alarm: Proportion,
  /** Decisions that were no verdict. */
  unsure: v.number(),
  kappa: Kappa,
  grades: v.object({ effectiveness: Grade, miss: Grade, false_alarm: Grade, kappa: Grade, overall: Grade }),
})
export type Appraiser = v.InferOutput<typeof Appraiser>

/** One defect kind: how surely it is named, when it is there and when it is not. */
export const KindAgreement = v.object({
  kind: DefectKey,
  /** Parts that truly show it. */
  parts: v.number(),
  named: Proportion,
  /** Named on parts that do not show it. */
  wrongly: Proportion,
  /** Between people, kind named or not. */
  between: Kappa,
  /** Against the known answers. */
  reference: Kappa,
  people: v.array(v.object({ id: v.string(), name: v.string(), named: Proportion, wrongly: Proportion })),
})
export type KindAgreement = v.InferOutput<typeof KindAgreement>

/** An attribute agreement analysis: people and the model are appraisers alike, `people` are the former alone. */
export const MsaReport = v.object({
  v: v.literal(1),
  title: v.string(),
  /** Null: the ongoing one, from known parts, repeats and second people. */
  study: v.nullable(Uuid),
  since: Instant,
  made_at: Instant,
  parts: v.number(),
  /** Parts with a known answer, by what it is: kappa falls when one of them is rare. */
  known: v.object({ ok: v.number(), ng: v.number() }),
  appraisers: v.array(Appraiser),
  /** Parts that two or more people judged: all alike. */
  between: Proportion,
  between_kappa: Kappa,
  between_grade: Grade,
  /** Parts that everybody judged right. */
  all_right: Proportion,
  pairs: v.array(v.object({ a: v.string(), b: v.string(), kappa: Kappa, grade: Grade })),
  kinds: v.array(KindAgreement),
  limits: MsaLimits,
})
export type MsaReport = v.InferOutput<typeof MsaReport>

/** POST /api/msa/studies */
export const NewStudy = v.object({
  name: PersonName,
  parts: v.pipe(v.array(Uuid), v.minLength(2), v.maxLength(500)),
  people: v.pipe(v.array(Uuid), v.minLength(1), v.maxLength(50)),
  trials: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5)),
})
export type NewStudy = v.InferOutput<typeof NewStudy>

export const Study = v.object({
  id: Uuid,
  name: v.string(),
  parts: v.number(),
  trials: v.number(),
  people: v.array(v.object({ id: Uuid, name: v.string(), left: v.number() })),
  /** The model that has been shown the parts too. */
  model: v.nullable(Sha256),
  by: v.string(),
  at: Instant,
  closed_at: v.nullable(Instant),
})
export type Study = v.InferOutput<typeof Study>

/** Somebody who can be asked. */
export const AppraiserName = v.object({ id: Uuid, name: v.string() })
