import type { ImageMime } from "#contract/inspection"

/** Reads type and size from a picture's first bytes. */
export type Sniff = (bytes: Uint8Array) => { mime: ImageMime; w: number; h: number } | undefined

export type Picture = {
  readonly bytes: Uint8Array
  readonly mime: ImageMime
  readonly w: number
  readonly h: number
}
export type Refusal = { readonly code: string; readonly detail: string }

/** A header may promise more pixels than any decoder of ours would touch. */
const mostPixels = 100_000_000
/** Some cameras pad a file behind its end mark. */
const padding = 4096

/** A whole picture of a kind we store, or why it is none. Nothing is decoded here. */
export function lookAtPicture(bytes: Uint8Array, sniff: Sniff): Picture | Refusal {
  if (bytes.length === 0) return { code: "empty", detail: "the picture has no bytes" }
  const seen = sniff(bytes)
  if (!seen) return { code: "no_picture", detail: `not a JPEG, PNG or WebP: it begins with ${hexOf(bytes)}` }
  const { mime, w, h } = seen
  if (w * h > mostPixels || w > 65_535 || h > 65_535)
    return { code: "too_many_pixels", detail: `the picture says it is ${w} × ${h} pixels` }
  if (!hasEnd(bytes, mime))
    return { code: "picture_cut", detail: `the end of the ${w} × ${h} picture is missing` }
  return { bytes, mime, w, h }
}

/** The bytes of a data URI or of bare base64, whose alphabet and length must be right. */
export function picturesBytes(text: string): Uint8Array | Refusal {
  const found = /^data:([^,;]{0,64})(?:;[^,;]{0,64}){0,4};base64,/i.exec(text.slice(0, 512))
  if (!found && /^data:/i.test(text)) return { code: "data_uri", detail: "the data URI is not base64" }
  const coded = (found ? text.slice(found[0].length) : text).replace(/[\r\n\t ]+/g, "")
  if (coded.length === 0) return { code: "empty", detail: "the picture's field is empty" }
  // Both alphabets are in use among cameras; a foreign sign means that something else stands there.
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(coded) || coded.replace(/=+$/, "").length % 4 === 1)
    return { code: "base64", detail: `not base64: it begins with "${coded.slice(0, 24)}"` }
  return Buffer.from(coded, "base64")
}

/** First bytes for people: text as text, anything else in hex. */
export function headOf(bytes: Uint8Array, most = 160): string {
  const head = bytes.subarray(0, most)
  const text = new TextDecoder().decode(head).replace(/�+$/, "")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells bytes from text.
  return /[\x00-\x08\x0e-\x1f�]/.test(text) ? hexOf(head, 48) : text
}

function hexOf(bytes: Uint8Array, most = 12): string {
  return [...bytes.subarray(0, most)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
}

/** EOI, IEND, or the length that the RIFF header states. */
function hasEnd(bytes: Uint8Array, mime: ImageMime): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (mime === "image/webp") return bytes.length >= view.getUint32(4, true) + 8
  const [first, second] = mime === "image/jpeg" ? [0xff, 0xd9] : [0x49, 0x45]
  for (let i = bytes.length - 2; i >= Math.max(2, bytes.length - padding); i -= 1)
    if (bytes[i] === first && bytes[i + 1] === second) {
      if (mime === "image/jpeg") return true
      if (i + 8 <= bytes.length && view.getUint32(i) === 0x49454e44) return true
    }
  return false
}
