import { createHash } from "node:crypto"

/**
 * The id of an inspection that a camera did not name with a UUID of ours: the same shot always gets the same one, and no
 * source can make another's. UUID version 8 (RFC 9562 §5.8) over a SHA-256.
 */
function idFrom(source: string, kind: string, name: string): string {
  const digest = createHash("sha256").update(`${source}\0${kind}\0${name}`).digest()
  digest[6] = (digest[6]! & 0x0f) | 0x80
  digest[8] = (digest[8]! & 0x3f) | 0x80
  const hex = digest.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  )
}

/** Of a shot that the camera, the file or the request names. */
export const idOfNamed = (source: string, name: string): string => idFrom(source, "name", name)

/**
 * Of a shot without a name: its content and a span of time. Returns the id, and the one the same content would have had
 * in the span before, so that a repeat across the border is recognised too.
 */
export function idOfContent(
  source: string,
  content: string,
  at: number,
  repeatMs: number,
): { id: string; before: string } {
  const span = Math.floor(at / repeatMs)
  return {
    id: idFrom(source, "content", `${content}/${span}`),
    before: idFrom(source, "content", `${content}/${span - 1}`),
  }
}
