import { firstPicture } from "#contract/first-picture"
import type { LabelTask, LabelVerdict } from "#contract/labelling"
import type { Shape } from "../editor/document.ts"
import type { first as Words } from "../i18n/ko/first.ts"
import { followPress } from "../parts/press.ts"

const svgSpace = "http://www.w3.org/2000/svg"
/** Of the names beside what the model has marked, in pixels of the screen. */
const nameSize = 16
/** From here on the editor shows the camera's own pixels. */
const nearScale = 4

type Attributes = Readonly<Record<string, string | number>>

function fill<E extends Element>(
  element: E,
  attributes: Attributes,
  children: readonly (Node | string)[],
): E {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  element.append(...children)
  return element
}
const html = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
) => fill(document.createElement(name), attributes, children)
const svg = <K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
) => fill(document.createElementNS(svgSpace, name), attributes, children)

/** The plant's signs, as the screens draw them. */
const marks: Readonly<Record<string, readonly ["circle" | "path", Attributes]>> = {
  ok: ["circle", { cx: 12, cy: 12, r: 8 }],
  ng: ["path", { d: "M5.500 5.500l13 13M18.500 5.500l-13 13" }],
  unsure: ["path", { d: "M12 4.500 20.500 19h-17Z" }],
  undecidable: ["path", { d: "M12 4.500 20.500 19h-17Z" }],
  undefined: ["path", { d: "M6 12h12" }],
}

function mark(verdict: string, size: number, edged = false): SVGElement {
  const [shape, attributes] = marks[verdict] ?? (["path", { d: "M6 12h12" }] as const)
  const edge = { ...attributes, class: "mark-edge" }
  return svg(
    "svg",
    {
      class: `mark mark-${verdict}`,
      width: size,
      height: size,
      viewBox: "0 0 24 24",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 3,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
      "aria-hidden": "true",
    },
    ...(edged ? [svg(shape, edge), svg(shape, edge)] : []),
    svg(shape, attributes),
  )
}

const keyOf: Readonly<Record<LabelVerdict, string>> = { ok: "O", unsure: "U", ng: "X" }

/**
 * The work screen as it is first seen: the part, what the model has marked on it, and the three verdicts, each where the
 * screens will have it. By hand and not by components, so that it is there before they are.
 */
export function drawFirst(
  place: HTMLElement,
  {
    task,
    shapes,
    words,
    nameOf,
    hand,
    hints,
    onPress,
  }: {
    task: LabelTask
    shapes: readonly Shape[]
    words: typeof Words
    nameOf: (kind: string) => string
    hand: "left" | "right"
    /** Whether the buttons say their keys. */
    hints: boolean
    onPress: (verdict: LabelVerdict) => "judged" | "later" | "nothing"
  },
) {
  const { inspection, reason, asked_by } = task
  const { verdict, image, part_id, id, device_id } = inspection
  const tone = verdict.eval === "undecidable" ? "unsure" : verdict.eval
  const picture = html("img", { class: "first-picture", alt: part_id ?? id.slice(-8), decoding: "sync" })
  if (image) picture.src = firstPicture(image)

  const button = (of: LabelVerdict) => {
    const made = html(
      "button",
      { type: "button", class: `verdict verdict-${of}`, disabled: "", "data-testid": `first-${of}` },
      mark(of, 52),
      html("span", { class: "verdict-name" }, words.verdict[of]),
      ...(hints ? [html("kbd", { class: "key verdict-key" }, keyOf[of])] : []),
    )
    followPress(made, {
      held: (held) => made.classList.toggle("verdict-held", held),
      press: () => {
        const became = onPress(of)
        if (became === "judged") judged(of)
        if (became === "later") made.classList.add("verdict-held")
      },
    })
    return made
  }
  const buttons = [button("ok"), button("unsure"), button("ng")]
  const stage = html("div", { class: "stage" }, picture)

  function judged(of: LabelVerdict): void {
    for (const made of buttons) made.disabled = true
    stage.replaceChildren(
      html("div", { class: "first-next", role: "status" }, words.loadingPart),
      html("div", { class: `stamp stamp-${of}`, "aria-hidden": "true" }, mark(of, 200, true)),
    )
  }

  place.append(
    html(
      "main",
      { class: "work", "data-hand": hand },
      html(
        "header",
        { class: "top" },
        html(
          "div",
          { class: "top-why" },
          html(
            "span",
            { class: `tag tag-${tone === "undefined" ? "neutral" : tone}` },
            mark(verdict.eval, 16),
            words.verdict[verdict.eval],
          ),
          html("span", { class: "top-reason" }, asked_by === undefined ? words.reason[reason] : ""),
          html("span", { class: "top-part muted num" }, `${part_id ?? id.slice(-8)} · ${device_id}`),
        ),
      ),
      stage,
      html("div", { class: "verdicts" }, ...buttons),
    ),
  )

  function drawMarks(): void {
    if (!image) return
    const scale = Math.min(stage.clientWidth / image.w, stage.clientHeight / image.h)
    picture.classList.toggle("first-picture-near", scale >= nearScale)
    const size = nameSize / scale
    stage.append(
      svg(
        "svg",
        { class: "first-marks", viewBox: `0 0 ${image.w} ${image.h}`, "aria-hidden": "true" },
        ...shapes.flatMap(({ outline, kind }, i) => {
          if (outline.type !== "box") return []
          const [x, y, width, height] = outline.box
          const text = svg(
            "text",
            {
              x,
              y: y < 2 * size ? y + 1.4 * size : y - 0.6 * size,
              "font-size": size,
              "stroke-width": size / 4,
            },
            `${i + 1}  ${nameOf(kind)} ?`,
          )
          const box = { x, y, width, height }
          return [svg("g", {}, svg("rect", box), svg("rect", box)), text]
        }),
      ),
    )
  }

  return {
    /** Settles when the picture is here, to be painted with the next frame; rejects when it cannot be opened. */
    loaded: async (): Promise<void> => {
      if (!picture.complete)
        await new Promise((resolve, reject) => {
          picture.onload = resolve
          picture.onerror = reject
        })
      if (picture.naturalWidth === 0) throw new Error("the picture cannot be opened")
      if (shapes.length > 0) drawMarks()
    },
    ready(): void {
      for (const made of buttons) made.disabled = false
    },
    end: () => place.remove(),
  }
}
