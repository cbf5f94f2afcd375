import type { Outline, Point } from "#contract/drawing"
import { decodeRuns, encodeRuns, type Spans } from "#contract/outline"
import {
  areaOfRing,
  boundsOn,
  boxOfCorners,
  fillSpans,
  maskOfSpans,
  ringsOf,
  round,
  unionSpans,
} from "./geometry.format.ts"

/**
 * What COCO says of one thing in a picture. A turned box is its four corners and says its angle in `attributes.rotation`, as
 * CVAT and Datumaro have it; an ellipse becomes a polygon.
 */
type Annotation = Record<string, unknown>

/** An outline as an instance; null for one that has no area. */
export function instance(outline: Outline, image: { w: number; h: number }): Annotation | null {
  const bbox = boundsOn(outline, image).map((n) => round(n, 2))
  switch (outline.type) {
    case "box":
      if (!outline.angle)
        return { segmentation: [], bbox, area: round((bbox[2] ?? 0) * (bbox[3] ?? 0), 2), iscrowd: 0 }
      return { ...polygons(ringsOf(outline), bbox), attributes: { rotation: outline.angle } }
    case "ellipse":
    case "polygon":
      return polygons(ringsOf(outline), bbox)
    case "mask": {
      const { size, counts } = outline
      const spans = decodeRuns(counts, size[0] * size[1]) ?? new Int32Array()
      let area = 0
      for (let i = 0; i < spans.length; i += 2) area += (spans[i + 1] ?? 0) - (spans[i] ?? 0)
      return { segmentation: { size, counts }, bbox, area, iscrowd: 0 }
    }
    default:
      return null
  }
}

const polygons = (rings: readonly Point[][], bbox: number[]): Annotation => ({
  segmentation: rings.map((ring) => ring.flat().map((n) => round(n, 3))),
  bbox,
  area: round(
    rings.reduce((sum, ring) => sum + areaOfRing(ring), 0),
    2,
  ),
  iscrowd: 0,
})

/** A point as one; null for any other outline. */
export function keypoint(outline: Outline, { w, h }: { w: number; h: number }): Annotation | null {
  if (outline.type !== "point") return null
  const [x, y] = [round(outline.at[0], 3), round(outline.at[1], 3)]
  const inside = x >= 0 && y >= 0 && x <= w && y <= h
  return {
    keypoints: [x, y, inside ? 2 : 1],
    num_keypoints: 1,
    segmentation: [],
    bbox: [x, y, 0, 0],
    area: 0,
    iscrowd: 0,
  }
}

/** The outlines that an annotation means; null where it is none of COCO's forms. */
export function outlinesOf(
  fields: Record<string, unknown>,
  image: { w: number; h: number },
): Outline[] | null {
  const { segmentation, bbox, keypoints, attributes } = fields
  if (isNumbers(keypoints) && keypoints.length >= 3) {
    const out: Outline[] = []
    for (let i = 0; i + 2 < keypoints.length; i += 3)
      if (keypoints[i + 2]) out.push({ type: "point", at: [keypoints[i] ?? 0, keypoints[i + 1] ?? 0] })
    if (out.length > 0) return out
  }
  if (
    typeof segmentation === "object" &&
    segmentation !== null &&
    "counts" in segmentation &&
    "size" in segmentation
  ) {
    const { counts, size } = segmentation
    if (!isNumbers(size) || size.length !== 2) return null
    const [h = 0, w = 0] = size
    if (!(Number.isInteger(h) && Number.isInteger(w) && h > 0 && w > 0 && h <= 65_535 && w <= 65_535))
      return null
    const spans =
      typeof counts === "string"
        ? decodeRuns(counts, h * w)
        : isNumbers(counts)
          ? spansOfRuns(counts, h * w)
          : null
    return spans && spans.length > 0
      ? [{ type: "mask", size: [h, w], counts: encodeRuns(spans, h * w) }]
      : null
  }
  if (Array.isArray(segmentation) && segmentation.length > 0) {
    const rings: Point[][] = []
    for (const ring of segmentation) {
      if (!isNumbers(ring) || ring.length < 6 || ring.length > 40_000) return null
      rings.push(
        Array.from({ length: ring.length >> 1 }, (_, i): Point => [ring[i * 2] ?? 0, ring[i * 2 + 1] ?? 0]),
      )
    }
    const [first] = rings
    if (!first) return null
    const turned =
      typeof attributes === "object" && attributes !== null && "rotation" in attributes && attributes.rotation
    const made = turned && rings.length === 1 ? boxOfCorners(first) : null
    if (made) return [{ type: "box", box: made.box, ...(made.angle !== 0 && { angle: made.angle }) }]
    if (rings.length === 1) return [{ type: "polygon", points: first }]
    // Several rings are one thing that something else hides in part.
    const mask = maskOfSpans(
      unionSpans(rings.map((points) => fillSpans({ type: "polygon", points }, image))),
      image,
    )
    return mask ? [mask] : null
  }
  if (!isNumbers(bbox) || bbox.length !== 4) return null
  const [x = 0, y = 0, w = 0, h = 0] = bbox
  return w > 0 && h > 0 ? [{ type: "box", box: [x, y, w, h] }] : null
}

/** Counts that are not compressed: lengths of runs, the first of them outside. */
function spansOfRuns(runs: readonly number[], total: number): Spans | null {
  const out: number[] = []
  let at = 0
  for (const [i, run] of runs.entries()) {
    if (!Number.isInteger(run) || run < 0) return null
    if (i % 2 === 1 && run > 0) {
      if (out.at(-1) === at) out[out.length - 1] = at + run
      else out.push(at, at + run)
    }
    at += run
  }
  return at === total ? Int32Array.from(out) : null
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => typeof n === "number" && Number.isFinite(n))
