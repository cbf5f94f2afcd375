import type { ModelContract } from "#contract/model"
import type { Suspect, TrainingJobSpec, TrainingProgress, TrainingSample } from "#contract/training"
import type { Backbone } from "../backbone/backbone.ts"
import { ModelError } from "../model-error.ts"
import { clopperPearsonUpper } from "../statistics.rules.ts"
import { type Candidate, trainCandidate } from "./candidate.ts"
import { contractOfModel, exportModel } from "./export.ts"
import { type InputSize, inputFor, inputSize } from "./extractor.ts"
import { imageLogit, type LabelledStats } from "./fusion.ts"
import { parseParams } from "./params.ts"
import { isGood, loadImages, type TrainingImage, weightsOf } from "./samples.ts"
import { type HonestLook, suspectsOf } from "./suspects.ts"
import { sigmoid, thresholdsFor, type Weighted } from "./thresholds.ts"

export type Trained = {
  onnx: Uint8Array<ArrayBuffer>
  contract: ModelContract
  metrics: Record<string, number>
  /** Scores the trainer computed for a few images, for the exported file to reproduce. */
  parity: { path: string; score: number }[]
  /** Labels that a model which had not seen their parts doubts. */
  suspects: Suspect[]
}
export type Report = (progress: TrainingProgress) => void
export type Scored = { ng: boolean; score: number }

/** Fewest good parts a bank makes sense with. */
const leastGood = 4
const parityImages = 8
/** Separation a set of taps must gain over one that is preferred: with few defects less than this is chance. */
const leastGain = 0.03
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
  const size = inputSize(
    ordered.map(({ w, h }) => w / h),
    params.side,
  )
  const input = inputFor(backbone, size)
  const { images, unreadable } = await loadImages(ordered, resolvePath, input, (done) =>
    report({ phase: "load", progress: 0.2 * (done / samples.length) }),
  )
  const fitted = images.filter((image) => image.sample.split !== "calib")
  const held = images.filter((image) => image.sample.split === "calib")
  if (fitted.filter(isGood).length < leastGood) {
    throw new ModelError("training_invalid", `training needs at least ${leastGood} readable good images`)
  }
  const kinds = spec.classes
    .toSorted((a, b) => a.id - b.id)
    .map(({ key }) => key)
    .filter((key) => key !== "ok")
  const best = await chooseCandidate(spec, backbone, size, fitted, kinds, report)

  report({ phase: "calibrate", progress: 0.85, message: best.taps.join("+") })
  const honest: LabelledStats[] = [...best.stats]
  const calib: Scored[] = []
  const heldWeights = weightsOf(held)
  for (const [i, image] of held.entries()) {
    const point = { ...(await best.statsOf(image)), ng: !isGood(image), weight: heldWeights[i]! }
    honest.push(point)
    calib.push({ ng: point.ng, score: sigmoid(imageLogit(best.fusion, point)) })
  }
  const logits = (ng: boolean): Weighted[] =>
    honest.filter((p) => p.ng === ng).map((p) => ({ value: imageLogit(best.fusion, p), weight: p.weight }))
  const thresholds = thresholdsFor(logits(false), logits(true), spec.target)
  const provenance = { recipe: spec.recipe.id, job: spec.job_id, dataset: spec.dataset }
  const contract = contractOfModel(backbone, best, kinds, thresholds, provenance)
  report({ phase: "export", progress: 0.92 })
  const onnx = exportModel(backbone, best, contract)
  const looks: HonestLook[] = []
  for (const [i, image] of [...fitted, ...held].entries()) {
    const shares = best.kinds[i] ?? (await best.kindsOf(image))
    const look = honestLook(image, kinds, sigmoid(imageLogit(best.fusion, honest[i]!)), shares)
    if (look) looks.push(look)
  }
  const suspects = best.separation >= leastToDoubt ? suspectsOf(["ok", ...kinds], looks) : []
  const parity: Trained["parity"] = []
  for (const image of everyNth(images, parityImages)) {
    const score = sigmoid(imageLogit(best.fusion, await best.statsOf(image)))
    parity.push({ path: resolvePath(image.sample.path), score })
  }
  await best.release()
  const scored = honest.map((p) => ({ ng: p.ng, score: sigmoid(imageLogit(best.fusion, p)) }))
  const metrics = {
    ...figures("oof", scored, thresholds),
    ...(calib.length > 0 && figures("calib", calib, thresholds)),
    images: images.length,
    unreadable: unreadable.length,
    oof_auroc: best.separation,
    t_low: thresholds.t_low,
    t_high: thresholds.t_high,
    suspects: suspects.length,
    bank_rows: best.bank.size,
    model_bytes: onnx.length,
  }
  return { onnx, contract, metrics, parity, suspects }
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

async function chooseCandidate(
  spec: TrainingJobSpec,
  backbone: Backbone,
  size: InputSize,
  images: readonly TrainingImage[],
  kinds: readonly string[],
  report: Report,
): Promise<Candidate> {
  const params = parseParams(spec.recipe.params)
  const labelOf = (kind: string) => Math.max(0, kinds.indexOf(kind)) + 1
  const sets = images.every(isGood) ? [params.blind_taps] : params.taps
  const start = 0.2
  const step = 0.65 / sets.length
  let best: Candidate | undefined
  for (const [i, taps] of sets.entries()) {
    const candidate = await trainCandidate(backbone, taps, images, {
      size,
      bankRows: params.bank_rows,
      projection: params.projection,
      seed: spec.seed,
      overkill: spec.target.overkill,
      head: { l2: params.l2, iterations: params.iterations, rounds: params.rounds },
      labelOf,
      classes: kinds.length + 1,
      onProgress: (phase, share) => {
        const within = phase === "bank" ? 0.4 * share : 0.4 + 0.6 * share
        report({ phase, progress: start + step * (i + within), message: taps.join("+") })
      },
    })
    report({
      phase: "head",
      progress: start + step * (i + 1),
      message: taps.join("+"),
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

function everyNth<T>(items: readonly T[], wanted: number): T[] {
  const step = Math.max(1, Math.floor(items.length / wanted))
  return items.filter((_, i) => i % step === 0).slice(0, wanted)
}

/** Shares with the bound that the count of parts can prove, 95 % one-sided. */
function figures(
  prefix: string,
  scored: readonly Scored[],
  { t_low, t_high }: { t_low: number; t_high: number },
) {
  const bad = scored.filter((point) => point.ng)
  const good = scored.filter((point) => !point.ng)
  const escapes = bad.filter((point) => point.score < t_low).length
  const overkills = good.filter((point) => point.score >= t_high).length
  const unsure = scored.filter((point) => point.score >= t_low && point.score < t_high).length
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
