import type { StoredImage } from "#contract/labelling"
import { thumbUrl, tileUrl } from "../../api.ts"
import { type Picture, wholePicture } from "../../editor/picture.ts"
import { tiledPicture, tileSide } from "../../editor/tiles.ts"
import { fetchPicture } from "./queue.ts"

/** Up to here a picture is decoded as a whole; above it only what is looked at comes, in tiles. */
const mostWhole = 16e6
/** A picture longer than this gets a half, a quarter, …, so that showing it small costs little. */
const smallest = 1024

async function bitmapOf(url: string): Promise<ImageBitmap> {
  const response = await fetch(url, { credentials: "same-origin" })
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return createImageBitmap(await response.blob())
}

/** The longer side of the coarse picture under the tiles. */
const groundSide = 1280

/**
 * Fetches, unless it is laid in on the tablet, and decodes off the main thread; the hub's answers are cached for ever by
 * the image's hash.
 */
export async function openPicture({ sha256, w, h }: StoredImage, laidIn?: Blob): Promise<Picture> {
  if (w * h > mostWhole) {
    // The whole of it, coarse: what is seen until the tiles are there.
    const ground = laidIn
      ? await createImageBitmap(laidIn, {
          ...(w > h ? { resizeWidth: groundSide } : { resizeHeight: groundSide }),
          resizeQuality: "medium",
        })
      : await bitmapOf(thumbUrl(sha256, groundSide))
    // Asking for one makes them all, while the person still looks at the part before.
    void fetch(tileUrl(sha256, coarsest({ w, h }), 0, 0), { credentials: "same-origin" }).catch(() => {})
    return tiledPicture({ w, h }, ground, (level, x, y) => bitmapOf(tileUrl(sha256, level, x, y)))
  }
  const levels = [await createImageBitmap(laidIn ?? (await fetchPicture(sha256)))]
  for (let last = levels[0]; last && Math.max(last.width, last.height) > smallest; last = levels.at(-1))
    levels.push(
      await createImageBitmap(last, {
        resizeWidth: Math.max(1, Math.ceil(last.width / 2)),
        resizeHeight: Math.max(1, Math.ceil(last.height / 2)),
        resizeQuality: "medium",
      }),
    )
  return wholePicture({ w, h }, levels, () => {
    for (const level of levels) level.close()
  })
}

/** The level of which one tile is enough. */
const coarsest = ({ w, h }: { w: number; h: number }): number =>
  Math.max(0, Math.ceil(Math.log2(Math.max(w, h) / tileSide)))
