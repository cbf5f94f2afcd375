import type { ModelInput } from "#contract/model"
import type { TrainingSample } from "#contract/training"
import { ModelError } from "../model-error.ts"
import { type Resized, resizeFrame } from "../preprocess.ts"
import type { PatchShape } from "./extractor.ts"

/** A labelled image in memory at input size. `group` is a small number standing for part or lot. */
export type TrainingImage = { sample: TrainingSample; pixels: Resized; group: number }

export function isGood({ sample }: TrainingImage): boolean {
  return sample.label.verdict === "ok"
}

/** What the part is, where that is known. */
export function productOf({ sample: { product } }: TrainingImage): { product?: string } {
  return product === undefined ? {} : { product }
}

/**
 * How much every image says about the next part off the line. Ten near-copies of one part say as much as a single
 * picture does, and a doubtful part that people were shown first stands for fewer than one drawn at random
 * (`sample.weight`). The weights of a verdict sum to its effective number of parts (Kish), which is what the
 * finite-sample corrections of the thresholds count with.
 */
export function weightsOf(images: readonly TrainingImage[]): number[] {
  const keyOf = (image: TrainingImage) => `${image.group}/${image.sample.label.verdict}`
  const sizes = new Map<string, number>()
  for (const image of images) sizes.set(keyOf(image), (sizes.get(keyOf(image)) ?? 0) + 1)
  const raw = images.map((image) => (image.sample.weight ?? 1) / sizes.get(keyOf(image))!)
  const groups = new Map<string, number>()
  for (const [i, image] of images.entries())
    groups.set(keyOf(image), (groups.get(keyOf(image)) ?? 0) + raw[i]!)
  const scaleOf = (verdict: "ok" | "ng") => {
    const own = [...groups].flatMap(([key, weight]) => (key.endsWith(`/${verdict}`) ? [weight] : []))
    const sum = own.reduce((total, weight) => total + weight, 0)
    return sum / own.reduce((total, weight) => total + weight ** 2, 0)
  }
  const scale = { ok: scaleOf("ok"), ng: scaleOf("ng") }
  return images.map((image, i) => raw[i]! * scale[image.sample.label.verdict])
}

/** One labelled place: the patches (cells) that may show it and the class they would get. */
export type Region = { cells: number[]; label: number; boxed: boolean }

/**
 * Decodes all images to input size, two at a time so that decoding overlaps with disk. About 0.3 MB stay in
 * memory per image at 320 px. Images that cannot be read are returned apart, never silently dropped.
 */
export async function loadImages(
  samples: readonly TrainingSample[],
  resolvePath: (path: string) => string,
  input: ModelInput,
  onLoaded: (done: number) => void,
): Promise<{ images: TrainingImage[]; unreadable: string[] }> {
  const groups = new Map<string, number>()
  for (const { group } of samples) if (!groups.has(group)) groups.set(group, groups.size)
  const slots: (TrainingImage | undefined)[] = new Array(samples.length)
  const unreadable: string[] = []
  let next = 0
  let done = 0
  const lane = async () => {
    for (let i = next++; i < samples.length; i = next++) {
      const sample = samples[i]!
      try {
        const pixels = await resizeFrame({ path: resolvePath(sample.path) }, input)
        slots[i] = { sample, pixels, group: groups.get(sample.group)! }
      } catch (error) {
        if (!(error instanceof ModelError)) throw error
        unreadable.push(sample.id)
      }
      onLoaded(++done)
    }
  }
  await Promise.all([lane(), lane()])
  return { images: slots.filter((slot) => slot !== undefined), unreadable: unreadable.sort() }
}

/**
 * Cells of the patch grid that a label points at. A box takes the cells whose centre it holds; an NG label without boxes takes the whole image and leaves it to the anomaly
 * peak to say where.
 */
export function regionsOf(
  image: TrainingImage,
  shape: PatchShape,
  labelOf: (kind: string) => number,
): Region[] {
  const { label } = image.sample
  if (label.verdict === "ok") return []
  if (label.boxes.length === 0) {
    const cells = Array.from({ length: shape.cells }, (_, cell) => cell)
    return [{ cells, label: labelOf(label.kinds[0] ?? "unknown"), boxed: false }]
  }
  const { placement } = image.pixels
  const toX = (x: number) => (x * placement.scaleX + placement.offsetX) / shape.stride
  const toY = (y: number) => (y * placement.scaleY + placement.offsetY) / shape.stride
  return label.boxes.map(({ kind, box: [x, y, w, h] }) => {
    const cells: number[] = []
    const [cx, cy] = [toX(x + w / 2), toY(y + h / 2)]
    // At least one cell wide and high: a hairline crack may pass between all cell centres.
    const [rx, ry] = [Math.max(0.5, toX(x + w) - cx), Math.max(0.5, toY(y + h) - cy)]
    for (let row = 0; row < shape.h; row++) {
      if (Math.abs(row + 0.5 - cy) > ry) continue
      for (let col = 0; col < shape.w; col++) {
        if (Math.abs(col + 0.5 - cx) <= rx) cells.push(row * shape.w + col)
      }
    }
    return { cells, label: labelOf(kind), boxed: true }
  })
}
