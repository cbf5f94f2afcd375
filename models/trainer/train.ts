import type { ModelContract, ModelInput } from "#contract/model"
import type { Suspect, TrainingJobSpec, TrainingProgress, TrainingSample } from "#contract/training"
import type { Backbone } from "../backbone/backbone.ts"
import type { Thresholds } from "../infer/verdict.ts"
import { ModelError } from "../model-error.ts"
import { clopperPearsonUpper } from "../statistics.rules.ts"
import { type Candidate, type CandidateOptions, trainCandidate } from "./candidate.ts"
import { contractOfModel, exportModel } from "./export.ts"
import {
  type InputSize,
  inputFor,
  inputSize,
  openTrunk,
  remembering,
  type Taps,
  type Trunk,
} from "./extractor.ts"
import type { LabelledStats } from "./fusion.ts"
import { parseParams } from "./params.ts"
import { limitsFrom, partLogit } from "./products.ts"
import { isGood, loadImages, productOf, type TrainingImage, weightsOf } from "./samples.ts"
import { largerSide, type Marked, smallDefects, usualSide } from "./side.rules.ts"
import { type HonestLook, suspectsOf } from "./suspects.ts"
import { sigmoid } from "./thresholds.ts"
import { wholeNumbers } from "./whole-numbers.ts"

/** A model file, and what the trainer computed for a few pictures, for the file to reproduce. */
export type TrainedFile = {
  onnx: Uint8Array<ArrayBuffer>
  contract: ModelContract
  parity: { path: string; product?: string; score: number }[]
}
export type Trained = TrainedFile & {
  metrics: Record<string, number>
  /** Labels that a model which had not seen their parts doubts. */
  suspects: Suspect[]
  /** The model on whole numbers, where one was asked for and tells good from bad as well. */
  whole?: TrainedFile
}
export type Report = (progress: TrainingProgress) => void
type Scored = { ng: boolean; score: number; limits: Thresholds }

/** Fewest good parts a bank makes sense with. */
const leastGood = 4
const parityImages = 8
/** Pictures that show which values a trunk's tensors take. */
const calibrationImages = 48
/** Separation a model on whole numbers may lose against the one it stands for. */
const mostLost = 0.01
/** Separation a set of taps must gain over one that is preferred: with few defects less than this is chance. */
const leastGain = 0.03
/** Memory for what the trunk saw, about 2.5 MB a picture; the trainer is a process of its own on a machine of 4 GB. */
const rememberedBytes = 512 * 2 ** 20
/** Out-of-fold separation below which a model's doubts say more about the model than about the labels. */
const leastToDoubt = 0.75

/**
 * Trains one model from labelled images: recipe `patch`. Everything is a function of spec, samples and their
 * pixels; equal input gives equal bytes. Works without a single NG label (bank only). Throws
 * `training_invalid`.
 */
export async function train(
  spec: TrainingJobSpec,
  samples: readonly TrainingSample[],
  backbone: Backbone,
  resolvePath: (path: string) => string,
  report: Report,
): Promise<Trained> {
  const params = parseParams(spec.recipe.params)
  // Sorted, so that the order of lines in the bundle does not matter.
  const ordered = samples.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const kinds = spec.classes
    .toSorted((a, b) => a.id - b.id)
    .map(({ key }) => key)
    .filter((key) => key !== "ok")
  const span = params.int8 ? 0.65 : 0.85
  const look = (side: number, sets: readonly Taps[] | undefined, from: number, to: number) =>
    lookAt({ spec, ordered, backbone, resolvePath, kinds, side, sets }, (progress) =>
      report({ ...progress, progress: from + (to - from) * progress.progress }),
    )
  const usual = await look(params.side || usualSide, undefined, 0, params.side ? span : span * 0.6)
  const small = smallDefects(usual.fitted.flatMap(markedOf), usual.images.length)
  const { chosen, sides } =
    params.side === 0 && small.worthATry
      ? await larger(usual, (taps) => look(largerSide, [taps], span * 0.6, span))
      : { chosen: usual, sides: {} }
  const { best, trunk, input, size, images, fitted, held, unreadable } = chosen

  report({ phase: "calibrate", progress: span, message: best.taps.join("+") })
  const provenance = { recipe: spec.recipe.id, job: spec.job_id, dataset: spec.dataset }
  const parityOf = everyNth(images, parityImages)
  const finished = async (candidate: Candidate, on: Backbone) => {
    const honest = await honestly(candidate, held)
    const limits = limitsFrom(honest, candidate.fusions, spec.target)
    const contract = contractOfModel(on, candidate, kinds, limits, provenance)
    const parity: TrainedFile["parity"] = []
    for (const image of parityOf) {
      const product = productOf(image)
      const logit = partLogit(candidate.fusions, { ...(await candidate.statsOf(image)), ...product })
      parity.push({ path: resolvePath(image.sample.path), ...product, score: sigmoid(logit) })
    }
    const scored = honest.map((point): Scored => {
      const own = limits.products.get(point.product ?? "") ?? limits.common
      return { ng: point.ng, score: sigmoid(partLogit(candidate.fusions, point)), limits: own }
    })
    return { scored, limits, file: { onnx: exportModel(on, candidate, contract), contract, parity } }
  }
  const { scored, limits, file } = await finished(best, backbone)
  report({ phase: "export", progress: 0.02 + span })
  const looks: HonestLook[] = []
  for (const [i, image] of [...fitted, ...held].entries()) {
    const shares = best.kinds[i] ?? (await best.kindsOf(image))
    const look = honestLook(image, kinds, scored[i]!.score, shares)
    if (look) looks.push(look)
  }
  const suspects = best.separation >= leastToDoubt ? suspectsOf(["ok", ...kinds], looks) : []
  await best.release()
  await trunk.release()
  const calib = scored.slice(fitted.length)
  const metrics: Record<string, number> = {
    ...figures("oof", scored),
    ...(calib.length > 0 && figures("calib", calib)),
    images: images.length,
    unreadable: unreadable.length,
    oof_auroc: best.separation,
    side: Math.round(Math.sqrt(size.w * size.h)),
    small_share: small.share,
    ...sides,
    ...limits.common,
    products: limits.products.size,
    suspects: suspects.length,
    bank_rows: best.bank.size,
    model_bytes: file.onnx.length,
    ...(best.kindFigures && prefixed("kinds", best.kindFigures)),
  }
  if (!params.int8) return { ...file, metrics, suspects }

  const seen = everyNth(fitted, calibrationImages).map(({ pixels }) => pixels)
  const rounded = await wholeNumbers(backbone, best.taps, input, seen)
  const coarse = remembering(await openTrunk(rounded, [best.taps], size), rememberedBytes)
  const second = await trainCandidate(
    coarse,
    best.taps,
    fitted,
    optionsOf(spec, kinds, (phase, share) =>
      report({ phase, progress: 0.68 + 0.2 * placeOf(phase, share), message: "int8" }),
    ),
  )
  metrics.int8_oof_auroc = second.separation
  // One that tells less apart is no faster way to the same verdicts.
  const kept = second.separation >= best.separation - mostLost
  const whole = kept ? (await finished(second, rounded)).file : undefined
  if (whole) metrics.int8_model_bytes = whole.onnx.length
  await second.release()
  await coarse.release()
  return { ...file, metrics, suspects, ...(whole && { whole }) }
}

type Attempt = {
  best: Candidate
  trunk: ReturnType<typeof remembering>
  input: ModelInput
  size: InputSize
  images: TrainingImage[]
  fitted: TrainingImage[]
  held: TrainingImage[]
  unreadable: string[]
}

/** Loads the pictures at one size and trains the best candidate there; progress is reported from 0 to 1. */
async function lookAt(
  {
    spec,
    ordered,
    backbone,
    resolvePath,
    kinds,
    side,
    sets: wanted,
  }: {
    spec: TrainingJobSpec
    ordered: readonly TrainingSample[]
    backbone: Backbone
    resolvePath: (path: string) => string
    kinds: readonly string[]
    side: number
    /** Those the recipe names, unless they are chosen already. */
    sets: readonly Taps[] | undefined
  },
  report: Report,
): Promise<Attempt> {
  const size = inputSize(
    ordered.map(({ w, h }) => w / h),
    side,
  )
  const input = inputFor(backbone, size)
  const { images, unreadable } = await loadImages(ordered, resolvePath, input, (done) =>
    report({ phase: "load", progress: 0.24 * (done / ordered.length) }),
  )
  const fitted = images.filter((image) => image.sample.split !== "calib")
  const held = images.filter((image) => image.sample.split === "calib")
  if (fitted.filter(isGood).length < leastGood) {
    throw new ModelError("training_invalid", `training needs at least ${leastGood} readable good images`)
  }
  const { blind_taps, taps } = parseParams(spec.recipe.params)
  const sets = wanted ?? (fitted.every(isGood) ? [blind_taps] : taps)
  const trunk = remembering(await openTrunk(backbone, sets, size), rememberedBytes)
  const best = await chooseCandidate(spec, trunk, sets, fitted, kinds, (progress) =>
    report({ ...progress, progress: 0.24 + 0.76 * progress.progress }),
  )
  return { best, trunk, input, size, images, fitted, held, unreadable }
}

/** A bad part with marked defects, as large as they are at this size. */
function markedOf({ sample: { label }, pixels: { placement } }: TrainingImage): Marked[] {
  if (label.verdict === "ok" || label.boxes.length === 0) return []
  const { scaleX, scaleY } = placement
  const defects = label.boxes.map(({ box: [, , w, h] }) => ({ w: w * scaleX, h: h * scaleY }))
  return [{ defects, scale: Math.sqrt(scaleX * scaleY) }]
}

/**
 * A second try at the larger side, on the levels that were best at the usual one. It costs stations more than twice the time,
 * so it has to tell held-out parts apart better by a margin; the figures say what came of it.
 */
async function larger(
  usual: Attempt,
  look: (taps: Taps) => Promise<Attempt>,
): Promise<{ chosen: Attempt; sides: Record<string, number> }> {
  const separation = usual.best.separation
  // Nothing that could be gained would be enough.
  if (separation + leastGain >= 1) return { chosen: usual, sides: {} }
  // What was seen at the one size would take the memory of the other.
  usual.trunk.forget()
  const second = await look(usual.best.taps)
  const sides = { oof_auroc_usual: separation, oof_auroc_larger: second.best.separation }
  const pays = second.best.separation > separation + leastGain
  const other = pays ? usual : second
  await other.best.release()
  await other.trunk.release()
  return { chosen: pays ? second : usual, sides }
}

/** What a candidate makes of parts it was not trained on: the training parts held out in turn, and those never fitted on. */
async function honestly(candidate: Candidate, held: readonly TrainingImage[]): Promise<LabelledStats[]> {
  const honest = [...candidate.stats]
  const weights = weightsOf(held)
  for (const [i, image] of held.entries()) {
    const seen = { ng: !isGood(image), weight: weights[i]!, ...productOf(image) }
    honest.push({ ...(await candidate.statsOf(image)), ...seen })
  }
  return honest
}

/** OK and the kinds as one distribution; undefined for a part with a kind the model has no class for. */
function honestLook(
  { sample }: TrainingImage,
  kinds: readonly string[],
  ng: number,
  shares: readonly number[],
): HonestLook | undefined {
  const { verdict, kinds: labelled } = sample.label
  const given = verdict === "ok" ? [0] : [...new Set(labelled)].map((kind) => kinds.indexOf(kind) + 1)
  if (given.length === 0 || shares.length !== kinds.length || (verdict === "ng" && given.includes(0)))
    return undefined
  return { sample: sample.id, given, probabilities: [1 - ng, ...shares.map((share) => share * ng)] }
}

function optionsOf(
  spec: TrainingJobSpec,
  kinds: readonly string[],
  onProgress: CandidateOptions["onProgress"],
): CandidateOptions {
  const params = parseParams(spec.recipe.params)
  return {
    bankRows: params.bank_rows,
    projection: params.projection,
    seed: spec.seed,
    overkill: spec.target.overkill,
    head: { l2: params.l2, iterations: params.iterations, rounds: params.rounds },
    labelOf: (kind) => Math.max(0, kinds.indexOf(kind)) + 1,
    classes: kinds.length + 1,
    onProgress,
  }
}

/** How far the work on one candidate has come, as a share. */
const placeOf = (phase: "bank" | "head", share: number) =>
  phase === "bank" ? 0.4 * share : 0.4 + 0.6 * share

/** Trains a candidate for each set of taps and keeps the best; progress is reported from 0 to 1. */
async function chooseCandidate(
  spec: TrainingJobSpec,
  trunk: Trunk,
  sets: readonly Taps[],
  images: readonly TrainingImage[],
  kinds: readonly string[],
  report: Report,
): Promise<Candidate> {
  let best: Candidate | undefined
  for (const [i, taps] of sets.entries()) {
    const message = taps.join("+")
    const options = optionsOf(spec, kinds, (phase, share) =>
      report({ phase, progress: (i + placeOf(phase, share)) / sets.length, message }),
    )
    const candidate = await trainCandidate(trunk, taps, images, options)
    report({
      phase: "head",
      progress: (i + 1) / sets.length,
      message,
      metrics: { oof_auroc: candidate.separation },
    })
    if (!best || candidate.separation > best.separation + leastGain) {
      await best?.release()
      best = candidate
    } else await candidate.release()
    // No other set could gain enough to be preferred, and each costs as much again.
    if (best.separation + leastGain >= 1) break
  }
  if (!best) throw new ModelError("training_invalid", "the recipe names no taps")
  return best
}

function prefixed(prefix: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}_${name}`, value]))
}

function everyNth<T>(items: readonly T[], wanted: number): T[] {
  const step = Math.max(1, Math.floor(items.length / wanted))
  return items.filter((_, i) => i % step === 0).slice(0, wanted)
}

/** Shares with the bound that the count of parts can prove, 95 % one-sided. */
function figures(prefix: string, scored: readonly Scored[]) {
  const bad = scored.filter((point) => point.ng)
  const good = scored.filter((point) => !point.ng)
  const escapes = bad.filter((point) => point.score < point.limits.t_low).length
  const overkills = good.filter(({ score, limits }) => score >= limits.t_high).length
  const unsure = scored.filter(({ score, limits }) => score >= limits.t_low && score < limits.t_high).length
  return {
    [`${prefix}_good`]: good.length,
    [`${prefix}_ng`]: bad.length,
    [`${prefix}_escape`]: bad.length ? escapes / bad.length : 0,
    [`${prefix}_escape_upper`]: clopperPearsonUpper(escapes, bad.length),
    [`${prefix}_overkill`]: good.length ? overkills / good.length : 0,
    [`${prefix}_overkill_upper`]: clopperPearsonUpper(overkills, good.length),
    [`${prefix}_undecidable`]: unsure / Math.max(1, scored.length),
  }
}
