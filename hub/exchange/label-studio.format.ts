import { createHash } from "node:crypto"
import * as v from "valibot"
import type { Answer, Answers, Drawing, Outline, Region, Relation } from "#contract/drawing"
import { DefectKey, Finite, Key } from "#contract/ids"
import type { LabelVerdict } from "#contract/labelling"
import { encodeRuns, spansOf } from "#contract/outline"
import { decodeBrush, encodeBrush, spansOfRows } from "./brush.format.ts"
import { decodePng } from "./png.format.ts"

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
  /** The choices that say whether the part is good, all that are understood; the first of each is written. */
  verdict: { control: string; ok: readonly string[]; ng: readonly string[]; unsure: readonly string[] } | null
  /** How a defect class is called there. */
  labelOf: (kind: string) => string
  /** The class a label means; undefined for one nobody knows. */
  kindOf: (label: string) => string | undefined
}

/** Controls named after what they draw, classes called by their key. */
export const plainDialect: LabelStudioDialect = {
  image: "image",
  controls: { box: "box", ellipse: "ellipse", polygon: "area", line: "line", point: "point", mask: "mask" },
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

type Size = { w: number; h: number }

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

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

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

/** Six digits after the point: percent and back does not leave 12.299999999999. */
const tidy = (value: number) => Math.round(value * 1e6) / 1e6 || 0
const radians = (degrees: number) => (degrees * Math.PI) / 180
/** −180 … 180. */
const turned = (degrees: number) => {
  const within = ((degrees % 360) + 360) % 360
  return tidy(within > 180 ? within - 360 : within)
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
      else keepAnswer(answers, item.from_name, said, say)
      continue
    }
    addDraft(item.id, item, outlined, labels)
    if (said !== undefined) {
      const draft = drafts.get(item.id)
      if (draft) keepAnswer(draft.answers, item.from_name, said, say)
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
type Say = (code: string, detail: string) => void

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

const labelKeys = /^(rectangle|ellipse|polygon|keypoint|brush|bitmask|vector)?labels$/

function labelsOf(item: Item, value: Record<string, unknown>): string[] {
  if (!labelKeys.test(item.type)) return []
  const named = value[item.type]
  return Array.isArray(named) ? named.filter((label) => typeof label === "string") : []
}

const hasGeometry = (value: Record<string, unknown>) =>
  ["x", "points", "vertices", "rle", "imageDataURL"].some((key) => key in value)

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
  if ("vertices" in value) return "vector"
  if ("points" in value) return "polygon"
  if ("radiusX" in value) return "ellipse"
  if ("height" in value) return "rectangle"
  return undefined
}

function drawn(shape: string, value: Record<string, unknown>, { w, h }: Size): Outline | null {
  const number = (key: string) => (typeof value[key] === "number" ? value[key] : Number.NaN)
  const [x, y] = [(number("x") / 100) * w, (number("y") / 100) * h]
  const angle = turned(Number.isFinite(number("rotation")) ? number("rotation") : 0)
  const turn = angle === 0 ? {} : { angle }
  switch (shape) {
    case "rectangle": {
      const [bw, bh] = [(number("width") / 100) * w, (number("height") / 100) * h]
      const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))]
      const [cx, cy] = [x + (bw * cos - bh * sin) / 2, y + (bw * sin + bh * cos) / 2]
      return boxed("box", cx - bw / 2, cy - bh / 2, bw, bh, turn)
    }
    case "ellipse": {
      const [rx, ry] = [(number("radiusX") / 100) * w, (number("radiusY") / 100) * h]
      return boxed("ellipse", x - rx, y - ry, rx * 2, ry * 2, turn)
    }
    case "keypoint":
      return Number.isFinite(x) && Number.isFinite(y) ? { type: "point", at: [tidy(x), tidy(y)] } : null
    case "polygon":
      return pathOf(value.points, value.closed !== false, w, h)
    case "vector":
      return pathOf(verticesOf(value.vertices), value.closed === true, w, h)
    case "brush": {
      if (!Array.isArray(value.rle) || !value.rle.every((byte) => typeof byte === "number")) return null
      return maskOf(decodeBrush(value.rle, w, h), w, h)
    }
    default:
      return maskOf(spansOfBitmask(value.imageDataURL, w, h), w, h)
  }
}

function boxed(
  type: "box" | "ellipse",
  x: number,
  y: number,
  w: number,
  h: number,
  turn: { angle?: number },
) {
  const box: [number, number, number, number] = [tidy(x), tidy(y), tidy(w), tidy(h)]
  return box.every(Number.isFinite) && box[2] > 0 && box[3] > 0 ? ({ type, box, ...turn } as const) : null
}

function pathOf(points: unknown, closed: boolean, w: number, h: number): Outline | null {
  if (!Array.isArray(points) || points.length > 20_000) return null
  const out: [number, number][] = []
  for (const point of points) {
    if (!Array.isArray(point) || typeof point[0] !== "number" || typeof point[1] !== "number") return null
    out.push([tidy((point[0] / 100) * w), tidy((point[1] / 100) * h)])
  }
  if (!out.flat().every(Number.isFinite)) return null
  if (closed && out.length >= 3) return { type: "polygon", points: out }
  return out.length >= 2 ? { type: "line", points: out } : null
}

/** Vertices name the one before them; a path that forks is read along their order. */
function verticesOf(vertices: unknown): unknown {
  if (!Array.isArray(vertices)) return null
  return vertices.map((vertex: unknown) =>
    typeof vertex === "object" && vertex !== null && "x" in vertex && "y" in vertex
      ? [vertex.x, vertex.y]
      : null,
  )
}

function maskOf(spans: Int32Array | null, w: number, h: number): Outline | null {
  if (!spans || spans.length === 0) return null
  return { type: "mask", size: [h, w], counts: encodeRuns(spans, w * h) }
}

function spansOfBitmask(url: unknown, w: number, h: number): Int32Array | null {
  const text =
    typeof url === "string" ? /^data:image\/png;base64,([A-Za-z0-9+/=]+)$/.exec(url)?.[1] : undefined
  if (text === undefined) return null
  const png = decodePng(new Uint8Array(Buffer.from(text, "base64")), w * h)
  if (!png || png.w !== w || png.h !== h) return null
  // Black on transparent: where there is an alpha it says what is marked, else what is dark.
  const marked = new Uint8Array(w * h)
  const hasAlpha = png.channels === 4 || png.channels === 2
  for (let i = 0; i < marked.length; i++) {
    const last = png.samples[i * png.channels + (hasAlpha ? png.channels - 1 : 0)] ?? 0
    marked[i] = hasAlpha === last > 0 ? 1 : 0
  }
  return spansOfRows(marked, w, h)
}

/** What a control that draws nothing says. */
function answerOf(type: string, value: Record<string, unknown>): Answer | undefined {
  const of = value[type === "textarea" ? "text" : type]
  switch (type) {
    case "choices":
      if (!Array.isArray(of)) return undefined
      if (of.length === 1 && (of[0] === "true" || of[0] === "false")) return of[0] === "true"
      return of.every((choice) => typeof choice === "string") ? of.slice(0, 64) : pathsOf(of)
    case "taxonomy":
      return Array.isArray(of) ? pathsOf(of) : undefined
    case "rating":
    case "number":
      return typeof of === "number" && Number.isFinite(of) ? of : undefined
    case "datetime":
      return typeof of === "string" ? of.slice(0, 2_000) : undefined
    case "textarea":
      if (typeof of === "string") return of.slice(0, 2_000)
      return Array.isArray(of)
        ? of
            .filter((text) => typeof text === "string")
            .join("\n")
            .slice(0, 2_000)
        : undefined
    default:
      return undefined
  }
}

function pathsOf(of: readonly unknown[]): string[][] {
  return of
    .map((path) =>
      (Array.isArray(path) ? path : [path]).filter((step) => typeof step === "string").slice(0, 16),
    )
    .filter((path) => path.length > 0)
    .slice(0, 64)
}

function keepAnswer(into: Answers, name: string, said: Answer | undefined, say: Say): void {
  const key = name.toLowerCase()
  const steps = Array.isArray(said) ? said.flat() : []
  const fits = v.is(Key, key) && steps.every((step) => step.length > 0 && step.length <= 200)
  if (said === undefined) say("unread", `${name || "?"}: nothing that can be kept`)
  else if (!fits || Object.keys(into).length >= 64) say("answer", `${name}: cannot be kept`)
  else into[key] = said
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
      from_name: name,
      to_name,
      origin: "manual",
      ...answered(answer),
    })
  for (const region of drawing.regions) {
    const { id, kinds, outline } = region
    const place = { original_width: image.w, original_height: image.h, image_rotation: 0 }
    const geometry = geometryOf(outline, image)
    const type = typeOf[outline.type]
    out.push({
      id,
      from_name: dialect.controls[outline.type],
      to_name,
      type,
      origin: region.by === "model" ? "prediction" : "manual",
      ...place,
      value: { ...geometry, [type]: kinds.map(dialect.labelOf) },
      ...(region.score !== undefined && { score: region.score }),
      ...(region.locked && { readonly: true }),
      ...(region.hidden && { hidden: true }),
    })
    for (const [name, answer] of Object.entries(region.answers ?? {})) {
      const { type: kind, value } = answered(answer)
      // A brush is long; whoever joins results by id needs it once.
      const where = outline.type === "mask" ? {} : geometry
      out.push({
        id,
        from_name: name,
        to_name,
        type: kind,
        origin: "manual",
        ...place,
        value: { ...where, ...value },
      })
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

function geometryOf(outline: Outline, { w, h }: Size): Record<string, unknown> {
  const across = (x: number) => (x / w) * 100
  const down = (y: number) => (y / h) * 100
  switch (outline.type) {
    case "box": {
      const [x, y, bw, bh] = outline.box
      const angle = outline.angle ?? 0
      const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))]
      const left = x + bw / 2 - (bw * cos - bh * sin) / 2
      const top = y + bh / 2 - (bw * sin + bh * cos) / 2
      const rotation = tidy(angle < 0 ? angle + 360 : angle)
      return { x: across(left), y: down(top), width: across(bw), height: down(bh), rotation }
    }
    case "ellipse": {
      const [x, y, bw, bh] = outline.box
      const angle = outline.angle ?? 0
      return {
        x: across(x + bw / 2),
        y: down(y + bh / 2),
        radiusX: across(bw / 2),
        radiusY: down(bh / 2),
        rotation: tidy(angle < 0 ? angle + 360 : angle),
      }
    }
    case "polygon":
      return { points: outline.points.map(([x, y]) => [across(x), down(y)]), closed: true }
    case "line":
      return {
        vertices: outline.points.map(([x, y], i) => ({
          id: `v${i}`,
          x: across(x),
          y: down(y),
          prevPointId: i === 0 ? null : `v${i - 1}`,
          isBezier: false,
        })),
        closed: false,
      }
    case "point":
      return { x: across(outline.at[0]), y: down(outline.at[1]), width: 0.5 }
    case "mask":
      return { format: "rle", rle: encodeBrush(spansOf(outline), outline.size[1], outline.size[0]) }
  }
}

function answered(answer: Answer): { type: string; value: Record<string, unknown> } {
  if (typeof answer === "string") return { type: "textarea", value: { text: [answer] } }
  if (typeof answer === "number") return { type: "number", value: { number: answer } }
  if (typeof answer === "boolean") return { type: "choices", value: { choices: [String(answer)] } }
  const isTree = answer.length > 0 && Array.isArray(answer[0])
  return isTree
    ? { type: "taxonomy", value: { taxonomy: answer } }
    : { type: "choices", value: { choices: answer } }
}

/** An annotation as exports and imports carry it. */
const Annotation = v.looseObject({
  id: v.optional(v.nullable(v.union([v.number(), v.string()]))),
  completed_by: v.optional(v.unknown()),
  was_cancelled: v.optional(v.nullable(v.boolean())),
  ground_truth: v.optional(v.nullable(v.boolean())),
  created_at: v.optional(v.nullable(v.string())),
  updated_at: v.optional(v.nullable(v.string())),
  lead_time: v.optional(v.nullable(v.number())),
  unique_id: v.optional(v.nullable(v.string())),
  result: v.array(v.unknown()),
})
const Prediction = v.looseObject({
  model_version: v.optional(v.nullable(v.string())),
  score: v.optional(v.nullable(v.number())),
  result: v.array(v.unknown()),
})

/** One task of an export or import. Predictions of an export may be ids only; those say nothing. */
const LabelStudioTask = v.looseObject({
  id: v.optional(v.nullable(v.union([v.number(), v.string()]))),
  data: v.record(v.string(), v.unknown()),
  meta: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
  annotations: v.optional(v.nullable(v.array(Annotation)), []),
  predictions: v.optional(v.nullable(v.array(v.union([v.number(), Prediction]))), []),
})
type LabelStudioTask = v.InferOutput<typeof LabelStudioTask>

/** A task, or why it is none. As with results, those of a usual export need no schema. */
export function taskOf(raw: unknown): LabelStudioTask | string {
  if (isMap(raw) && isMap(raw.data) && raw.meta === undefined && Array.isArray(raw.annotations)) {
    const { id, annotations, predictions } = raw
    const isUsual =
      typeof id === "number" &&
      annotations.every(isUsualAnnotation) &&
      Array.isArray(predictions) &&
      predictions.every((one) => typeof one === "number")
    if (isUsual) return raw as LabelStudioTask
  }
  const parsed = v.safeParse(LabelStudioTask, raw)
  return parsed.success ? parsed.output : parsed.issues[0].message
}

const isTextOrNone = (value: unknown) => value === undefined || value === null || typeof value === "string"
const isFlagOrNone = (value: unknown) => value === undefined || value === null || typeof value === "boolean"
const isUsualAnnotation = (raw: unknown) =>
  isMap(raw) &&
  Array.isArray(raw.result) &&
  (raw.id === undefined || typeof raw.id === "number") &&
  isFlagOrNone(raw.was_cancelled) &&
  isFlagOrNone(raw.ground_truth) &&
  isTextOrNone(raw.created_at) &&
  isTextOrNone(raw.updated_at) &&
  isTextOrNone(raw.unique_id) &&
  (raw.lead_time === undefined || raw.lead_time === null || typeof raw.lead_time === "number")

/** The size the results of an annotation speak of; null when none does. */
export function sizeOfResults(results: readonly unknown[]): Size | null {
  for (const result of results)
    if (
      typeof result === "object" &&
      result !== null &&
      "original_width" in result &&
      "original_height" in result
    ) {
      const { original_width: w, original_height: h } = result
      if (Number.isInteger(w) && Number.isInteger(h) && Number(w) > 0 && Number(h) > 0)
        return { w: Number(w), h: Number(h) }
    }
  return null
}

type MinFacts = Record<string, unknown>

/** The flat form: the task's data, then one key for each control; a single choice or text stands bare. */
export function writeMin(
  data: MinFacts,
  results: readonly Record<string, unknown>[],
  facts: MinFacts,
): MinFacts {
  const out: MinFacts = { ...data }
  for (const { type, from_name, value, original_width, original_height } of results) {
    if (type === "relation" || typeof from_name !== "string") continue
    const of = value as Record<string, unknown>
    const bare = type === "choices" ? of.choices : type === "textarea" ? of.text : undefined
    const single =
      Array.isArray(bare) && bare.length === 1 && !("x" in of || "points" in of) ? bare[0] : undefined
    const entry = single ?? {
      ...of,
      ...(original_width !== undefined && { original_width, original_height }),
    }
    const known = out[from_name]
    if (single !== undefined && known === undefined) out[from_name] = entry
    else out[from_name] = [...(Array.isArray(known) ? known : known === undefined ? [] : [known]), entry]
  }
  return { ...out, ...facts }
}

/** Where a region lies, as one text: the flat form has no ids, and what was said of a region repeats where it lies. */
const placeKey = (value: MinFacts) =>
  JSON.stringify(
    ["x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "vertices"].map(
      (key) => value[key],
    ),
  )

/**
 * Takes the flat form apart: what looks like results becomes results again, the rest is the task's data. Regions are
 * numbered in their order; what was said of one finds it by its place.
 */
export function readMin(flat: MinFacts): { data: MinFacts; results: Record<string, unknown>[] } {
  const data: MinFacts = {}
  const results: Record<string, unknown>[] = []
  const said: Record<string, unknown>[] = []
  const places = new Map<string, string>()
  for (const [name, held] of Object.entries(flat)) {
    const items = Array.isArray(held) ? held : [held]
    const values = items.filter((item) => typeof item === "object" && item !== null) as MinFacts[]
    const typed = values.flatMap((value) => {
      const key = Object.keys(value).find(
        (one) => labelKeys.test(one) || /^(choices|taxonomy|rating|number|text)$/.test(one),
      )
      return key === undefined ? [] : [{ type: key === "text" ? "textarea" : key, value }]
    })
    if (typed.length === 0 || typed.length < items.length) {
      data[name] = held
      continue
    }
    for (const { type, value } of typed) {
      const { original_width, original_height, ...rest } = value
      const result = { from_name: name, type, original_width, original_height, value: rest }
      if (!labelKeys.test(type)) said.push(result)
      else {
        const id = `r${results.length + 1}`
        if (!places.has(placeKey(rest))) places.set(placeKey(rest), id)
        results.push({ id, ...result })
      }
    }
  }
  for (const result of said) {
    const id = hasGeometry(result.value as MinFacts)
      ? places.get(placeKey(result.value as MinFacts))
      : undefined
    results.push(
      id === undefined ? { ...result, value: withoutPlace(result.value as MinFacts) } : { id, ...result },
    )
  }
  return { data, results }
}

/** What is said of no region that is there is said of the picture. */
const withoutPlace = (value: MinFacts): MinFacts =>
  Object.fromEntries(
    Object.entries(value).filter(([key]) => /^(choices|taxonomy|rating|number|text)$/.test(key)),
  )
