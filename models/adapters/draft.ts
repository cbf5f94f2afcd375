import type { ModelContract, ModelInput } from "#contract/model"
import type { OnnxModel } from "../onnx/read.ts"
import { classesOf } from "./names.ts"

/** Who made an export, as far as it shows. */
export type Guess = { source: string; contract: ModelContract }

export type Draft = {
  source: string
  task: ModelContract["task"]
  input: Partial<ModelInput> & Pick<ModelInput, "scale" | "mean" | "std">
  mode: ModelInput["resize"]["mode"]
  /** Brightness of what a picture does not fill. */
  pad?: number
  outputs: ModelContract["outputs"]
  decode: ModelContract["decode"]
  names: readonly string[]
  thresholds?: ModelContract["thresholds"]
  licence?: string | undefined
  /** Side of the input where the file leaves it open. */
  side?: number
}

export function drafted(model: OnnxModel, draft: Draft): Guess {
  const [image = planesOf(model)] = imagesOf(model)
  const bare = image?.dims.length === 3
  const nhwc = !bare && (image?.dims[3] === 3 || image?.dims[3] === 1)
  const [h, w] = (nhwc || bare ? image?.dims.slice(1, 3) : image?.dims.slice(2)) ?? []
  const side = (dim: number | string | undefined) =>
    typeof dim === "number" && dim > 0 && dim <= 8192 ? dim : (draft.side ?? 640)
  const { scale, mean, std, color = "RGB" } = draft.input
  return {
    source: draft.source,
    contract: {
      v: 1,
      task: draft.task,
      inputs: [
        {
          name: image?.name ?? "images",
          dtype: image?.type === 2 ? "u8" : "f32",
          layout: bare ? "CHW" : nhwc ? "NHWC" : "NCHW",
          color,
          resize: {
            mode: draft.mode,
            w: side(w),
            h: side(h),
            interp: "bilinear",
            antialias: true,
            pad: draft.pad ?? 114,
          },
          scale,
          mean: [...mean],
          std: [...std],
        },
      ],
      outputs: draft.outputs,
      decode: draft.decode,
      classes: classesOf(draft.names),
      thresholds: draft.thresholds ?? { t_low: 0.25, t_high: 0.5 },
      score: { direction: "higher_is_ng", raw: false },
      provenance: { recipe: draft.source, ...(draft.licence !== undefined && { licence: draft.licence }) },
    },
  }
}

export function imagesOf({ inputs, initializers }: OnnxModel) {
  const weights = new Set(initializers.map(({ name }) => name))
  return inputs.filter(({ name, dims }) => !weights.has(name) && dims.length === 4)
}

/** A picture without a batch around it. */
export const planesOf = ({ inputs }: OnnxModel) =>
  inputs.find(({ dims }) => dims.length === 3 && (dims[0] === 3 || dims[0] === 1))
