import { XMLParser, XMLValidator } from "fast-xml-parser"

/**
 * Label Studio's labelling config: XML in which object tags show data and control tags ask about it. The text is kept to
 * the byte and never written again; this reads a copy. No document type, so no entities of one's own.
 */

/** A tag that asks something. `labels` are what results hold: the alias where there is one, else the value. */
export type Control = {
  readonly name: string
  readonly tag: string
  /** The `type` of its results. */
  readonly type: string
  readonly toName: readonly string[]
  readonly labels: readonly string[]
  /** The same as they lie in each other. */
  readonly choices: readonly Choice[]
  readonly attributesOf: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly attributes: Readonly<Record<string, string>>
}
/** One of them: `word` is what results hold, `shown` what people read. */
export type Choice = { readonly word: string; readonly shown: string; readonly inside: readonly Choice[] }
/** A tag that shows something; `key` is the field of the task's data it shows. */
export type Shown = { readonly name: string; readonly tag: string; readonly key: string | null }

export type LabelConfig = {
  readonly controls: readonly Control[]
  readonly objects: readonly Shown[]
  /** Tags kept in the text that nothing here knows. */
  readonly unknown: readonly string[]
}

/** What is wrong with a config, as sentences. */
export type ConfigFaults = readonly string[]

const longestConfig = 1024 * 1024

const objectTags = new Set([
  "Image",
  "Text",
  "HyperText",
  "Audio",
  "Video",
  "TimeSeries",
  "Table",
  "List",
  "Paragraphs",
  "Pdf",
  "Chat",
])
/** Controls and the tags inside of them that are their choices. */
const controlTags: Readonly<Record<string, string | null>> = {
  Choices: "Choice",
  Taxonomy: "Choice",
  Labels: "Label",
  RectangleLabels: "Label",
  PolygonLabels: "Label",
  EllipseLabels: "Label",
  KeyPointLabels: "Label",
  BrushLabels: "Label",
  BitmaskLabels: "Label",
  VectorLabels: "Label",
  HyperTextLabels: "Label",
  ParagraphLabels: "Label",
  TimeSeriesLabels: "Label",
  VideoRectangle: null,
  Rectangle: null,
  Polygon: null,
  Ellipse: null,
  KeyPoint: null,
  Brush: null,
  Bitmask: null,
  Vector: null,
  MagicWand: null,
  TextArea: null,
  Rating: null,
  Number: null,
  DateTime: null,
  Pairwise: null,
  Ranker: null,
}
const plainTags = new Set([
  "View",
  "Header",
  "Style",
  "Collapse",
  "Panel",
  "Filter",
  "Shortcut",
  "Relations",
  "Relation",
  "Choice",
  "Label",
  "Bucket",
  "Channel",
])

type Node = { tag: string; attributes: Record<string, string>; inside: Node[] }

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
})

/** Reads a config, or says what is wrong with it. */
export function readConfig(text: string): LabelConfig | ConfigFaults {
  if (text.length > longestConfig) return ["The labeling config is longer than 1 MB."]
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) return ["A labeling config has no document type and no entities."]
  const checked = XMLValidator.validate(text)
  if (checked !== true)
    return [`The labeling config is not well-formed XML: ${checked.err.msg} (line ${checked.err.line})`]
  let roots: Node[]
  try {
    roots = nodesOf(parser.parse(text))
  } catch (error) {
    return [`The labeling config cannot be read: ${error instanceof Error ? error.message : String(error)}`]
  }
  const root = roots[0]
  if (!root || roots.length > 1) return ["A labeling config has one outermost tag."]
  const all = everyNode(root)
  const controls = all.filter(({ tag }) => Object.hasOwn(controlTags, tag)).map(controlOf)
  const objects = all.filter(({ tag }) => objectTags.has(tag)).map(objectOf)
  const faults = faultsOf(controls, objects)
  if (faults.length > 0) return faults
  const known = (tag: string) => plainTags.has(tag) || objectTags.has(tag) || Object.hasOwn(controlTags, tag)
  // What is lower case is HTML inside of the layout.
  const unknown = new Set(all.map(({ tag }) => tag).filter((tag) => !known(tag) && /^[A-Z]/.test(tag)))
  return { controls, objects, unknown: [...unknown] }
}

export const isConfig = (read: LabelConfig | ConfigFaults): read is LabelConfig => !Array.isArray(read)

function faultsOf(controls: readonly Control[], objects: readonly Shown[]): string[] {
  const faults: string[] = []
  const names = [...controls, ...objects].map(({ name }) => name)
  for (const { name, tag } of [...controls, ...objects]) if (!name) faults.push(`A ${tag} has no name.`)
  const twice = names.find((name, i) => name && names.indexOf(name) !== i)
  if (twice !== undefined) faults.push(`Label config contains non-unique names: ${twice}`)
  for (const { name, tag, toName, labels } of controls) {
    if (toName.length === 0) faults.push(`The ${tag} "${name}" has no toName.`)
    for (const to of toName) if (!names.includes(to)) faults.push(`toName="${to}" not found in names`)
    if (controlTags[tag] !== null && labels.some((label) => label === ""))
      faults.push(`A label of "${name}" has no value.`)
  }
  return faults
}

function controlOf(node: Node): Control {
  const { tag, attributes } = node
  const choices = everyNode(node)
    .slice(1)
    .filter((inner) => inner.tag === controlTags[tag])
  return {
    name: attributes.name ?? "",
    tag,
    type: tag.toLowerCase(),
    toName: (attributes.toName ?? "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    labels: choices.map(nameOf),
    choices: choicesIn(node, controlTags[tag] ?? null),
    attributesOf: Object.fromEntries(choices.map((choice) => [nameOf(choice), choice.attributes])),
    attributes,
  }
}

const nameOf = ({ attributes }: Node): string => attributes.alias ?? attributes.value ?? ""

/** What lies between them is layout. */
function choicesIn({ inside }: Node, tag: string | null): Choice[] {
  return inside.flatMap((node) => {
    const below = choicesIn(node, tag)
    if (node.tag !== tag) return below
    return [{ word: nameOf(node), shown: node.attributes.value ?? nameOf(node), inside: below }]
  })
}

function objectOf({ tag, attributes }: Node): Shown {
  const value = attributes.value ?? attributes.valueList ?? ""
  return { name: attributes.name ?? "", tag, key: /^\$([\w.-]+)/.exec(value)?.[1] ?? null }
}

function everyNode(node: Node): Node[] {
  return [node, ...node.inside.flatMap(everyNode)]
}

/** The parser's shape: an object per tag whose one key beside `:@` is the tag's name. */
function nodesOf(raw: unknown): Node[] {
  if (!Array.isArray(raw)) return []
  return raw.flatMap((entry: Record<string, unknown>) => {
    const tag = Object.keys(entry).find((key) => key !== ":@" && key !== "#text" && key !== "#comment")
    if (tag === undefined) return []
    const attributes = (entry[":@"] ?? {}) as Record<string, string>
    return [{ tag, attributes, inside: nodesOf(entry[tag]) }]
  })
}

/** The config as programs ask for it: what each control asks, about what, with which words. */
export function parsedConfig({ controls, objects }: LabelConfig): Record<string, unknown> {
  return Object.fromEntries(
    controls.map(({ name, tag, toName, labels, attributesOf }) => [
      name,
      {
        type: tag,
        to_name: toName,
        inputs: toName.flatMap((to) => {
          const shown = objects.find((object) => object.name === to)
          return shown ? [{ type: shown.tag, value: shown.key ?? "", valueType: null }] : []
        }),
        labels,
        labels_attrs: attributesOf,
      },
    ]),
  )
}

/** The key of a task's data that holds its picture: that of the first image shown. */
export const pictureKey = ({ objects }: LabelConfig): string | null =>
  objects.find(({ tag }) => tag === "Image")?.key ?? null

/** Controls and labels that results use and a config lacks; empty when it fits all of them. */
export function orphansOf(
  config: LabelConfig,
  used: readonly { control: string; labels: readonly string[] }[],
): string[] {
  return used.flatMap(({ control, labels }) => {
    const there = config.controls.find(({ name }) => name === control)
    if (!there) return [`control "${control}"`]
    if (there.labels.length === 0) return []
    return labels
      .filter((label) => !there.labels.includes(label))
      .map((label) => `"${label}" of "${control}"`)
  })
}
