import type { SegmenterLayout } from "#contract/segmenter"
import type { OnnxModel, OnnxValue } from "../onnx/read.ts"

/** What SAM and most of its relatives were trained with. */
const samColors = {
  color: "RGB" as const,
  scale: 1,
  mean: [123.675, 116.28, 103.53] as [number, number, number],
  std: [58.395, 57.12, 57.375] as [number, number, number],
}
const plain = {
  ...samColors,
  mean: [0, 0, 0] as [number, number, number],
  std: [1, 1, 1] as [number, number, number],
}

/** Inputs a user of the model gives: weights may be listed among them. */
export function inputsOf({ inputs, initializers }: OnnxModel): OnnxValue[] {
  const weights = new Set(initializers.map(({ name }) => name))
  return inputs.filter(({ name }) => !weights.has(name))
}

/**
 * How a pair of files is fed and read, from the names and shapes of what goes in and out; undefined when they are not of
 * a kind that is known: then somebody has to say.
 */
export function recogniseSegmenter(encoder: OnnxModel, decoder: OnnxModel): SegmenterLayout | undefined {
  const [image, ...more] = inputsOf(encoder)
  if (!image || more.length > 0) return undefined
  const fed = encoderInput(image)
  const takes = inputsOf(decoder)
  const given = new Set(encoder.outputs.map(({ name }) => name))
  const carry = takes.filter(({ name }) => given.has(name)).map(({ name }) => ({ from: name, to: name }))
  // Two halves of different exports may call the one thing they share by two names.
  if (carry.length === 0 && encoder.outputs.length === 1) {
    const into = takes.find(({ name }) => /embed/i.test(name))
    if (into) carry.push({ from: encoder.outputs[0]!.name, to: into.name })
  }
  const named = (pattern: RegExp) => takes.find(({ name }) => pattern.test(name))
  const points = named(/point_coords$/)
  const labels = named(/point_labels$/)
  const masks =
    decoder.outputs.find(({ name }) => /^(output_)?masks$/.test(name)) ??
    decoder.outputs.find(({ name }) => /mask/i.test(name) && !/low_res/i.test(name)) ??
    decoder.outputs.find(({ name }) => /mask/i.test(name))
  if (!fed || carry.length === 0 || !points || !labels || !masks) return undefined
  const scores = decoder.outputs.find(({ name }) => /^(iou_predictions|scores|iou_pred.*)$/.test(name))
  const previous = named(/^mask_input$/)
  const has = named(/^has_mask_input$/)
  const size = named(/^orig_im_size$/)
  const known = new Set(
    [points, labels, previous, has, size]
      .flatMap((value) => value?.name ?? [])
      .concat(carry.map(({ to }) => to)),
  )
  if (takes.some(({ name }) => !known.has(name))) return undefined
  const efficient = points.dims.length === 4
  return {
    v: 1,
    encoder: { input: image.name, ...fed },
    carry,
    decoder: {
      points: points.name,
      labels: labels.name,
      rank: efficient ? 4 : 3,
      space: fed.side === null ? "picture" : "input",
      padding: !efficient && previous !== undefined,
      box: "corners",
      ...(previous &&
        has && { mask: { input: previous.name, has: has.name, side: lastSide(previous, 256) } }),
      ...(size && { size: size.name }),
      masks: masks.name,
      ...(scores && { scores: scores.name }),
      covers: size ? "picture" : "input",
    },
  }
}

const lastSide = ({ dims }: OnnxValue, otherwise: number) => {
  const last = dims.at(-1)
  return typeof last === "number" && last > 0 ? last : otherwise
}

function encoderInput({ name, dims }: OnnxValue): Omit<SegmenterLayout["encoder"], "input"> | undefined {
  if (dims.length === 3 && dims[2] === 3) return { layout: "HWC", side: 1024, ...plain }
  if (dims.length !== 4 || (typeof dims[1] === "number" && dims[1] !== 3)) return undefined
  // EfficientSAM prepares and resizes inside.
  if (/^batched_images$/.test(name)) return { layout: "NCHW", side: null, ...plain, scale: 1 / 255 }
  const [h, w] = dims.slice(2)
  if (typeof h === "number" && h > 0) return h === w ? { layout: "NCHW", side: h, ...samColors } : undefined
  return { layout: "NCHW", side: 1024, ...samColors }
}
