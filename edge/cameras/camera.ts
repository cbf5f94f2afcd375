import type { ImageMime } from "#contract/inspection"
import type { TriggerFacts } from "#contract/topics"

/** Pixels as the sensor gives them: grey or RGB, 8 bits a channel, rows from the top, no padding. */
export interface RawImage {
  form: "raw"
  data: Uint8Array
  width: number
  height: number
  channels: 1 | 3
}

/** A picture file's bytes, passed on unchanged. */
export interface EncodedImage {
  form: "encoded"
  bytes: Uint8Array
  mime: ImageMime
}

/** A part went by and there is no picture of it; `code` says why and becomes the code of its undecidable verdict. */
export interface NoImage {
  form: "none"
  code: string
}

/** One trigger of a camera. */
export interface CapturedFrame extends TriggerFacts {
  image: RawImage | EncodedImage | NoImage
  /** Name of the inspection, where whoever triggered it has been told one already. */
  id?: string
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

/** An open camera that takes a picture when asked. */
export interface Grabber {
  /**
   * Takes one picture: `fresh` begins after the call, otherwise a picture of a stream that nobody has had yet will do.
   * One at a time. Rejects with a Problem whose `key` says why there is none, or when the signal aborts.
   */
  grab(
    wish: { fresh: boolean; id?: string; facts?: TriggerFacts },
    signal: AbortSignal,
  ): Promise<CapturedFrame>
  /** Resolves with the reason when the camera is lost; what is asked of it then fails at once. */
  readonly lost: Promise<Error>
  close(): Promise<void>
}

/** A camera that takes pictures on request. */
export interface AskedCamera {
  /** Rejects with a Problem when the camera is not there. */
  open(signal: AbortSignal): Promise<Grabber>
}
