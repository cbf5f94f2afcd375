import type { ImageMime } from "#contract/inspection"
import { sniffImage } from "./image-header.ts"
import { ModelError } from "./model-error.ts"
import { type Frame, openFrame } from "./preprocess.ts"

export type Thumbnail = { bytes: Uint8Array; w: number; h: number; mime: "image/jpeg" }
export type Probe = { mime: ImageMime; w: number; h: number }

/** Makes a JPEG no larger than `max` on either side; never enlarges. Throws `unreadable_image`. */
export async function thumbnail(frame: Frame, max: number): Promise<Thumbnail> {
  const { image } = await openFrame(frame)
  const { data, info } = await image
    .resize(max, max, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "#727272" })
    .jpeg({ quality: 80 })
    .toBuffer({ resolveWithObject: true })
    .catch(unreadable)
  return { bytes: data, w: info.width, h: info.height, mime: "image/jpeg" }
}

/** Decodes every pixel of an encoded image: the only proof that it is readable. Throws `unreadable_image`. */
export async function probe(bytes: Uint8Array): Promise<Probe> {
  const { image, w, h } = await openFrame({ bytes })
  await image.stats().catch(unreadable)
  return { mime: sniffImage(bytes)!.mime, w, h }
}

function unreadable(cause: unknown): never {
  throw new ModelError("unreadable_image", "the image cannot be decoded", { cause })
}
