import { readFile } from "node:fs/promises"
import type { Sharp as SharpImage } from "sharp"
import { maxImagePixels } from "#contract/inspection"
import type { ModelInput } from "#contract/model"
import { sniffImage } from "./image-header.ts"
import { ModelError } from "./model-error.ts"
import { loadSharp } from "./native.ts"

/**
 * A picture as it reaches a model: raw interleaved 8-bit pixels from a camera, an encoded file in memory, or
 * the path of one. Raw is the fast lane: decoding a 5 MP JPEG costs several times the inference.
 */
export type Frame =
  | { raw: Uint8Array; width: number; height: number; channels: 1 | 3 | 4 }
  | { bytes: Uint8Array }
  | { path: string }

/** Resized interleaved 8-bit pixels plus the mapping back: original = (resized - offset) / scale. */
export type Resized = {
  pixels: Uint8Array
  width: number
  height: number
  channels: 1 | 3
  placement: Placement
}
export type Placement = {
  /** Size of the original image in pixels. */
  w: number
  h: number
  scaleX: number
  scaleY: number
  offsetX: number
  offsetY: number
}

/**
 * Opens a frame with sharp after checking its magic bytes; libvips alone would also take TIFF, SVG or GIF.
 * Throws `unsupported_image` or `unreadable_image`.
 */
export async function openFrame(frame: Frame): Promise<{ image: SharpImage; w: number; h: number }> {
  const sharp = await loadSharp()
  if ("raw" in frame) {
    const { raw, width, height, channels } = frame
    if (raw.length !== width * height * channels) {
      throw new ModelError(
        "unreadable_image",
        `${raw.length} bytes are not ${width}x${height}x${channels} pixels`,
      )
    }
    return { image: sharp(raw, { raw: { width, height, channels } }), w: width, h: height }
  }
  const bytes = "bytes" in frame ? frame.bytes : await readImage(frame.path)
  const header = sniffImage(bytes)
  if (!header) throw new ModelError("unsupported_image", "only JPEG, PNG and WebP images are read")
  if (header.w * header.h > maxImagePixels) {
    throw new ModelError(
      "unsupported_image",
      `${header.w}x${header.h} is more than ${maxImagePixels / 1e6} megapixels`,
    )
  }
  return { image: sharp(bytes, { limitInputPixels: maxImagePixels }), w: header.w, h: header.h }
}

async function readImage(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause: unknown) => {
    throw new ModelError("unreadable_image", `${path} cannot be read`, { cause })
  })
}

/** Resizes a frame to the model's input size, RGB or grey, 8 bit. Colour order is applied by `toTensor`. */
export async function resizeFrame(frame: Frame, input: ModelInput): Promise<Resized> {
  const { image, w, h } = await openFrame(frame)
  const { resize } = input
  const grey = input.color === "GRAY"
  const pad = resize.pad ?? 114
  const flat = image.flatten({ background: { r: pad, g: pad, b: pad } }).toColourspace(grey ? "b-w" : "srgb")
  const fit = {
    stretch: "fill",
    letterbox: "contain",
    letterbox_topleft: "contain",
    short_side_crop: "cover",
    none: "fill",
  } as const
  const resized =
    resize.mode === "none"
      ? flat
      : flat.resize(resize.w, resize.h, {
          fit: fit[resize.mode],
          ...(resize.mode === "letterbox_topleft" && { position: "left top" }),
          kernel: kernels[resize.interp],
          background: { r: pad, g: pad, b: pad },
          // Shrinking inside the JPEG decoder differs from shrinking raw pixels; the same part must give the
          // same tensor whether it comes from the camera or from its stored JPEG.
          fastShrinkOnLoad: false,
        })
  const { data, info } = await resized
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new ModelError("unreadable_image", "the image cannot be decoded", { cause })
    })
  const channels = grey ? 1 : 3
  if (info.channels !== channels)
    throw new ModelError("unreadable_image", `${info.channels} channels after decoding`)
  return {
    pixels: data,
    width: info.width,
    height: info.height,
    channels,
    placement: place(w, h, info.width, info.height, resize.mode),
  }
}

const kernels = { bilinear: "linear", bicubic: "cubic", area: "linear", lanczos3: "lanczos3" } as const

function place(
  w: number,
  h: number,
  outW: number,
  outH: number,
  mode: ModelInput["resize"]["mode"],
): Placement {
  if (mode === "stretch" || mode === "none") {
    return { w, h, scaleX: outW / w, scaleY: outH / h, offsetX: 0, offsetY: 0 }
  }
  const scale = mode === "short_side_crop" ? Math.max(outW / w, outH / h) : Math.min(outW / w, outH / h)
  if (mode === "letterbox_topleft") return { w, h, scaleX: scale, scaleY: scale, offsetX: 0, offsetY: 0 }
  return {
    w,
    h,
    scaleX: scale,
    scaleY: scale,
    offsetX: (outW - w * scale) / 2,
    offsetY: (outH - h * scale) / 2,
  }
}

export type InputTensor = { data: Float32Array | Uint8Array; dims: number[] }

/** Normalises and lays out pixels: tensor = (pixel * scale - mean) / std, per channel in the order of `color`. */
export function toTensor({ pixels, width, height, channels }: Resized, input: ModelInput): InputTensor {
  const nchw = input.layout !== "NHWC"
  const planes = [channels, height, width]
  const dims = input.layout === "CHW" ? planes : nchw ? [1, ...planes] : [1, height, width, channels]
  const size = width * height
  const data = input.dtype === "u8" ? new Uint8Array(size * channels) : new Float32Array(size * channels)
  for (let c = 0; c < channels; c++) {
    const source = input.color === "BGR" ? channels - 1 - c : c
    const std = input.std[c] ?? 1
    const gain = input.dtype === "u8" ? 1 : input.scale / std
    const bias = input.dtype === "u8" ? 0 : -(input.mean[c] ?? 0) / std
    const step = nchw ? 1 : channels
    const base = nchw ? c * size : c
    for (let i = 0; i < size; i++) data[base + i * step] = pixels[i * channels + source]! * gain + bias
  }
  return { data, dims }
}

/** Encoded bytes or raw pixels to input tensor. Throws `unreadable_image`, `unsupported_image`. */
export async function preprocess(
  frame: Frame,
  input: ModelInput,
): Promise<InputTensor & { placement: Placement }> {
  const resized = await resizeFrame(frame, input)
  return { ...toTensor(resized, input), placement: resized.placement }
}
