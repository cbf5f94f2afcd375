import { createHash } from "node:crypto"
import * as v from "valibot"
import type { Answer, Answers, Drawing, Outline, Region, Relation } from "#contract/drawing"
import { DefectKey, Finite, Key } from "#contract/ids"
import type { LabelVerdict } from "#contract/labelling"
import { answered, answerOf, keepAnswer, type Say } from "./label-studio-answer.format.ts"
import { bitmaskOf, drawn, geometryOf, type Size } from "./label-studio-outline.format.ts"
import { hasGeometry, isMap, labelKeys } from "./label-studio-value.format.ts"

/**
 * Label Studio's results and our drawings, in both directions. Coordinates there are percent of the image; a box turns
 * about its top-left corner (clockwise, in pixels), an ellipse about its centre. One region is several results of one
 * id: its outline with labels, and what else was said of it.
 */

/** Types of results that carry an outline and labels, by our outlines. */
const typeOf = {
  box: "rectanglelabels",
  ellipse: "ellipselabels",
  polygon: "polygonlabels",
  line: "vectorlabels",
  point: "keypointlabels",
  mask: "brushlabels",
} as const satisfies Record<Outline["type"], string>

/** What stands between a labelling config's words and ours. */
export type LabelStudioDialect = {
  /** Name of the tag that shows the picture. */
  image: string
  /** Names of the controls, by what they draw. */
  controls: Record<Outline["type"], string>
  /** Outlines that are drawn by one control and named by another, in a result of its own. */
  bare: { outlines: ReadonlySet<Outline["type"]>; labels: string } | null
  /** How its control for masks keeps them: run lengths, or a PNG. */
  masks: "brush" | "bitmask"
  /** The choices that say whether the part is good, all that are understood; the first of each is written. */
  verdict: { control: string; ok: readonly string[]; ng: readonly string[]; unsure: readonly string[] } | null
  /** Controls that draw nothing: the key of what one asks, and the one that asks for a key. */
  asks: {
    keyOf: (control: string) => string
    controlOf: (key: string) => { name: string; type: string } | undefined
  }
  /** How a defect class is called there. */
  labelOf: (kind: string) => string
  /** The class a label means; undefined for one nobody knows. */
  kindOf: (label: string) => string | undefined
}

/** Controls named after what they draw, classes called by their key. */
export const plainDialect: LabelStudioDialect = {
  image: "image",
  controls: { box: "box", ellipse: "ellipse", polygon: "area", line: "line", point: "point", mask: "mask" },
  bare: null,
  masks: "brush",
  asks: { keyOf: (control) => control.toLowerCase(), controlOf: () => undefined },
  verdict: {
    control: "verdict",
    ok: ["OK", "ok", "Good", "good", "양품"],
    ng: ["NG", "ng", "NOK", "Bad", "bad", "불량"],
    unsure: ["UNSURE", "unsure"],
  },
  labelOf: (kind) => kind,
  kindOf: (label) => (v.is(DefectKey, label) ? label : undefined),
}

/** Something that a drawing cannot hold, or that is broken; everything else was read. */
export type Remark = { code: string; detail: string }

/** What one annotation says. `verdict` is null when it does not. */
export type ReadResults = {
  verdict: LabelVerdict | null
  drawing: Drawing
  remarks: Remark[]
}

const Names = v.pipe(v.array(v.string()), v.maxLength(1_000))
const Item = v.looseObject({
  id: v.optional(v.string()),
  type: v.string(),
  from_name: v.optional(v.string(), ""),
  origin: v.optional(v.nullable(v.string())),
  original_width: v.optional(v.nullable(Finite)),
  original_height: v.optional(v.nullable(Finite)),
  image_rotation: v.optional(v.nullable(Finite)),
  item_index: v.optional(v.nullable(Finite)),
  parentID: v.optional(v.nullable(v.string())),
  score: v.optional(v.nullable(Finite)),
  readonly: v.optional(v.nullable(v.boolean())),
  hidden: v.optional(v.nullable(v.boolean())),
  meta: v.optional(v.nullable(v.looseObject({ text: v.optional(v.nullable(Names)) }))),
  value: v.optional(v.record(v.string(), v.unknown())),
  from_id: v.optional(v.string()),
  to_id: v.optional(v.string()),
  direction: v.optional(v.nullable(v.string())),
  labels: v.optional(v.nullable(Names)),
})
type Item = v.InferOutput<typeof Item>

/** Whether a value of this name is what the schema wants of it and would leave as it is. */
function isPlain(name: string, value: unknown): boolean {
  switch (name) {
    case "id":
    case "type":
    case "from_name":
    case "origin":
    case "from_id":
    case "to_id":
      return typeof value === "string"
    case "original_width":
    case "original_height":
    case "image_rotation":
    case "item_index":
    case "score":
      return typeof value === "number" && Number.isFinite(value)
    case "value":
      return isMap(value)
    case "parentID":
    case "readonly":
    case "hidden":
    case "meta":
    case "direction":
    case "labels":
      return false
    default:
      return true
  }
}

/** A result, or why it is none. Hundreds of thousands come at once and nearly all are alike: the schema sees the others. */
function itemOf(raw: unknown): Item | string {
  if (isMap(raw) && typeof raw.type === "string" && typeof raw.from_name === "string") {
    let plain = true
    for (const name in raw) plain = plain && isPlain(name, raw[name])
    if (plain) return raw as Item
  }
  const parsed = v.safeParse(Item, raw)
  return parsed.success ? parsed.output : parsed.issues[0].message
}

/**
 * Reads the results of one annotation or prediction on an image of this size. Never throws: what does not fit is told in
 * `remarks`, and the drawing that comes out is one that our own schema takes.
 */
export function readResults(
  results: readonly unknown[],
  image: Size,
  dialect: LabelStudioDialect = plainDialect,
): ReadResults {
  const remarks: Remark[] = []
  const say = (code: string, detail: string) => void remarks.push({ code, detail })
  let verdict: LabelVerdict | null = null
  const answers: Answers = {}
  const drafts = new Map<string, Draft>()
  const relations: Item[] = []
  const nameId = createNaming()
  const askedBy = (name: string) => ({ name, key: dialect.asks.keyOf(name) })

  for (const [i, raw] of results.entries()) {
    const item = itemOf(raw)
    if (typeof item === "string") {
      say("broken", `result ${i + 1}: ${item}`)
      continue
    }
    const value = item.value ?? {}
    if (item.type === "relation") {
      relations.push(item)
      continue
    }
    if (item.item_index)
      say("further_image", `${item.id}: belongs to picture ${item.item_index + 1} of its task`)
    const outlined = outlineOf(item, value, image, say)
    if (outlined === "broken") continue
    const labels = labelsOf(item, value)
    const said = answerOf(item.type, value)
    const words = item.from_name === dialect.verdict?.control ? dialect.verdict : null
    if (outlined === null && words && Array.isArray(said)) {
      const read = verdictOf(said.flat(), words)
      if (read) verdict = read
      else say("unknown_choice", `${item.from_name}: ${said.flat().join(", ")}`)
      continue
    }
    const known = item.id === undefined ? undefined : drafts.get(item.id)
    const onRegion = outlined !== null || known !== undefined || hasGeometry(value)
    if (!onRegion || item.id === undefined) {
      if (outlined !== null) addDraft(`result-${i + 1}`, item, outlined, labels)
      else keepAnswer(answers, askedBy(item.from_name), said, say)
      continue
    }
    addDraft(item.id, item, outlined, labels)
    if (said !== undefined) {
      const draft = drafts.get(item.id)
      if (draft) keepAnswer(draft.answers, askedBy(item.from_name), said, say)
    }
  }

  function addDraft(id: string, item: Item, outline: Outline | null, labels: readonly string[]) {
    let draft = drafts.get(id)
    if (!draft) {
      draft = { id: nameId(id), outline: null, labels: [], item, answers: {} }
      drafts.set(id, draft)
    }
    if (outline && !draft.outline) {
      draft.outline = outline
      draft.item = item
    }
    for (const label of labels) if (!draft.labels.includes(label)) draft.labels.push(label)
    const note = item.meta?.text?.join("\n").slice(0, 2_000)
    if (note && draft.answers.note === undefined) draft.answers.note = note
  }

  const regions: Region[] = []
  for (const draft of drafts.values()) {
    const region = regionOf(draft, dialect, say)
    if (!region) continue
    if (regions.length === 5_000) {
      say("too_many", "only the first 5,000 regions of a picture are kept")
      break
    }
    regions.push(region)
  }
  const drawn = new Set(regions.map(({ id }) => id))
  const links = relations
    .flatMap((item) => relationsOf(item, drafts, say))
    .filter(({ from, to }) => from !== to && drawn.has(from) && drawn.has(to))
    .slice(0, 5_000)
  return {
    verdict,
    drawing: {
      v: 1,
      regions,
      ...(links.length > 0 && { relations: links }),
      ...(Object.keys(answers).length > 0 && { answers }),
    },
    remarks,
  }
}

type Draft = { id: string; outline: Outline | null; labels: string[]; item: Item; answers: Answers }

/** Our ids are short and lower case; whatever else comes gets one that is the same at every reading. */
function createNaming(): (raw: string) => string {
  const taken = new Set<string>()
  return (raw) => {
    let id = raw
    for (let i = 0; !/^[a-z0-9-]{1,40}$/.test(id) || taken.has(id); i++)
      id = `r-${createHash("sha256").update(`${i}/${raw}`).digest("hex").slice(0, 16)}`
    taken.add(id)
    return id
  }
}

function regionOf({ id, outline, labels, item, answers }: Draft, dialect: LabelStudioDialect, say: Say) {
  if (!outline) {
    say("no_outline", `${item.id ?? id}: ${item.type} belongs to a region that is not there`)
    return null
  }
  const kinds: string[] = []
  for (const label of labels) {
    const kind = dialect.kindOf(label)
    if (kind === undefined) say("unknown_label", label)
    else if (!kinds.includes(kind) && kinds.length < 8) kinds.push(kind)
  }
  // Drawn but not named is "something is here"; named by a word that nobody knows is left out.
  if (kinds.length === 0 && labels.length > 0) return null
  if (item.image_rotation) say("turned_view", `${item.id ?? id}: drawn while the picture was turned`)
  if (item.parentID) say("parent", `${item.id ?? id}: belongs to ${item.parentID}`)
  const region: Region = {
    id,
    kinds: kinds.length > 0 ? kinds : ["unknown"],
    outline,
    by: item.origin?.startsWith("prediction") ? "model" : "person",
  }
  const score = item.score
  if (score !== undefined && score !== null) region.score = Math.min(1, Math.max(0, score))
  if (item.readonly) region.locked = true
  if (item.hidden) region.hidden = true
  if (Object.keys(answers).length > 0) region.answers = answers
  return region
}

function relationsOf(item: Item, drafts: ReadonlyMap<string, Draft>, say: Say): Relation[] {
  const [from, to] = [drafts.get(item.from_id ?? "")?.id, drafts.get(item.to_id ?? "")?.id]
  if (from === undefined || to === undefined) {
    say("relation", `${item.from_id} → ${item.to_id}: one of them is not there`)
    return []
  }
  const named = item.labels?.[0]
  const kind = named !== undefined && v.is(Key, named) ? { kind: named } : {}
  if (named !== undefined && kind.kind === undefined) say("unknown_relation", named)
  if (item.direction === "left") return [{ from: to, to: from, ...kind }]
  if (item.direction === "bi")
    return [
      { from, to, ...kind },
      { from: to, to: from, ...kind },
    ]
  return [{ from, to, ...kind }]
}

function verdictOf(choices: readonly string[], words: NonNullable<LabelStudioDialect["verdict"]>) {
  for (const verdict of ["ng", "ok", "unsure"] as const)
    if (choices.some((choice) => words[verdict].includes(choice))) return verdict
  return null
}

function labelsOf(item: Item, value: Record<string, unknown>): string[] {
  if (!labelKeys.test(item.type)) return []
  const named = value[item.type]
  return Array.isArray(named) ? named.filter((label) => typeof label === "string") : []
}

const shapes = /^(rectangle|ellipse|polygon|keypoint|brush|bitmask|vector)(labels)?$/

/** The outline of a result in pixels; null for a result that has none. */
function outlineOf(
  item: Item,
  value: Record<string, unknown>,
  image: Size,
  say: Say,
): Outline | null | "broken" {
  const shape = shapes.exec(item.type)?.[1] ?? (item.type === "labels" ? shapeOfKeys(value) : undefined)
  if (!shape) return null
  const outline = drawn(shape, value, image)
  if (outline) return outline
  say("broken_outline", `${item.id ?? "?"}: this ${shape} cannot be read`)
  return "broken"
}

/** With a config that parts outline and label, the second result repeats the outline under the type "labels". */
function shapeOfKeys(value: Record<string, unknown>): string | undefined {
  if ("rle" in value) return "brush"
  if ("imageDataURL" in value) return "bitmask"
  if ("vertices" in value) return "vector"
  if ("points" in value) return "polygon"
  if ("radiusX" in value) return "ellipse"
  if ("height" in value) return "rectangle"
  return undefined
}

/** What was said of a part, as results of Label Studio. Reading them again gives the same drawing. */
export function writeResults(
  said: { verdict: LabelVerdict | null; drawing: Drawing },
  image: Size,
  dialect: LabelStudioDialect = plainDialect,
): Record<string, unknown>[] {
  const { verdict, drawing } = said
  const out: Record<string, unknown>[] = []
  const to_name = dialect.image
  const answerAs = (key: string, answer: Answer) => {
    const control = dialect.asks.controlOf(key)
    return { from_name: control?.name ?? key, ...answered(answer, control?.type) }
  }
  if (verdict && dialect.verdict) {
    const choice = dialect.verdict[verdict][0]
    if (choice !== undefined)
      out.push({
        id: "verdict",
        from_name: dialect.verdict.control,
        to_name,
        type: "choices",
        origin: "manual",
        value: { choices: [choice] },
      })
  }
  for (const [name, answer] of Object.entries(drawing.answers ?? {}))
    out.push({
      id: `answer-${name}`.slice(0, 40),
      to_name,
      origin: "manual",
      ...answerAs(name, answer),
    })
  for (const region of drawing.regions) {
    const { id, kinds, outline } = region
    const place = { original_width: image.w, original_height: image.h, image_rotation: 0 }
    const isBitmask = outline.type === "mask" && dialect.masks === "bitmask"
    const geometry = isBitmask ? bitmaskOf(outline) : geometryOf(outline, image)
    const labelled = isBitmask ? "bitmasklabels" : typeOf[outline.type]
    const isBare = dialect.bare?.outlines.has(outline.type) ?? false
    // A brush is long; whoever joins results by id needs it once.
    const where = outline.type === "mask" ? {} : geometry
    const labels = kinds.map(dialect.labelOf)
    out.push({
      id,
      from_name: dialect.controls[outline.type],
      to_name,
      type: isBare ? labelled.replace(/labels$/, "") : labelled,
      origin: region.by === "model" ? "prediction" : "manual",
      ...place,
      value: isBare ? geometry : { ...geometry, [labelled]: labels },
      ...(region.score !== undefined && { score: region.score }),
      ...(region.locked && { readonly: true }),
      ...(region.hidden && { hidden: true }),
    })
    if (isBare && dialect.bare)
      out.push({
        id,
        from_name: dialect.bare.labels,
        to_name,
        type: "labels",
        origin: "manual",
        ...place,
        value: { ...where, labels },
      })
    for (const [name, answer] of Object.entries(region.answers ?? {})) {
      const { from_name, type, value } = answerAs(name, answer)
      out.push({ id, from_name, to_name, type, origin: "manual", ...place, value: { ...where, ...value } })
    }
  }
  for (const { from, to, kind } of drawing.relations ?? [])
    out.push({
      type: "relation",
      from_id: from,
      to_id: to,
      direction: "right",
      ...(kind !== undefined && { labels: [kind] }),
    })
  return out
}
