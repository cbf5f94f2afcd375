import type { ImageMime } from "#contract/inspection"

/** Pixels as the sensor gives them: RGB, 8 bits a channel, rows from the top, no padding. */
export interface RawImage {
  form: "raw"
  data: Uint8Array
  width: number
  height: number
  channels: 3
}

/** A picture file's bytes, passed on unchanged. */
export interface EncodedImage {
  form: "encoded"
  bytes: Uint8Array
  mime: ImageMime
}

/** One trigger of a camera. */
export interface CapturedFrame {
  image: RawImage | EncodedImage
  /** Serial of the part, where the line knows it. */
  part_id?: string
  product_id?: string
  /** Trigger time, device clock, milliseconds since 1970. */
  captured_at: number
  /** True where no real part lay under a real camera; the hub keeps such inspections apart. */
  simulated: boolean
}

/**
 * A source of frames. The iteration ends when the signal aborts (without an error) or the source is spent, and
 * throws a Problem when the source is lost. Whoever iterates sets the pace: no frame is made before it is asked for.
 */
export interface Camera {
  frames(signal: AbortSignal): AsyncIterable<CapturedFrame>
}
