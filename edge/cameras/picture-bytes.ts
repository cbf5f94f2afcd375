import type { ImageMime } from "#contract/inspection"
import { Problem } from "#contract/problem"
import { sniffImage } from "#models/image-header"

/** Pixels of one picture at most, unless a station is set up for more: 24 times Full HD. */
export const defaultMegapixels = 50

/** Told by the first bytes, not by the name. */
export function mimeOf(bytes: Uint8Array): ImageMime | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg"
  if (bytes[0] === 0x89 && text(1, 4) === "PNG") return "image/png"
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "image/webp"
  return undefined
}

/** Whether the end of the picture is there: EOI, IEND, or the length the RIFF header states. */
export function isComplete(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (mimeOf(bytes)) {
    case "image/jpeg":
      // Some cameras pad the file behind the end mark.
      return lastIndexOfPair(bytes, 0xff, 0xd9) > bytes.length - 4096
    case "image/png":
      return bytes.length > 20 && view.getUint32(bytes.length - 8) === 0x49454e44
    case "image/webp":
      return bytes.length > 12 && bytes.length >= view.getUint32(4, true) + 8
    default:
      return false
  }
}

/** A camera's picture file, whole and within the pixel limit. Throws a Problem that says which it is not. */
export function pictureOf(bytes: Uint8Array, megapixels: number) {
  const header = sniffImage(bytes)
  if (!header) {
    const what = mimeOf(bytes) ? "ends before the picture begins" : "is neither JPEG, PNG nor WebP"
    throw new Problem("unsupported", "picture_unreadable", `What the camera sends ${what}.`)
  }
  demandSize(header.w, header.h, megapixels)
  if (!isComplete(bytes)) {
    throw new Problem("invalid", "picture_truncated", "The camera's picture ends before its end mark.")
  }
  return { form: "encoded", bytes, mime: header.mime } as const
}

/** Throws a Problem when a picture has more pixels than this station takes, before memory is spent on it. */
export function demandSize(width: number, height: number, megapixels: number): void {
  if (width * height <= megapixels * 1e6) return
  throw new Problem(
    "too_large",
    "picture_too_large",
    `The camera sends ${width}x${height} pixels; this station takes ${megapixels} megapixels. Raise max_megapixels or make the picture smaller.`,
  )
}

function lastIndexOfPair(bytes: Uint8Array, first: number, second: number): number {
  for (let i = bytes.length - 2; i >= 0; i--) if (bytes[i] === first && bytes[i + 1] === second) return i
  return Number.NEGATIVE_INFINITY
}
