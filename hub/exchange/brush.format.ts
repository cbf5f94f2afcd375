import type { Spans } from "#contract/outline"

/**
 * Label Studio's brush: a bit stream over the image as RGBA bytes, row by row, of which the alpha alone says anything.
 * 32 bits count the bytes, 5 bits hold the word size less one, 4 × 4 bits the sizes less one of the four length fields;
 * then pieces: one bit "repeated", two bits which length field, the length less one, and one byte or that many.
 */
const headerBits = 32 + 5 + 16
const lengthBits = [3, 4, 8, 16] as const
const longestRun = 65_536

/** Reads a brush as spans of pixels down the columns; null when it is none of an image of this size. */
export function decodeBrush(rle: readonly number[] | Uint8Array, w: number, h: number): Spans | null {
  const alpha = decodeAlpha(rle, w * h)
  return alpha && spansOfRows(alpha, w, h)
}

/** The alpha of each pixel, row by row; null for a stream that is cut off or speaks of another number of pixels. */
function decodeAlpha(rle: readonly number[] | Uint8Array, pixels: number): Uint8Array | null {
  let at = 0
  const end = rle.length * 8
  const bits = (count: number): number => {
    let value = 0
    for (let left = count; left > 0; ) {
      const take = Math.min(left, 8 - (at & 7))
      const byte = rle[at >> 3] ?? 0
      value = value * 2 ** take + ((byte >> (8 - (at & 7) - take)) & (2 ** take - 1))
      at += take
      left -= take
    }
    return value
  }
  if (end < headerBits || bits(32) !== pixels * 4 || bits(5) !== 7) return null
  const sizes = [bits(4) + 1, bits(4) + 1, bits(4) + 1, bits(4) + 1]
  const alpha = new Uint8Array(pixels)
  let byte = 0
  while (byte < pixels * 4) {
    const repeated = bits(1) === 1
    const length = bits(sizes[bits(2)] ?? 16) + 1
    if (byte + length > pixels * 4 || at + (repeated ? 8 : length * 8) > end) return null
    if (repeated) {
      const value = bits(8)
      // The first alpha at or after this byte.
      if (value > 0) for (let i = byte | 3; i < byte + length; i += 4) alpha[i >> 2] = value
    } else
      for (let i = byte; i < byte + length; i++)
        if ((i & 3) === 3) alpha[i >> 2] = bits(8)
        else at += 8
    byte += length
  }
  return alpha
}

/** Spans down the columns of what is not zero in a picture stored row by row. */
export function spansOfRows(pixels: Uint8Array, w: number, h: number): Spans {
  const spans: number[] = []
  for (let x = 0; x < w; x++)
    for (let y = 0; y < h; y++) {
      if (!pixels[y * w + x]) continue
      const start = y
      while (y + 1 < h && pixels[(y + 1) * w + x]) y++
      const from = x * h + start
      // A column that ends in the mask goes on at the top of the next.
      if (spans.at(-1) === from) spans[spans.length - 1] = x * h + y + 1
      else spans.push(from, x * h + y + 1)
    }
  return Int32Array.from(spans)
}

/** Draws spans into a picture stored row by row. */
export function fillRows(spans: Spans, h: number, w: number, value: number, into: Uint8Array | Uint16Array) {
  for (let i = 0; i < spans.length; i += 2) {
    const [start = 0, end = 0] = [spans[i], spans[i + 1]]
    let x = Math.floor(start / h)
    let y = start - x * h
    for (let at = start; at < end; at++) {
      into[y * w + x] = value
      if (++y === h) {
        y = 0
        x++
      }
    }
  }
}

/** Writes spans as a brush: runs only, all four channels equal to the alpha. */
export function encodeBrush(spans: Spans, w: number, h: number): number[] {
  const rows = new Uint8Array(w * h)
  fillRows(spans, h, w, 255, rows)
  const out: number[] = []
  let held = 0
  let free = 8
  const put = (value: number, count: number) => {
    for (let left = count; left > 0; ) {
      const take = Math.min(left, free)
      held = (held << take) | (Math.floor(value / 2 ** (left - take)) & (2 ** take - 1))
      free -= take
      left -= take
      if (free === 0) {
        out.push(held)
        held = 0
        free = 8
      }
    }
  }
  put(w * h * 4, 32)
  put(7, 5)
  for (const size of lengthBits) put(size - 1, 4)
  for (let at = 0; at < rows.length; ) {
    const value = rows[at] ?? 0
    let end = at + 1
    while (end < rows.length && rows[end] === value) end++
    for (let left = (end - at) * 4; left > 0; ) {
      const length = Math.min(left, longestRun)
      const field = lengthBits.findIndex((size) => length <= 2 ** size)
      put(1, 1)
      put(field, 2)
      put(length - 1, lengthBits[field] ?? 16)
      put(value, 8)
      left -= length
    }
    at = end
  }
  // The official writer ends with a whole byte of zeros when it is aligned already; readers stop at the count.
  out.push(free === 8 ? 0 : held << free)
  return out
}
