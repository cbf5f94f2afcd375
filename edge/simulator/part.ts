import type { Box } from "#contract/inspection"
import type { Canvas } from "./canvas.ts"
import { composeFrame } from "./compose.ts"
import { type DefectKind, type DefectPlan, paintDefect } from "./defect.ts"
import { exposePart } from "./expose.ts"
import { createLightField, type Lighting } from "./light.ts"
import { paintHarmless, paintMarking } from "./marks.ts"
import { createPose, type Pose } from "./pose.ts"
import { type Product, type ProductId, productOf } from "./product.ts"
import { createReliefMap, type ReliefMap } from "./relief.ts"
import { createTextures, type Textures } from "./texture.ts"

/** Everything that decides one picture. Equal plans give equal bytes. */
export interface PartPlan {
  /** Names the part among all parts of all lines; pose, surface, marks and noise follow from it. */
  serial: string
  product: ProductId
  lighting: Lighting
  defects: readonly DefectPlan[]
  /** Digits needled into the part. */
  marking: string
}

/** An RGB picture, 8 bits a channel, rows from the top, no padding. */
export interface RawFrame {
  data: Uint8Array
  width: number
  height: number
  channels: 3
}

export interface PartTruth {
  verdict: "ok" | "ng"
  defects: { kind: DefectKind; box: Box }[]
}

export interface DrawnPart {
  frame: RawFrame
  truth: PartTruth
  product: ProductId
}

export interface PartPainter {
  draw(plan: PartPlan): DrawnPart
}

/** Even light of a new lamp. */
export const plainLighting: Lighting = { gain: 1, warmth: 0, tilt: 0 }

/**
 * A camera over the simulated line. Textures and the relief of each product are made on first use and kept
 * (about 1 s and 5 MB per product); every frame after that takes some tens of milliseconds.
 */
export function createPartPainter(size: { width: number; height: number }): PartPainter {
  const { width, height } = size
  let kept: Textures | undefined
  const texturesOf = () => {
    kept ??= createTextures()
    return kept
  }
  const reliefs = new Map<ProductId, ReliefMap>()
  const reliefOf = (id: ProductId) => {
    const known = reliefs.get(id)
    if (known) return known
    const relief = createReliefMap(productOf(id), width, height)
    reliefs.set(id, relief)
    return relief
  }
  const canvas: Canvas = {
    width,
    height,
    scale: width / 1280,
    luma: new Int16Array(width * height),
    finish: new Uint8Array(width * height),
    tints: [],
  }

  return {
    draw(plan) {
      const product = productOf(plan.product)
      const textures = texturesOf()
      const pose = createPose(product, plan.serial)
      const light = createLightField(product, plan.lighting, pose, plan.serial, width, height)
      canvas.tints = []
      exposePart(canvas, { product, pose, light, relief: reliefOf(plan.product), textures })
      const { type, typeAt, serialAt, pitch } = product.marks
      paintMarking(canvas, pose, type, typeAt, pitch)
      paintMarking(canvas, pose, plan.marking, serialAt, pitch)
      paintHarmless(canvas, product, pose, plan.serial)
      const defects = plan.defects.map((defect, place) => ({
        kind: defect.kind,
        box: paintUntilSeen(canvas, product, pose, defect, `${plan.serial}/defect/${place}`),
      }))
      const data = composeFrame(canvas, product, plan.lighting, textures, plan.serial)
      return {
        frame: { data, width, height, channels: 3 },
        truth: { verdict: defects.length > 0 ? "ng" : "ok", defects },
        product: plan.product,
      }
    },
  }
}

/** A flaw that fell beside the metal or came out too faint to see is tried again elsewhere: truth never lies. */
function paintUntilSeen(canvas: Canvas, product: Product, pose: Pose, defect: DefectPlan, name: string): Box {
  for (let attempt = 0; attempt < 12; attempt++) {
    const box = paintDefect(canvas, product, pose, defect, `${name}/${attempt}`)
    if (box && Math.max(box[2], box[3]) >= 8) return box
  }
  throw new Error(`the simulator found no place for a ${defect.kind} on a ${product.id}`)
}
