import type { BackboneContract } from "#contract/model"
import { ModelError } from "../model-error.ts"
import { createGraph } from "../onnx/graph.ts"
import type { TfjsGraph, TfjsNode } from "./tfjs.ts"

/**
 * NanoDet-g's CSP trunk as a frozen feature extractor. The normalisation is NanoDet's own training
 * normalisation (BGR, 0..255); feeding RGB/255 as a popular wrapper does costs accuracy: image AUROC .97
 * instead of .997 on crack detection in our comparison.
 */
export const nanodetContract: BackboneContract = {
  v: 1,
  name: "nanodet-g",
  input: { name: "image", color: "BGR", mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395] },
  taps: {
    s4: { tensor: "s4", stride: 4, channels: 64 },
    s8: { tensor: "s8", stride: 8, channels: 128 },
    s16: { tensor: "s16", stride: 16, channels: 256 },
    s32: { tensor: "s32", stride: 32, channels: 512 },
  },
  licence: "Apache-2.0 (NanoDet, RangiLyu), MIT (human-models, Vladimir Mandic); see NOTICE.txt",
}

const tapNodes = new Map([
  ["PartitionedCall/onnx_tf_prefix_Concat_12", "s4"],
  ["PartitionedCall/onnx_tf_prefix_Concat_27", "s8"],
  ["PartitionedCall/onnx_tf_prefix_Concat_42", "s16"],
  ["PartitionedCall/onnx_tf_prefix_Concat_62", "s32"],
])

/**
 * Converts the TF.js trunk to ONNX: input `image` [n,3,h,w] (h, w multiples of 32), outputs s4, s8, s16, s32.
 *
 * TF.js keeps NHWC around each convolution of a graph that is NCHW at heart, so `Transpose` is an alias here,
 * `Pad` becomes the pads of the next convolution or pooling, and `Add` of a weight the convolution's bias.
 * Weights stay float16 with a `Cast` behind them: lossless, half the bytes on the wire, folded at load time.
 * Any other operation is refused, so a changed source file fails loudly.
 */
export function convertNanodet(source: TfjsGraph): Uint8Array<ArrayBuffer> {
  const graph = createGraph("trunk/")
  graph.input("image", ["n", 3, "h", "w"])
  const done = new Map<string, string>([["input_1", "image"]])
  const pads = new Map<string, number[]>()

  const half = (name: string, permute: boolean): string => {
    const weight = source.weights.get(name)
    if (!weight?.half) throw refused(`weight ${name} is missing`)
    const { shape, data } = permute
      ? toOihw(weight.shape, weight.half)
      : { shape: weight.shape, data: weight.half }
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return graph.node("Cast", [graph.f16(`trunk/${name}`, shape, raw)], { to: 1 })
  }
  const ints = (name: string): Int32Array => {
    const weight = source.weights.get(name)
    if (!weight?.ints) throw refused(`constant ${name} is missing`)
    return weight.ints
  }
  const padsOf = (name: string) => ({ ints: pads.get(follow(name)) ?? [0, 0, 0, 0] })
  /** Steps over layout transposes. */
  const follow = (name: string): string => {
    const node = source.nodes.get(name)
    return node?.op === "Transpose" ? follow(node.input[0]!) : name
  }
  const spatial = (list: { list: { i: string[] } } | undefined) => ({
    ints: (list?.list.i ?? ["1", "1", "1", "1"]).slice(1, 3).map(Number),
  })

  const emit = (node: TfjsNode): string => {
    const [first, second] = node.input
    switch (node.op) {
      case "Transpose":
        return visit(first!)
      case "Pad":
      case "PadV2": {
        const p = ints(second!)
        // Rows are N, C, H, W as [before, after]; ONNX wants [top, left, bottom, right].
        if (p[0] || p[1] || p[2] || p[3]) throw refused(`${node.name} pads batch or channels`)
        pads.set(node.name, [p[4]!, p[6]!, p[5]!, p[7]!])
        return visit(first!)
      }
      case "Add": {
        const conv = source.nodes.get(follow(first!))
        if (conv?.op !== "Conv2D" || !source.weights.has(second!)) throw refused(`${node.name} is not a bias`)
        const kernel = source.weights.get(conv.input[1]!)?.shape ?? []
        return graph.node("Conv", [visit(conv.input[0]!), half(conv.input[1]!, true), half(second!, false)], {
          dilations: spatial(conv.attr.dilations),
          kernel_shape: { ints: kernel.slice(0, 2) },
          pads: padsOf(conv.input[0]!),
          strides: spatial(conv.attr.strides),
        })
      }
      case "LeakyRelu":
        return graph.node("LeakyRelu", [visit(first!)], { alpha: { float: node.attr.alpha?.f ?? 0.2 } })
      case "MaxPool":
        return graph.node("MaxPool", [visit(first!)], {
          kernel_shape: spatial(node.attr.ksize),
          pads: padsOf(first!),
          strides: spatial(node.attr.strides),
        })
      case "ConcatV2": {
        const parts = node.input.slice(0, -1).map(visit)
        const tap = tapNodes.get(node.name)
        return graph.node("Concat", parts, { axis: 1 }, tap ? [tap] : undefined)
      }
      default:
        throw refused(`${node.name} is a ${node.op}`)
    }
  }
  const visit = (name: string): string => {
    const known = done.get(name)
    if (known !== undefined) return known
    const node = source.nodes.get(name)
    if (!node) throw refused(`node ${name} is missing`)
    const out = emit(node)
    done.set(name, out)
    return out
  }

  for (const [node, tap] of tapNodes) {
    visit(node)
    graph.output(tap, ["n", nanodetContract.taps[tap]!.channels, `h_${tap}`, `w_${tap}`])
  }
  return graph.model(13)
}

/** TensorFlow kernels are [h, w, in, out], ONNX wants [out, in, h, w]. */
function toOihw(shape: readonly number[], data: Uint16Array): { shape: number[]; data: Uint16Array } {
  const [h, w, i, o] = shape as [number, number, number, number]
  const out = new Uint16Array(data.length)
  for (let hw = 0; hw < h * w; hw++) {
    for (let ci = 0; ci < i; ci++) {
      for (let co = 0; co < o; co++) out[(co * i + ci) * h * w + hw] = data[(hw * i + ci) * o + co]!
    }
  }
  return { shape: [o, i, h, w], data: out }
}

function refused(what: string): ModelError {
  return new ModelError("backbone_invalid", `NanoDet conversion: ${what}`)
}
