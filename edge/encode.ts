import type { InspectionHeader } from "#contract/inspection"
import { sniffImage } from "#models/image-header"
import { thumbnail } from "#models/image-ops"
import { loadSharp } from "#models/native"
import type { Picture } from "./inspector.ts"
import type { EncodedImage } from "./outbox/outbox.ts"

/** Longest side of a thumbnail in pixels: enough to recognise the part on a tile. */
const thumbSide = 320
/** JPEG quality of stored evidence; people label fine scratches on it. */
const fullQuality = 90

/**
 * The image of a part as it is kept. Bytes a camera has already encoded pass unchanged: encoding again would
 * lose detail. Raw pixels become JPEG. Throws when the picture cannot be read.
 */
export async function encodeImage(
  picture: Picture,
  wanted: InspectionHeader["policy"]["image"],
): Promise<EncodedImage[]> {
  if (wanted === "none") return []
  if (wanted === "thumb") return [{ name: "thumb", ...(await thumbnail(picture, thumbSide)) }]
  if ("bytes" in picture) {
    const found = sniffImage(picture.bytes)
    if (!found) throw new Error("the camera's image is neither JPEG, PNG nor WebP")
    return [{ name: "image", ...found, bytes: picture.bytes }]
  }
  const { raw, width, height, channels } = picture
  const sharp = await loadSharp()
  const bytes = await sharp(raw, { raw: { width, height, channels } })
    .jpeg({ quality: fullQuality })
    .toBuffer()
  return [{ name: "image", mime: "image/jpeg", bytes, w: width, h: height }]
}
