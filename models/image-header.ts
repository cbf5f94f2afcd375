import type { ImageMime } from "#contract/inspection"

/** What the first bytes of an image file say; nothing is decoded, no library is loaded. */
export type ImageHeader = { mime: ImageMime; w: number; h: number }

/**
 * Recognises JPEG, PNG and WebP by their magic bytes and reads the pixel size from the header. Returns
 * undefined for anything else or when the header is cut off. The size is the coded one, before any EXIF
 * rotation. A header can lie: only a full decode proves an image readable.
 */
export function sniffImage(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = sniffJpeg(view) ?? sniffPng(view) ?? sniffWebp(view)
  return header && header.w > 0 && header.h > 0 ? header : undefined
}

function sniffJpeg(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined
  let at = 2
  while (at + 9 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    // Fill bytes (FF FF) and markers without a length: TEM, RST0..7. ITU-T T.81, B.1.1.
    if (marker === 0xff) at += 1
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2
    // Any start-of-frame: C0..CF without C4 (Huffman tables), C8 (reserved), CC (arithmetic conditioning).
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { mime: "image/jpeg", h: view.getUint16(at + 5), w: view.getUint16(at + 7) }
    } else at += 2 + view.getUint16(at + 2)
  }
  return undefined
}

function sniffPng(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 24 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a)
    return undefined
  if (view.getUint32(12) !== fourCc("IHDR")) return undefined
  return { mime: "image/png", w: view.getUint32(16), h: view.getUint32(20) }
}

function sniffWebp(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 30 || view.getUint32(0) !== fourCc("RIFF") || view.getUint32(8) !== fourCc("WEBP")) {
    return undefined
  }
  const mime = "image/webp"
  const chunk = view.getUint32(12)
  if (chunk === fourCc("VP8X")) return { mime, w: uint24(view, 24) + 1, h: uint24(view, 27) + 1 }
  if (chunk === fourCc("VP8L")) {
    const bits = view.getUint32(21, true)
    return { mime, w: (bits & 0x3fff) + 1, h: ((bits >>> 14) & 0x3fff) + 1 }
  }
  if (chunk === fourCc("VP8 ")) {
    return { mime, w: view.getUint16(26, true) & 0x3fff, h: view.getUint16(28, true) & 0x3fff }
  }
  return undefined
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
}

function fourCc(text: string): number {
  return [...text].reduce((value, char) => value * 256 + char.charCodeAt(0), 0)
}
