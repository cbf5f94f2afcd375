import type { CheckImage } from "#contract/release"
import type { GraphWriter } from "#models/onnx/graph"
import { brightnessModel, jpegOf } from "../../models/kit.ts"
import type { Peer } from "./peer.ts"

/** Square of one grey level; the test models score it `level / 255`. Below 0.4 is OK, from 0.6 NG. */
export function grey(level: number, side = 32) {
  return { raw: new Uint8Array(side * side * 3).fill(level), width: side, height: side, channels: 3 as const }
}

/** The same model under another digest, `padding` bytes longer. */
export function goodModel(variant: number, padding = 0): Uint8Array {
  return brightnessModel((graph, map) => {
    const values = new Float32Array(1 + Math.ceil(padding / 4))
    // Not compressible and not alike from chunk to chunk, so that chunks differ.
    for (let i = 1; i < values.length; i++) values[i] = (i * 2_654_435_761 + variant) % 1_000_003
    values[0] = variant
    graph.f32("ballast", [values.length], values)
    graph.i64("at", [0])
    const zero = graph.node("Sub", [
      graph.node("Gather", ["ballast", "at"]),
      graph.f32("same", [1], values.slice(0, 1)),
    ])
    return graph.node("Add", [map, zero])
  })
}

/** Judges dark pictures like the good model, and answers NaN for pictures brighter than half. */
export function nanModel(): Uint8Array {
  return brightnessModel((graph, map) => {
    const half = graph.f32("half", [1], Float32Array.of(0.5))
    const root = graph.node("Sqrt", [graph.node("Sub", [half, map])])
    return graph.node("Add", [map, graph.node("Mul", [root, zeroOf(graph)])])
  })
}

/** Judges dark pictures like the good model, and makes the runtime fail on pictures brighter than half. */
export function crashingModel(): Uint8Array {
  return brightnessModel((graph, map) => {
    const doubled = graph.node("Mul", [
      graph.node("ReduceMax", [map], { keepdims: 0 }),
      graph.f32("two", [], Float32Array.of(1.99)),
    ])
    const place = graph.node("Cast", [doubled], { to: 7 })
    const table = graph.f32("table", [1], Float32Array.of(0))
    return graph.node("Add", [map, graph.node("Gather", [table, place])])
  })
}

/** Calls everything undecidable: a score of a half whatever it sees. */
export function undecidedModel(): Uint8Array {
  return brightnessModel((graph, map) => {
    const half = graph.f32("half", [1], Float32Array.of(0.5))
    return graph.node("Add", [graph.node("Mul", [map, zeroOf(graph)]), half])
  })
}

const zeroOf = (graph: GraphWriter) => graph.f32("nothing", [1], Float32Array.of(0))

/** Signed check images: a dark OK part and, for models that can take it, a bright NG part. */
export async function checksFor(peer: Peer, levels: readonly number[] = [26, 230]): Promise<CheckImage[]> {
  return await Promise.all(
    levels.map(async (level) => {
      const score = level / 255
      const evaluation = score < 0.4 ? "ok" : score >= 0.6 ? "ng" : "undecidable"
      const image = peer.put(await jpegOf(grey(level)))
      return { image, mime: "image/jpeg", expect: { eval: evaluation, score, tol: 0.02 } }
    }),
  )
}
