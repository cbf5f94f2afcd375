import { createGraph } from "#models/onnx/graph"

type Out = { name: string; dims: number[]; data: ArrayLike<number>; int64?: boolean }

/**
 * A graph with the inputs and outputs of a real export, whose answer is known: constants, tied to the picture by nothing
 * times its mean so that nothing can be folded away.
 */
export function exported(
  image: { name: string; side: number },
  outs: readonly Out[],
  meta: Record<string, string> = {},
  sized?: string,
): Uint8Array {
  const graph = createGraph("x/")
  graph.input(image.name, [1, 3, image.side, image.side])
  if (sized) graph.input(sized, [1, 2], "i64")
  const mean = graph.node("ReduceMean", [image.name], { keepdims: 0 })
  graph.f32("x/none", [], Float32Array.of(0))
  const nothing = graph.node("Mul", [mean, "x/none"])
  for (const { name, dims, data, int64 } of outs) {
    graph.f32(`x/${name}`, dims, Float32Array.from(data))
    const sum = graph.node("Add", [`x/${name}`, nothing])
    if (int64) graph.node("Cast", [sum], { to: 7 }, [name])
    else graph.node("Identity", [sum], {}, [name])
    graph.output(name, dims, int64 ? "i64" : undefined)
  }
  for (const [key, value] of Object.entries(meta)) graph.meta(key, value)
  return graph.model(13)
}

/** A tensor of zeros with some numbers set, by their place in it. */
export function sparse(
  dims: number[],
  set: readonly (readonly [at: number[], value: number])[],
): Float32Array {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1))
  for (const [at, value] of set) data[at.reduce((sum, i, k) => sum * dims[k]! + i, 0)] = value
  return data
}
