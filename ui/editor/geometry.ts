import type { Box } from "#contract/inspection"

/** A place on the original image, in its pixels. */
export type ImagePoint = { readonly space: "image"; readonly x: number; readonly y: number }
/** A place on the stage, in CSS pixels from its top-left corner. */
export type ScreenPoint = { readonly space: "screen"; readonly x: number; readonly y: number }
export type Size = { readonly w: number; readonly h: number }
export type { Box }

export const imagePoint = (x: number, y: number): ImagePoint => ({ space: "image", x, y })
export const screenPoint = (x: number, y: number): ScreenPoint => ({ space: "screen", x, y })

export const distance = (a: { x: number; y: number }, b: { x: number; y: number }): number =>
  Math.hypot(a.x - b.x, a.y - b.y)

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), Math.max(low, high))

/** The eight places a box can be pulled at, by compass. */
export const handles = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const
export type Handle = (typeof handles)[number]

/** Smallest side of a box in image pixels: below it nothing can be seen or pulled. */
export const minBox = 4

/** The box spanned by two opposite corners, kept on the image. */
export function boxFromCorners(a: ImagePoint, b: ImagePoint, size: Size): Box {
  const left = clamp(Math.min(a.x, b.x), 0, size.w)
  const top = clamp(Math.min(a.y, b.y), 0, size.h)
  const right = clamp(Math.max(a.x, b.x), 0, size.w)
  const bottom = clamp(Math.max(a.y, b.y), 0, size.h)
  return [left, top, right - left, bottom - top]
}

export const isDrawable = (box: Box): boolean => box[2] >= minBox && box[3] >= minBox

/** The box shifted as far as the image allows; its size stays. */
export function moveBox([x, y, w, h]: Box, dx: number, dy: number, size: Size): Box {
  return [clamp(x + dx, 0, size.w - w), clamp(y + dy, 0, size.h - h), w, h]
}

/** The box with one handle pulled to `to`. A side never passes the opposite one. */
export function resizeBox([x, y, w, h]: Box, handle: Handle, to: ImagePoint, size: Size): Box {
  let [left, top, right, bottom] = [x, y, x + w, y + h]
  if (handle.includes("w")) left = clamp(to.x, 0, right - minBox)
  if (handle.includes("e")) right = clamp(to.x, left + minBox, size.w)
  if (handle.includes("n")) top = clamp(to.y, 0, bottom - minBox)
  if (handle.includes("s")) bottom = clamp(to.y, top + minBox, size.h)
  return [left, top, right - left, bottom - top]
}

export function handleAt([x, y, w, h]: Box, handle: Handle): ImagePoint {
  const px = handle.includes("w") ? x : handle.includes("e") ? x + w : x + w / 2
  const py = handle.includes("n") ? y : handle.includes("s") ? y + h : y + h / 2
  return imagePoint(px, py)
}

/** Whether a point is in the box, grown by `slack` image pixels on each side. */
export const contains = ([x, y, w, h]: Box, p: ImagePoint, slack = 0): boolean =>
  p.x >= x - slack && p.x <= x + w + slack && p.y >= y - slack && p.y <= y + h + slack

export const area = (box: Box): number => box[2] * box[3]

/** Boxes go to the hub in tenths of a pixel: finer is finger noise. */
export const roundBox = (box: Box): Box =>
  box.map((value) => Math.round(value * 10) / 10) as [number, number, number, number]
