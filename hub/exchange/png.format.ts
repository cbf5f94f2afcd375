import { crc32, deflateSync, inflateSync } from "node:zlib"

/**
 * PNG as far as masks need it: written as grey or palette, read in every depth without interlacing. Pictures of parts
 * go through the imaging child; a mask is ours to write, and small enough to read here.
 */
const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)

export type GreyPicture = { w: number; h: number; pixels: Uint8Array | Uint16Array }

/** 8 or 16 bits grey by the kind of array; with a palette ([r, g, b] each) 8 bits of indexes into it. */
export function encodePng(
  { w, h, pixels }: GreyPicture,
  palette?: readonly (readonly [number, number, number])[],
): Uint8Array {
  const deep = pixels instanceof Uint16Array
  const line = w * (deep ? 2 : 1)
  const raw = new Uint8Array(h * (line + 1))
  for (let y = 0; y < h; y++) {
    const to = y * (line + 1) + 1
    if (!deep) raw.set(pixels.subarray(y * w, (y + 1) * w), to)
    else
      for (let x = 0; x < w; x++) {
        const value = pixels[y * w + x] ?? 0
        raw[to + x * 2] = value >> 8
        raw[to + x * 2 + 1] = value & 255
      }
  }
  const extra = palette ? [chunk("PLTE", Uint8Array.from(palette.flat()))] : []
  return file({ w, h, depth: deep ? 16 : 8, colour: palette ? 3 : 0, raw, extra })
}

/** Black where `pixels` are not 0, on nothing. */
export function encodeBlack({ w, h, pixels }: { w: number; h: number; pixels: Uint8Array }): Uint8Array {
  const raw = new Uint8Array(h * (2 * w + 1))
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) if (pixels[y * w + x]) raw[y * (2 * w + 1) + 2 * x + 2] = 255
  return file({ w, h, depth: 8, colour: 4, raw, extra: [] })
}

function file(of: {
  w: number
  h: number
  depth: number
  colour: number
  raw: Uint8Array
  extra: Uint8Array[]
}): Uint8Array {
  const head = new Uint8Array(13)
  const view = new DataView(head.buffer)
  view.setUint32(0, of.w)
  view.setUint32(4, of.h)
  head[8] = of.depth
  head[9] = of.colour
  const data = chunk("IDAT", deflateSync(of.raw, { level: 6 }))
  return join([signature, chunk("IHDR", head), ...of.extra, data, chunk("IEND", new Uint8Array())])
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, body.length)
  out.set(new TextEncoder().encode(type), 4)
  out.set(body, 8)
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)))
  return out
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/** Channels of each colour type of PNG. */
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

export type ReadPng = {
  w: number
  h: number
  /** Samples a pixel, in the file's order. */
  channels: number
  /** True when samples are indexes into a palette. */
  indexed: boolean
  /** Row by row; 16 bits a sample only when the file has them. */
  samples: Uint8Array | Uint16Array
}

/** Reads a PNG; null for what is none, is interlaced, or has more than `maxPixels`. Nothing is inflated before that is known. */
export function decodePng(bytes: Uint8Array, maxPixels: number): ReadPng | null {
  if (bytes.length < 45 || signature.some((byte, i) => bytes[i] !== byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [w, h] = [view.getUint32(16), view.getUint32(20)]
  const [depth = 0, colour = 0] = [bytes[24], bytes[25]]
  const channels = channelsOf[colour]
  if (!channels || ![1, 2, 4, 8, 16].includes(depth) || bytes[28] !== 0) return null
  if (w === 0 || h === 0 || w * h > maxPixels) return null
  const data: Uint8Array[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (at + 12 + length > bytes.length) return null
    if (type === "IDAT") data.push(bytes.subarray(at + 8, at + 8 + length))
    if (type === "IEND") break
    at += 12 + length
  }
  const line = Math.ceil((w * channels * depth) / 8)
  let raw: Uint8Array
  try {
    raw = inflateSync(join(data), { maxOutputLength: h * (line + 1) })
  } catch {
    return null
  }
  if (raw.length !== h * (line + 1)) return null
  if (!unfilter(raw, h, line, Math.max(1, (channels * depth) >> 3))) return null
  return { w, h, channels, indexed: colour === 3, samples: samplesOf(raw, w * channels, h, line, depth) }
}

/** Takes back what makes lines compress better, in place. */
function unfilter(raw: Uint8Array, h: number, line: number, step: number): boolean {
  for (let y = 0; y < h; y++) {
    const at = y * (line + 1) + 1
    const kind = raw[at - 1] ?? 0
    if (kind > 4) return false
    if (kind === 0) continue
    for (let i = 0; i < line; i++) {
      const left = i >= step ? (raw[at + i - step] ?? 0) : 0
      const up = y > 0 ? (raw[at + i - line - 1] ?? 0) : 0
      const corner = y > 0 && i >= step ? (raw[at + i - line - 1 - step] ?? 0) : 0
      const guess =
        kind === 1 ? left : kind === 2 ? up : kind === 3 ? (left + up) >> 1 : paeth(left, up, corner)
      raw[at + i] = ((raw[at + i] ?? 0) + guess) & 255
    }
  }
  return true
}

function paeth(a: number, b: number, c: number): number {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}

function samplesOf(raw: Uint8Array, width: number, h: number, line: number, depth: number) {
  const out = depth === 16 ? new Uint16Array(width * h) : new Uint8Array(width * h)
  for (let y = 0; y < h; y++) {
    const from = y * (line + 1) + 1
    for (let i = 0; i < width; i++) {
      const to = y * width + i
      if (depth === 8) out[to] = raw[from + i] ?? 0
      else if (depth === 16) out[to] = ((raw[from + i * 2] ?? 0) << 8) | (raw[from + i * 2 + 1] ?? 0)
      else {
        const bit = i * depth
        out[to] = ((raw[from + (bit >> 3)] ?? 0) >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
      }
    }
  }
  return out
}

/** The colours PASCAL VOC gives to numbers: neighbours differ, and tools know them. */
export function vocColour(number: number): [number, number, number] {
  const colour: [number, number, number] = [0, 0, 0]
  for (let bit = 0, rest = number; bit < 8; bit++, rest >>= 3)
    for (const channel of [0, 1, 2] as const) colour[channel] |= ((rest >> channel) & 1) << (7 - bit)
  return colour
}
