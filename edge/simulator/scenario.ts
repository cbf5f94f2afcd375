import * as v from "valibot"
import { type DefectKind, type DefectPlan, defectKinds } from "./defect.ts"
import type { Lighting } from "./light.ts"
import type { DrawnPart, PartPainter, PartPlan, PartTruth } from "./part.ts"
import { type PartOrigin, partIdOf, readPartId, type Stream } from "./part-id.ts"
import { type ProductId, productIds } from "./product.ts"
import { createRandom, type Random } from "./random.ts"

const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const PartNumber = v.pipe(v.number(), v.integer(), v.minValue(1))
const Weight = v.pipe(v.number(), v.minValue(0))

/** Shares of a set that is drawn once, not as a stream in time. */
const SetMix = v.object({ ng_share: Share, new_kind_share: Share })

/** A line over time: what it makes, what goes wrong, and when a kind appears that nobody has seen. */
export const ScenarioOptions = v.object({
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(999_999_999)), 7),
  /** Products by weight; one missing here is not made. */
  products: v.optional(v.record(v.picklist(productIds), Weight), { bracket: 1, flange: 1, plate: 1 }),
  /** Kinds the line has always had, by weight. */
  known_kinds: v.optional(v.record(v.picklist(defectKinds), Weight), {
    scratch: 3,
    dent: 2,
    stain: 2,
    chip: 2,
  }),
  ng_rate: v.optional(Share, 0.1),
  new_kind: v.optional(v.picklist(defectKinds), "crack"),
  /** First part number, on each line station, that may show the new kind. */
  new_kind_from: v.optional(PartNumber, 200),
  new_kind_share: v.optional(Share, 0.15),
  golden: v.optional(SetMix, { ng_share: 0.3, new_kind_share: 0.2 }),
  unseen: v.optional(SetMix, { ng_share: 0.3, new_kind_share: 0.2 }),
  /** Share of brightness the lamp loses per 1,000 parts. */
  lamp_ageing: v.optional(Share, 0.03),
  /** Part number from which a different lamp lights the line; none = never. */
  lamp_change_from: v.optional(PartNumber),
  /** The smallest severity drawn; raise it to leave out the cases a person would argue about. */
  least_severity: v.optional(Share, 0.08),
})
export type ScenarioOptions = v.InferOutput<typeof ScenarioOptions>

/** What a part is meant to be, known without drawing it. */
export interface ScenarioPart {
  part_id: string
  product: ProductId
  verdict: "ok" | "ng"
  kinds: DefectKind[]
  plan: PartPlan
}

export interface Scenario {
  options: ScenarioOptions
  /** The n-th part of a stream, n from 1: a pure function of the options, so any machine gets the same part. */
  part(stream: Stream, n: number): ScenarioPart
  /** The part behind an id; undefined for a text that names no part of this seed. */
  partOf(partId: string): ScenarioPart | undefined
}

/** @throws ValiError on options out of range. */
export function createScenario(input: v.InferInput<typeof ScenarioOptions> = {}): Scenario {
  const options = v.parse(ScenarioOptions, input)
  const part = (stream: Stream, n: number) => planPart(options, { seed: options.seed, stream, n })
  return {
    options,
    part,
    partOf(partId) {
      const origin = readPartId(partId)
      return origin?.seed === options.seed ? part(origin.stream, origin.n) : undefined
    },
  }
}

/** Ground truth with boxes by part id, for whoever plays the person; draws the part (tens of milliseconds). */
export function truthOf(scenario: Scenario, painter: PartPainter, partId: string): PartTruth | undefined {
  const part = scenario.partOf(partId)
  return part && drawScenarioPart(painter, part).truth
}

export function drawScenarioPart(painter: PartPainter, part: ScenarioPart): DrawnPart {
  return painter.draw(part.plan)
}

function planPart(options: ScenarioOptions, origin: PartOrigin): ScenarioPart {
  const part_id = partIdOf(origin)
  const random = createRandom(`${part_id}/plan`)
  const product = byWeight(options.products, random) ?? productIds[0]
  const defects = planDefects(options, origin, random)
  return {
    part_id,
    product,
    verdict: defects.length > 0 ? "ng" : "ok",
    kinds: [...new Set(defects.map((d) => d.kind))],
    plan: {
      serial: part_id,
      product,
      lighting: lightingOf(options, origin),
      defects,
      marking: String(origin.n).padStart(6, "0").slice(-6),
    },
  }
}

function planDefects(options: ScenarioOptions, origin: PartOrigin, random: Random): DefectPlan[] {
  const { known, fresh } = sharesOf(options, origin)
  const chance = random.next()
  const severity = () => options.least_severity + (1 - options.least_severity) * random.next()
  if (chance < fresh) return [{ kind: options.new_kind, severity: severity() }]
  if (chance >= fresh + known) return []
  const count = random.next() < 0.15 ? 2 : 1
  return Array.from({ length: count }, () => byWeight(options.known_kinds, random))
    .filter((kind) => kind !== undefined)
    .map((kind) => ({ kind, severity: severity() }))
}

/** Shares of parts with known kinds and with the new kind at this place of the stream. */
function sharesOf(options: ScenarioOptions, { stream, n }: PartOrigin): { known: number; fresh: number } {
  if (stream === "warmup") return { known: 0, fresh: 0 }
  if (stream === "golden" || stream === "unseen") {
    const { ng_share, new_kind_share } = options[stream]
    return { known: ng_share, fresh: new_kind_share }
  }
  const fresh = n >= options.new_kind_from ? options.new_kind_share : 0
  return { known: options.ng_rate * (1 - fresh), fresh }
}

/** The lamp fades with the parts it has lit; the sets are shot at scattered moments of the same life. */
function lightingOf(options: ScenarioOptions, { seed, stream, n }: PartOrigin): Lighting {
  const age = stream.startsWith("line/") ? n : createRandom(`${seed}/${stream}/${n}/age`).below(1000)
  const changed = options.lamp_change_from !== undefined && age >= options.lamp_change_from
  const gain = 1 / (1 + (options.lamp_ageing * age) / 1000)
  return changed ? { gain: gain * 0.84, warmth: 0.8, tilt: 0.12 } : { gain, warmth: 0, tilt: 0 }
}

function byWeight<K extends string>(weights: Partial<Record<K, number>>, random: Random): K | undefined {
  const entries = Object.entries(weights) as [K, number][]
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  if (total <= 0) return undefined
  let left = random.next() * total
  for (const [key, weight] of entries) {
    left -= weight
    if (left < 0) return key
  }
  return entries.at(-1)?.[0]
}
