import type { Outline } from "./document.ts"
import { columnsOf, cornersOf } from "./outline.ts"

/** What is stroked and what is filled of an outline, in pixels of the image. */
type Paths = { readonly edge: Path2D; readonly fill?: Path2D }

const known = new WeakMap<Outline, Paths>()

/** The paths of an outline. An outline never changes, so its paths are made once; a point has none, it is drawn in place. */
export function pathsOf(outline: Outline): Paths {
  let paths = known.get(outline)
  if (!paths) {
    paths = outline.type === "mask" ? maskPaths(outline) : { edge: edgeOf(outline) }
    known.set(outline, paths)
  }
  return paths
}

function edgeOf(outline: Exclude<Outline, { type: "mask" }>): Path2D {
  const path = new Path2D()
  if (outline.type === "point") return path
  if (outline.type === "ellipse") {
    const [x, y, w, h] = outline.box
    const angle = ((outline.angle ?? 0) * Math.PI) / 180
    path.ellipse(x + w / 2, y + h / 2, w / 2, h / 2, angle, 0, Math.PI * 2)
    return path
  }
  cornersOf(outline).forEach(({ x, y }, i) => {
    if (i === 0) path.moveTo(x, y)
    else path.lineTo(x, y)
  })
  if (outline.type !== "line") path.closePath()
  return path
}

/** The edge of a mask runs where a pixel that belongs to it lies beside one that does not. */
function maskPaths(mask: Outline & { type: "mask" }): Paths {
  const [edge, fill] = [new Path2D(), new Path2D()]
  const columns = columnsOf(mask)
  /** Level pieces of the edge that go on from column to column are one line. */
  const level = new Map<number, number>()
  const endLevel = (y: number, from: number, to: number) => {
    edge.moveTo(from, y)
    edge.lineTo(to, y)
  }
  const xs = [...columns.keys()].sort((a, b) => a - b)
  let before: readonly number[] = []
  let last = -2
  for (const x of xs) {
    const own = columns.get(x) ?? []
    if (x !== last + 1) {
      for (const [y, from] of level) endLevel(y, from, last + 1)
      level.clear()
      upright(edge, last + 1, before, [])
      before = []
    }
    upright(edge, x, before, own)
    for (const y of [...level.keys()])
      if (!own.includes(y)) {
        endLevel(y, level.get(y) ?? x, x)
        level.delete(y)
      }
    for (const y of own) if (!level.has(y)) level.set(y, x)
    for (let i = 0; i < own.length; i += 2) fill.rect(x, own[i] ?? 0, 1, (own[i + 1] ?? 0) - (own[i] ?? 0))
    before = own
    last = x
  }
  for (const [y, from] of level) endLevel(y, from, last + 1)
  upright(edge, last + 1, before, [])
  return { edge, fill }
}

/** The upright pieces of the edge between two columns: where one of them has pixels and the other has none. */
function upright(edge: Path2D, x: number, a: readonly number[], b: readonly number[]): void {
  const ends = [...a, ...b].sort((p, q) => p - q)
  for (let i = 0; i + 1 < ends.length; i += 2) {
    const [from, to] = [ends[i] ?? 0, ends[i + 1] ?? 0]
    if (from === to) continue
    edge.moveTo(x, from)
    edge.lineTo(x, to)
  }
}
