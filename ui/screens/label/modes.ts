import type { DrawingTool } from "#contract/questions"
import type { Mode } from "../../editor/state.ts"
import type { IconName } from "../../parts/icon.tsx"

/** Every drawing tool, in the order the panel shows them. */
export const drawingModes = [
  "box",
  "rotated",
  "ellipse",
  "polygon",
  "line",
  "point",
  "brush",
  "link",
  "segment",
] as const satisfies readonly (Mode & DrawingTool)[]

/** The sign of each tool. */
export const modeIcons: Readonly<Record<Mode, IconName>> = {
  hand: "hand",
  marquee: "marquee",
  box: "box",
  rotated: "rotated",
  ellipse: "ellipse",
  polygon: "polygon",
  line: "polyline",
  point: "point",
  brush: "brush",
  eraser: "eraser",
  link: "link",
  segment: "wand",
}

/** Whether somebody with these drawing tools has a tool: hand and frame are everybody's, the eraser is the brush's. */
export const hasMode = (tools: readonly DrawingTool[], mode: Mode): boolean =>
  mode === "hand" ||
  mode === "marquee" ||
  (mode === "eraser" ? tools.includes("brush") : tools.includes(mode))
