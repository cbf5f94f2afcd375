import * as v from "valibot"
import { Problem } from "#contract/problem"
import { TriggerFacts } from "#contract/topics"
import type { CapturedFrame } from "./camera.ts"
import { demandSize, pictureOf } from "./picture-bytes.ts"

/**
 * CXR1, how a bridge to a camera hands its pictures over on standard output; docs/camera-bridge.md is its page.
 *   0  magic "CXR1"   4  header length u32 little-endian, at most 4 KiB   8  header, JSON   then `bytes` of picture.
 */
const cxr1 = { magic: 0x31525843, fixed: 8, maxHeader: 4_096 } as const

const Side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

const RawFrameHeader = v.object({
  /** Of the pixels; files bring their own. */
  width: v.optional(Side),
  height: v.optional(Side),
  /** `file` is a whole JPEG, PNG or WebP. */
  format: v.pipe(v.string(), v.maxLength(32)),
  /** Length of what follows the header. */
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 30)),
  /** Name of the trigger that this answers. */
  trigger: v.optional(v.pipe(v.string(), v.maxLength(128))),
  /** Milliseconds since the exposure. */
  age_ms: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(60_000))),
  simulated: v.optional(v.boolean()),
  ...TriggerFacts.entries,
})
type RawFrameHeader = v.InferOutput<typeof RawFrameHeader>

const channelsOf = new Map<string, 1 | 3>([
  ["mono8", 1],
  ["rgb8", 3],
  ["bgr8", 3],
])

export type BridgedFrame = { frame: CapturedFrame; trigger: string | undefined }

/** Takes a CXR1 stream apart. Throws a Problem at the first byte that does not fit; what follows cannot be trusted. */
export function createRawFrameReader(options: {
  megapixels: number
  now: () => number
  onFrame: (frame: BridgedFrame) => void
}) {
  let header: RawFrameHeader | undefined
  let part = new Uint8Array(cxr1.fixed)
  let filled = 0
  let step: "fixed" | "header" | "picture" = "fixed"

  function next() {
    if (step === "fixed") {
      const view = new DataView(part.buffer)
      const length = view.getUint32(4, true)
      if (view.getUint32(0, true) !== cxr1.magic) throw damaged("a frame does not begin with CXR1")
      if (length === 0 || length > cxr1.maxHeader) throw damaged(`a header is ${length} bytes long`)
      return begin("header", length)
    }
    if (step === "header") {
      header = readHeader(part, options.megapixels)
      return begin("picture", header.bytes)
    }
    const { trigger, frame } = frameOf(header!, part, options)
    options.onFrame({ trigger, frame })
    begin("fixed", cxr1.fixed)
  }

  function begin(what: typeof step, length: number) {
    step = what
    part = new Uint8Array(length)
    filled = 0
  }

  return (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + part.length - filled)
      part.set(piece, filled)
      filled += piece.length
      at += piece.length
      if (filled === part.length) next()
    }
  }
}

function readHeader(bytes: Uint8Array, megapixels: number): RawFrameHeader {
  const json = v.safeParse(v.pipe(v.string(), v.parseJson(), RawFrameHeader), new TextDecoder().decode(bytes))
  if (!json.success) throw damaged(`a header is not understood: ${v.summarize(json.issues)}`)
  const header = json.output
  const { format, width = 0, height = 0 } = header
  if (format === "file") return header
  const channels = channelsOf.get(format)
  if (!channels) {
    const what = /^bayer/i.test(format)
      ? "Bayer pixels are not converted here; let the camera or the bridge do it"
      : ""
    const message = `The camera's bridge sends ${format}. It must be mono8, rgb8, bgr8 or file.${what && ` ${what}.`}`
    throw new Problem("unsupported", "pixel_format", message)
  }
  demandSize(width, height, megapixels)
  if (width * height * channels !== header.bytes || header.bytes === 0) {
    throw damaged(`${header.bytes} bytes are not ${width}x${height} pixels of ${format}`)
  }
  return header
}

function frameOf(
  header: RawFrameHeader,
  data: Uint8Array,
  { megapixels, now }: { megapixels: number; now: () => number },
): BridgedFrame {
  const { width = 0, height = 0, format, trigger, age_ms = 0, simulated = false, bytes: _, ...facts } = header
  const channels = channelsOf.get(format)
  if (format === "bgr8") swapRedAndBlue(data)
  const image = channels
    ? ({ form: "raw", data, width, height, channels } as const)
    : pictureOf(data, megapixels)
  return { trigger, frame: { image, ...facts, captured_at: now() - Math.round(age_ms), simulated } }
}

function swapRedAndBlue(data: Uint8Array) {
  for (let i = 0; i + 2 < data.length; i += 3) {
    const blue = data[i]!
    data[i] = data[i + 2]!
    data[i + 2] = blue
  }
}

function damaged(why: string): Problem {
  return new Problem("invalid", "frame_protocol", `The camera's bridge does not keep to CXR1: ${why}.`)
}
