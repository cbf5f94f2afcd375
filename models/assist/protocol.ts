import type { Pointing, SegmenterLayout } from "#contract/segmenter"
import type { Region } from "../segment/region.rules.ts"

/** What a parent may ask of an assist child. Paths are of files on this machine; both ends are this same program. */
export type BackboneFiles = { onnx: string; contract?: string | undefined }
export type SegmenterFiles = { encoder: string; decoder: string; layout: SegmenterLayout }
export type Ends = { inputs: string[]; outputs: string[] }
export type AssistOperations = {
  /** Name of the space that a backbone's vectors lie in. */
  space: { ask: { backbone: BackboneFiles }; answer: string }
  embed: {
    ask: { backbone: BackboneFiles; bytes: Uint8Array }
    answer: { space: string; vector: Uint8Array }
  }
  /** The same of several pictures in a row; null for one that cannot be looked at. */
  embedAll: {
    ask: { backbone: BackboneFiles; pictures: Uint8Array[] }
    answer: { space: string; vectors: (Uint8Array | null)[] }
  }
  /** What two files from elsewhere are: the layout only if it is known. */
  examine: {
    ask: { encoder: string; decoder: string }
    answer: { encoder: Ends; decoder: Ends; layout: SegmenterLayout | null; licence: string | null }
  }
  /** Runs a pair once on a made-up picture, to see that it does what its layout says. */
  rehearse: { ask: SegmenterFiles; answer: { encode: number; decode: number } }
  /**
   * Cuts out what was pointed at; without `pointing` the picture is only made ready. `encoded` is where the encoder's work
   * is kept; without `bytes` it must be there, else `model_missing`.
   */
  outline: {
    ask: SegmenterFiles & { encoded: string; bytes?: Uint8Array; pointing?: Pointing }
    answer: { region: Region | null; ms: { encode: number; decode: number } }
  }
}
