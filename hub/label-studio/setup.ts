import * as v from "valibot"
import { type DrawingTool, Question, type TreeOption } from "#contract/questions"
import type { Choice, Control, LabelConfig } from "./config.rules.ts"
import { isRegionControl, questionControls, questionKey } from "./dialect.ts"

const toolsOf: Readonly<Record<string, readonly DrawingTool[]>> = {
  Rectangle: ["box"],
  Ellipse: ["ellipse"],
  Polygon: ["polygon"],
  Vector: ["line"],
  KeyPoint: ["point"],
  Brush: ["brush"],
  Bitmask: ["brush"],
  MagicWand: ["segment"],
}

/**
 * A labelling config as tools and questions. Answers keep the config's own words, so that what is said on a tablet is what
 * its programs look for. The verdict and the names of defects are asked by the Label screen itself.
 */
export function setupOf(config: LabelConfig): {
  tools: DrawingTool[]
  questions: Question[]
  /** Controls that have no place there. */
  left: string[]
} {
  const images = config.objects.filter(({ tag }) => tag === "Image").map(({ name }) => name)
  const ours = (control: Control) => control.toName.some((name) => images.includes(name))
  const drawn = config.controls.filter(
    (control) => ours(control) && (isRegionControl(control) || control.tag === "MagicWand"),
  )
  const tools = new Set<DrawingTool>()
  for (const { tag, attributes } of drawn) {
    for (const tool of toolsOf[tag.replace(/Labels$/, "")] ?? []) tools.add(tool)
    if (tag.startsWith("Rectangle") && attributes.canRotate === "true") tools.add("rotated")
    if (attributes.smart === "true") tools.add("segment")
  }
  const questions: Question[] = []
  const left: string[] = []
  const asked = new Set(questionControls(config))
  for (const control of config.controls) {
    const isVerdict = control.tag === "Choices" && !asked.has(control)
    if (drawn.includes(control) || isVerdict) continue
    const question = ours(control) && asked.has(control) ? questionOf(control) : null
    const taken = question !== null && questions.some(({ key }) => key === question.key)
    if (question === null || taken) left.push(`${control.tag} ${control.name}`)
    else if (question.key !== note) questions.push(question)
  }
  return { tools: [...tools], questions, left }
}

/** Every region has a text of its own under this key. */
const note = "note"

const named = (text: string) => {
  const name = text.trim().slice(0, 64).trim() || "?"
  return { ko: name, en: name }
}

const branch = ({ word, shown, inside }: Choice): TreeOption => ({
  key: word,
  names: named(shown),
  ...(inside.length > 0 && { options: inside.map(branch) }),
})

/** Null for what cannot be asked here. */
function questionOf({ name, tag, attributes, choices }: Control): Question | null {
  const common = {
    key: questionKey(name),
    names: named(name),
    of: attributes.perRegion === "true" ? "region" : "image",
    required: attributes.required === "true",
  }
  const parsed = v.safeParse(Question, { ...common, ...typeOf() })
  return parsed.success ? parsed.output : null

  function typeOf(): Record<string, unknown> {
    switch (tag) {
      case "Choices": {
        const several = attributes.choice === "multiple"
        const isFlat = choices.length > 1 && choices.every(({ inside }) => inside.length === 0)
        return isFlat
          ? {
              type: "choice",
              several,
              options: choices.map(({ word, shown }) => ({ key: word, names: named(shown) })),
            }
          : { type: "tree", several, options: choices.map(branch) }
      }
      case "Taxonomy":
        return { type: "tree", several: attributes.maxUsages !== "1", options: choices.map(branch) }
      case "Rating":
        return { type: "rating", most: Number(attributes.maxRating ?? 5) }
      case "Number":
        return {
          type: "number",
          ...(attributes.min !== undefined && { min: Number(attributes.min) }),
          ...(attributes.max !== undefined && { max: Number(attributes.max) }),
        }
      case "TextArea":
        return { type: "text" }
      default:
        return {}
    }
  }
}
