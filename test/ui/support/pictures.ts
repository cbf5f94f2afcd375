import { createHash } from "node:crypto"
import type { Box } from "#contract/inspection"
import { loadSharp } from "#models/native"
import type { DefectKind } from "../../../edge/simulator/defect.ts"
import { createPartPainter, plainLighting } from "../../../edge/simulator/part.ts"
import { productIds } from "../../../edge/simulator/product.ts"

export type Picture = {
  sha256: string
  jpeg: Uint8Array
  w: number
  h: number
  part: string
  product: string
  defects: { kind: string; box: Box }[]
}

/** Simulated parts as the stations would send them; every other one has a defect. */
export async function paintPictures(count: number, width: number): Promise<Picture[]> {
  const height = (width * 3) / 4
  const painter = createPartPainter({ width, height })
  const sharp = await loadSharp()
  const kinds: DefectKind[] = ["scratch", "crack", "dent", "stain", "burr", "chip", "rust"]
  const pictures: Picture[] = []
  for (let i = 0; i < count; i++) {
    const serial = `P7-L1-${String(i + 1).padStart(6, "0")}`
    const product = productIds[i % productIds.length] ?? "plate"
    const kind = kinds[(i >> 1) % kinds.length] ?? "scratch"
    const defects = i % 2 === 0 ? [{ kind, severity: 0.5 + (i % 5) / 10 }] : []
    const drawn = painter.draw({
      serial,
      product,
      lighting: plainLighting,
      defects,
      marking: serial.slice(-6),
    })
    const { data, channels } = drawn.frame
    const jpeg = new Uint8Array(
      await sharp(data, { raw: { width, height, channels } }).jpeg({ quality: 85 }).toBuffer(),
    )
    pictures.push({
      sha256: createHash("sha256").update(jpeg).digest("hex"),
      jpeg,
      w: width,
      h: height,
      part: serial,
      product,
      defects: drawn.truth.defects,
    })
  }
  return pictures
}

export async function shrink(picture: Picture, max: number): Promise<Uint8Array> {
  const sharp = await loadSharp()
  return new Uint8Array(
    await sharp(picture.jpeg).resize(max, max, { fit: "inside" }).jpeg({ quality: 75 }).toBuffer(),
  )
}
