import { createHash } from "node:crypto"
import * as v from "valibot"
import type { DefectClass } from "#contract/catalogue"
import { Key } from "#contract/ids"
import type { LabelVerdict, NewLabel, StoredImage } from "#contract/labelling"
import { boxesOf } from "#contract/outline"
import { type LabelStudioDialect, readResults } from "../exchange/label-studio.format.ts"
import type { Control, LabelConfig } from "./config.rules.ts"

/** Words that plants use for a verdict; compared without case. */
const verdictWords: Readonly<Record<LabelVerdict, readonly string[]>> = {
  ok: ["ok", "okay", "good", "pass", "passed", "normal", "accept", "양품", "정상", "합격"],
  ng: [
    "ng",
    "nok",
    "not ok",
    "bad",
    "fail",
    "failed",
    "defect",
    "defective",
    "abnormal",
    "reject",
    "불량",
    "불합격",
  ],
  unsure: ["unsure", "unclear", "hold", "maybe", "보류", "불확실", "모름"],
}
const plain = (text: string) => text.normalize("NFKC").trim().toLowerCase()
const verdictOfWord = (word: string) =>
  (Object.keys(verdictWords) as LabelVerdict[]).find((verdict) => verdictWords[verdict].includes(plain(word)))

const regionTags = {
  box: ["RectangleLabels", "Rectangle"],
  ellipse: ["EllipseLabels", "Ellipse"],
  polygon: ["PolygonLabels", "Polygon"],
  line: ["VectorLabels", "Vector"],
  point: ["KeyPointLabels", "KeyPoint"],
  mask: ["BrushLabels", "BitmaskLabels", "Brush", "Bitmask"],
} as const

const questionTags: ReadonlySet<string> = new Set([
  "Choices",
  "Taxonomy",
  "Rating",
  "Number",
  "TextArea",
  "DateTime",
])

export const isRegionControl = ({ tag }: Control) =>
  tag === "Labels" || Object.values(regionTags).some((tags) => (tags as readonly string[]).includes(tag))

/** Choices about the whole part, one of which says that it is good. */
function verdictControl(config: LabelConfig): Control | undefined {
  return config.controls.find(
    ({ tag, labels, attributes }) =>
      tag === "Choices" &&
      attributes.perRegion !== "true" &&
      labels.some((label) => verdictOfWord(label) === "ok"),
  )
}

/** The words of a config that name what can be wrong with a part, in their order. */
export function defectLabels(config: LabelConfig): string[] {
  const choices = verdictControl(config)?.labels.filter((label) => verdictOfWord(label) === undefined) ?? []
  const drawn = config.controls.filter(isRegionControl).flatMap(({ labels }) => labels)
  return [...new Set([...drawn, ...choices])]
}

/** The catalogue's key for a word: the word itself where that can be, else a number made of it. */
export function keyOfLabel(label: string): string {
  const slug = plain(label)
    .replaceAll(/[^a-z0-9_.-]+/g, "-")
    .replaceAll(/^[-_.]+|[-_.]+$/g, "")
  const isWhole = /^[\p{ASCII}]*$/u.test(label) && slug !== ""
  if (isWhole && slug.length <= 64) return slug
  return `k-${createHash("sha256").update(plain(label)).digest("hex").slice(0, 12)}`
}

/** Under which key what a control asks is answered. */
export const questionKey = (control: string): string =>
  v.is(Key, control.toLowerCase()) ? control.toLowerCase() : keyOfLabel(control)

/** The controls that ask something beside the verdict and draw nothing. */
export const questionControls = (config: LabelConfig): Control[] => {
  const asked = verdictControl(config)
  return config.controls.filter((control) => control !== asked && questionTags.has(control.tag))
}

type Names = Pick<DefectClass, "key" | "names">

/** The class a word means: one of that name in any language, or of that key. */
export function classOfLabel(label: string, classes: readonly Names[]): Names | undefined {
  const word = plain(label)
  return (
    classes.find(({ names }) => Object.values(names).some((name) => plain(name) === word)) ??
    classes.find(({ key }) => key === keyOfLabel(label))
  )
}

/** What stands between a config's words and ours. */
export function dialectOf(config: LabelConfig, classes: readonly Names[]): LabelStudioDialect {
  const image = config.objects.find(({ tag }) => tag === "Image")?.name ?? "image"
  const drawnBy = (kind: keyof typeof regionTags) =>
    regionTags[kind]
      .map((tag) => config.controls.find((one) => one.tag === tag))
      .find((one) => one !== undefined)
  const control = (kind: keyof typeof regionTags) => drawnBy(kind)?.name ?? kind
  const naming = config.controls.find(({ tag }) => tag === "Labels")
  const outlines = (Object.keys(regionTags) as (keyof typeof regionTags)[]).filter(
    (kind) => drawnBy(kind)?.tag.endsWith("Labels") === false,
  )
  const asking = questionControls(config)
  const asked = verdictControl(config)
  const ofVerdict = (verdict: LabelVerdict) =>
    asked?.labels.filter((label) => verdictOfWord(label) === verdict) ?? []
  const words = new Map<string, string>()
  const kinds = new Map<string, string>()
  for (const label of defectLabels(config)) {
    const kind = plain(label) === "unknown" ? "unknown" : classOfLabel(label, classes)?.key
    if (kind === undefined) continue
    kinds.set(label, kind)
    if (!words.has(kind)) words.set(kind, label)
  }
  return {
    image,
    controls: {
      box: control("box"),
      ellipse: control("ellipse"),
      polygon: control("polygon"),
      line: control("line"),
      point: control("point"),
      mask: control("mask"),
    },
    bare: naming ? { outlines: new Set(outlines), labels: naming.name } : null,
    asks: {
      keyOf: questionKey,
      controlOf: (key) => asking.find(({ name }) => questionKey(name) === key),
    },
    masks: drawnBy("mask")?.tag.startsWith("Bitmask") ? "bitmask" : "brush",
    verdict: asked
      ? { control: asked.name, ok: ofVerdict("ok"), ng: ofVerdict("ng"), unsure: ofVerdict("unsure") }
      : null,
    labelOf: (kind) => words.get(kind) ?? kind,
    kindOf: (label) => kinds.get(label),
  }
}

/** What an annotation says as a label of ours, or why it says none. */
export type Said =
  | { label: Pick<NewLabel, "verdict" | "kinds" | "boxes" | "drawing">; note: string | null }
  | { label: null; note: string }

/**
 * The label of one annotation. Choices beside OK and NG in the verdict's control name what is wrong; a part on which
 * something is drawn is NG unless the annotation says otherwise; where things are drawn and nothing is, it is good.
 */
export function labelOfResults(
  results: readonly unknown[],
  image: Pick<StoredImage, "w" | "h">,
  config: LabelConfig,
  dialect: LabelStudioDialect,
): Said {
  const { verdict, drawing, remarks } = readResults(results, image, dialect)
  const chosen = chosenKinds(results, dialect)
  const kinds = [...new Set([...drawing.regions.flatMap((region) => region.kinds), ...chosen])].slice(0, 16)
  const note = noteOf(remarks.filter(({ code }) => code !== "unknown_choice" || chosen.length === 0))
  const answers = drawing.answers !== undefined
  const whole = drawing.regions.length > 0 || answers ? { drawing } : {}
  const said = (of: NewLabel["verdict"], named: string[], why: string | null = note): Said => ({
    label: { verdict: of, kinds: named, boxes: boxesOf(drawing, image).slice(0, 64), ...whole },
    note: why,
  })
  if (verdict === "ok")
    return kinds.length === 0
      ? said("ok", [])
      : said("unsure", kinds, "it says OK and shows what is wrong: a second look decides")
  if (verdict === "unsure") return said("unsure", kinds)
  if (verdict === "ng") return said("ng", kinds.length > 0 ? kinds : ["unknown"])
  if (kinds.length > 0) return said("ng", kinds)
  const draws = config.controls.some(isRegionControl)
  if (draws && !answers && remarks.length === 0) return said("ok", [])
  return { label: null, note: note ?? "it says nothing of good or bad" }
}

function chosenKinds(results: readonly unknown[], dialect: LabelStudioDialect): string[] {
  const control = dialect.verdict?.control
  return results.flatMap((item) => {
    const { from_name, value } = item as { from_name?: unknown; value?: { choices?: unknown } }
    if (control === undefined || from_name !== control || !Array.isArray(value?.choices)) return []
    return value.choices.flat().flatMap((choice) => dialect.kindOf(String(choice)) ?? [])
  })
}

function noteOf(remarks: readonly { code: string; detail: string }[]): string | null {
  if (remarks.length === 0) return null
  const first = remarks.slice(0, 3).map(({ code, detail }) => `${code}: ${detail}`)
  return [...first, ...(remarks.length > 3 ? [`and ${remarks.length - 3} more`] : [])]
    .join("; ")
    .slice(0, 500)
}

/** Which controls and words results use, so that a changed config can be held against them. */
export function usedBy(results: readonly unknown[]): { control: string; labels: string[] }[] {
  return results.flatMap((item) => {
    const { from_name, type, value } = item as { from_name?: unknown; type?: unknown; value?: unknown }
    if (typeof from_name !== "string" || typeof type !== "string") return []
    const named = (value as Record<string, unknown> | undefined)?.[type]
    const labels = Array.isArray(named) ? named.flat().filter((label) => typeof label === "string") : []
    return [{ control: from_name, labels: type === "taxonomy" || type === "textarea" ? [] : labels }]
  })
}
