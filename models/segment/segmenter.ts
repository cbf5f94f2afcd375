import type { InferenceSession, Tensor } from "onnxruntime-node"
import type { Pointing, SegmenterLayout } from "#contract/segmenter"
import { sessionOptions } from "../infer/session.ts"
import { ModelError } from "../model-error.ts"
import { loadOrt } from "../native.ts"
import { type Frame, openFrame, toTensor } from "../preprocess.ts"
import type { Candidate, Size } from "./region.rules.ts"

/** What an encoder made of a picture: kept, so that pointing costs the decoder alone. */
export type Encoded = {
  picture: Size
  /** Pixels of the encoder's square per pixel of the picture. */
  scale: number
  tensors: { name: string; dims: number[]; data: Float32Array }[]
}

/** More than any picture of this family's needs; a file that answers with more is none. */
const mostNumbers = 64 * 1024 * 1024

const openSession = async (path: string): Promise<InferenceSession> => {
  const ort = await loadOrt()
  return await ort.InferenceSession.create(path, sessionOptions).catch((cause: unknown) => {
    throw new ModelError("model_invalid", `onnxruntime refuses the model: ${String(cause)}`, { cause })
  })
}

/** Opens the half that sees the picture. Throws `model_invalid`; `encode` also `unreadable_image`, `nan_output`. */
export async function openEncoder(path: string, { encoder, carry }: SegmenterLayout) {
  const session = await openSession(path)
  const ort = await loadOrt()
  return {
    encode: async (frame: Frame): Promise<Encoded> => {
      const { data, dims, picture, scale } = await prepare(frame, encoder)
      const fetches = carry.map(({ from }) => from)
      const outputs = await run(session, { [encoder.input]: new ort.Tensor("float32", data, dims) }, fetches)
      const tensors = carry.map(({ from, to }) => {
        const { dims, data } = floats(outputs[from], from)
        if (data.length > mostNumbers)
          throw new ModelError("model_invalid", `${from} has ${data.length} numbers`)
        return { name: to, dims: [...dims], data }
      })
      return { picture, scale, tensors }
    },
    release: () => session.release(),
  }
}

/** Opens the half that sees where somebody pointed. */
export async function openDecoder(path: string, { encoder, decoder }: SegmenterLayout) {
  const session = await openSession(path)
  const ort = await loadOrt()
  const feedsOf = ({ picture, scale, tensors }: Encoded, pointing: Pointing): Record<string, Tensor> => {
    const per = decoder.space === "input" ? scale : 1
    const prompts: [number, number, number][] = pointing.points.map(({ x, y, inside }) => [
      x,
      y,
      inside ? 1 : 0,
    ])
    if (pointing.box) {
      const [x, y, w, h] = pointing.box
      if (decoder.box === "corners") prompts.push([x, y, 2], [x + w, y + h, 3])
      else if (!pointing.points.some(({ inside }) => inside)) prompts.push([x + w / 2, y + h / 2, 1])
    }
    const coords = prompts.flatMap(([x, y]) => [x * per, y * per])
    const labels = prompts.map(([, , label]) => label)
    if (decoder.padding && !pointing.box) {
      coords.push(0, 0)
      labels.push(-1)
    }
    const lead = decoder.rank === 4 ? [1, 1] : [1]
    const f32 = (numbers: readonly number[], dims: number[]) =>
      new ort.Tensor("float32", Float32Array.from(numbers), dims)
    const { mask, size } = decoder
    return {
      ...Object.fromEntries(
        tensors.map(({ name, dims, data }) => [name, new ort.Tensor("float32", data, dims)]),
      ),
      [decoder.points]: f32(coords, [...lead, labels.length, 2]),
      [decoder.labels]: f32(labels, [...lead, labels.length]),
      ...(mask && {
        [mask.input]: new ort.Tensor("float32", new Float32Array(mask.side ** 2), [
          1,
          1,
          mask.side,
          mask.side,
        ]),
        [mask.has]: f32([0], [1]),
      }),
      ...(size && { [size]: sizeTensor(ort, session, size, picture) }),
    }
  }
  return {
    decode: async (encoded: Encoded, pointing: Pointing): Promise<Candidate[]> => {
      const { masks, scores } = decoder
      const fetches = scores === undefined ? [masks] : [masks, scores]
      const outputs = await run(session, feedsOf(encoded, pointing), fetches)
      const { dims, data } = floats(outputs[masks], masks)
      const [h, w] = dims.slice(-2)
      if (!h || !w || data.length === 0 || data.length % (w * h) !== 0)
        throw new ModelError("model_invalid", `${masks} is no picture: ${dims.join("x")}`)
      const ranks = scores === undefined ? undefined : floats(outputs[scores], scores).data
      const { picture, scale } = encoded
      const perInput = encoder.side === null ? null : scale / encoder.side
      const perX = decoder.covers === "picture" || perInput === null ? w / picture.w : w * perInput
      const perY = decoder.covers === "picture" || perInput === null ? h / picture.h : h * perInput
      return Array.from({ length: data.length / (w * h) }, (_, i) => ({
        w,
        h,
        logits: data.subarray(i * w * h, (i + 1) * w * h),
        perX,
        perY,
        score: ranks?.[i] ?? null,
      }))
    },
    release: () => session.release(),
  }
}
export type Encoder = Awaited<ReturnType<typeof openEncoder>>
export type Decoder = Awaited<ReturnType<typeof openDecoder>>

type Ort = Awaited<ReturnType<typeof loadOrt>>

/** Exports differ in whether height and width are whole numbers. */
function sizeTensor(ort: Ort, session: InferenceSession, name: string, { w, h }: Size): Tensor {
  const metadata = session.inputMetadata.find((input) => input.name === name)
  return metadata?.isTensor && metadata.type === "int64"
    ? new ort.Tensor("int64", BigInt64Array.of(BigInt(h), BigInt(w)), [2])
    : new ort.Tensor("float32", Float32Array.of(h, w), [2])
}

async function run(session: InferenceSession, feeds: Record<string, Tensor>, fetches: readonly string[]) {
  return await session.run(feeds, fetches).catch((cause: unknown) => {
    throw new ModelError("model_invalid", `the model does not run as described: ${String(cause)}`, { cause })
  })
}

function floats(tensor: InferenceSession.OnnxValueMapType[string] | undefined, name: string) {
  if (!tensor || !(tensor.data instanceof Float32Array))
    throw new ModelError("model_invalid", `${name} does not come as 32-bit numbers`)
  if (!tensor.data.every(Number.isFinite))
    throw new ModelError("nan_output", "the model returned a value that is no number")
  return { dims: tensor.dims, data: tensor.data }
}

/** The picture as the encoder wants it: resized by its longest side, laid into the corner of a square of zeros. */
async function prepare(frame: Frame, encoder: SegmenterLayout["encoder"]) {
  const { image, w, h } = await openFrame(frame)
  const scale = encoder.side === null ? 1 : encoder.side / Math.max(w, h)
  const [width, height] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))]
  const { data: pixels, info } = await image
    .flatten({ background: "#727272" })
    .toColourspace("srgb")
    .resize(width, height, { fit: "fill", kernel: "linear", fastShrinkOnLoad: false })
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new ModelError("unreadable_image", "the image cannot be decoded", { cause })
    })
  if (info.channels !== 3)
    throw new ModelError("unreadable_image", `${info.channels} channels after decoding`)
  const placement = { w, h, scaleX: scale, scaleY: scale, offsetX: 0, offsetY: 0 }
  const nchw = encoder.layout === "NCHW"
  const { data: tight } = toTensor(
    { pixels, width, height, channels: 3, placement },
    {
      name: encoder.input,
      dtype: "f32",
      layout: nchw ? "NCHW" : "NHWC",
      color: encoder.color,
      resize: { mode: "none", w: width, h: height, interp: "bilinear", antialias: true },
      scale: encoder.scale,
      mean: encoder.mean,
      std: encoder.std,
    },
  )
  const [padW, padH] = encoder.side === null ? [width, height] : [encoder.side, encoder.side]
  const data = new Float32Array(3 * padW * padH)
  if (nchw)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < height; y++) {
        const from = (c * height + y) * width
        data.set((tight as Float32Array).subarray(from, from + width), (c * padH + y) * padW)
      }
  else
    for (let y = 0; y < height; y++)
      data.set((tight as Float32Array).subarray(y * width * 3, (y + 1) * width * 3), y * padW * 3)
  return { data, dims: nchw ? [1, 3, padH, padW] : [padH, padW, 3], picture: { w, h }, scale }
}
