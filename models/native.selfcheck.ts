import { loadOrt, loadSharp } from "#models/native"

/** y = x + x on float[2]: the smallest model that makes the runtime allocate, plan and compute. */
const DOUBLING_MODEL = "CAg6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAmIPCgF5EgoKCAgBEgQKAggCQgIQDQ=="

export type SelfCheck = {
  readonly sharp: string
  readonly vips: string
  readonly onnxruntime: string
}

/**
 * Proves that both native libraries load and compute: doubles two numbers in ONNX Runtime and takes a picture through
 * JPEG with libvips. Returns their versions; throws when a result is not the expected one.
 */
export async function selfCheck(): Promise<SelfCheck> {
  const { env, InferenceSession, Tensor } = await loadOrt()
  const session = await InferenceSession.create(Buffer.from(DOUBLING_MODEL, "base64"), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  const { y } = await session.run({ x: new Tensor("float32", [1.5, -2], [2]) })
  if (y?.data[0] !== 3 || y.data[1] !== -4) throw new Error("ONNX Runtime computed a wrong sum.")

  const sharp = await loadSharp()
  const background = { r: 128, g: 128, b: 128 }
  const jpeg = await sharp({ create: { width: 16, height: 8, channels: 3, background } })
    .jpeg()
    .toBuffer()
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true })
  if (info.width !== 16 || info.height !== 8 || data[0] !== 128) {
    throw new Error("libvips decoded a wrong picture.")
  }

  return {
    sharp: sharp.versions.sharp ?? "unknown",
    vips: sharp.versions.vips,
    onnxruntime: env.versions.node ?? env.versions.common,
  }
}
