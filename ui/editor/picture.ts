import { type Box, imagePoint, type Size } from "./geometry.ts"
import { toImage, type Viewport } from "./viewport.ts"

/** A part of a picture that is at hand: `source` whole, to be drawn onto `to` in pixels of the original image. */
export type Piece = { readonly source: CanvasImageSource; readonly to: Box }

/** What lies under the marks, however it came here: whole, or tile by tile. */
export type Picture = {
  readonly size: Size
  /** What to draw for a place of the image at a scale (screen pixels per image pixel), the coarsest first. */
  pieces: (place: Box, scale: number) => readonly Piece[]
  /** Tells when better pieces have come; returns what stops that. */
  watch: (listener: () => void) => () => void
  /** Gives the memory back. */
  close: () => void
}

/**
 * A picture that is here as a whole. `smaller` are the same at half the size, a quarter, …: making a large picture small
 * anew for every frame would cost more than everything else on the screen.
 */
export function wholePicture(size: Size, levels: readonly CanvasImageSource[], close = () => {}): Picture {
  return {
    size,
    pieces(_, scale) {
      const halvings = Math.max(0, Math.floor(-Math.log2(Math.min(1, scale))))
      const source = levels[Math.min(halvings, levels.length - 1)]
      return source ? [{ source, to: [0, 0, size.w, size.h] }] : []
    },
    watch: () => () => {},
    close,
  }
}

/** The image's pixels that the stage shows. */
export function seenOf(viewport: Viewport, image: Size, stage: Size): Box {
  const corners = [
    [0, 0],
    [stage.w, 0],
    [0, stage.h],
    [stage.w, stage.h],
  ].map(([x = 0, y = 0]) => toImage(viewport, { space: "screen", x, y }))
  const xs = corners.map(({ x }) => Math.min(Math.max(x, 0), image.w))
  const ys = corners.map(({ y }) => Math.min(Math.max(y, 0), image.h))
  const [left, top] = [Math.min(...xs), Math.min(...ys)]
  const from = imagePoint(left, top)
  return [from.x, from.y, Math.max(...xs) - left, Math.max(...ys) - top]
}
