import { createGraph } from "#models/onnx/graph"
import { bytesField, concat, intField, textField } from "#models/onnx/wire"

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

/** A classifier of two classes whose answer comes from `work`, a node that is handed the mean of the picture. */
function workingOn(work: (mean: string) => { nodes: Uint8Array[]; out: string }) {
  const graph = createGraph("x/")
  graph.input("x", [1, 3, 8, 8])
  const mean = graph.node("ReduceMean", ["x"], { keepdims: 0 })
  const { nodes, out } = work(mean)
  const own = bytesField(7, concat(nodes.map((node) => bytesField(1, node))))
  const rest = createGraph("y/")
  rest.f32("y/pair", [1, 2], Float32Array.of(0, 1))
  rest.node("Mul", [out, "y/pair"], {}, ["logits"])
  rest.output("logits", [1, 2])
  return concat([graph.model(13), own, rest.fragment()])
}

const node = (op: string, inputs: string[], outputs: string[], attributes: Uint8Array[] = [], domain = "") =>
  concat([
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, op),
    ...attributes.map((attribute) => bytesField(5, attribute)),
    ...(domain === "" ? [] : [textField(7, domain)]),
  ])
const value = (name: string, type: number) =>
  concat([
    textField(1, name),
    bytesField(2, bytesField(1, concat([intField(1, type), bytesField(2, empty)]))),
  ])
const empty = new Uint8Array()
const int64 = (name: string, ...values: number[]) =>
  concat([
    intField(1, values.length),
    intField(2, 7),
    textField(8, name),
    bytesField(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
  ])
/** A weight that lies in another file. */
export const elsewhere = (path: string) =>
  concat([
    intField(1, 1),
    intField(2, 1),
    textField(8, "w"),
    bytesField(13, concat([textField(1, "location"), textField(2, path)])),
    intField(14, 1),
  ])

/** A loop whose body holds `inside` beside what it needs, run `times`. */
function loop(times: number, inside: { nodes?: Uint8Array[]; weights?: Uint8Array[] } = {}) {
  const body = concat([
    bytesField(1, node("Identity", ["go"], ["goes"])),
    bytesField(1, node("Identity", ["in"], ["out"])),
    ...(inside.nodes ?? []).map((one) => bytesField(1, one)),
    textField(2, "body"),
    ...(inside.weights ?? []).map((one) => bytesField(5, one)),
    bytesField(11, value("i", 7)),
    bytesField(11, value("go", 9)),
    bytesField(11, value("in", 1)),
    bytesField(12, value("goes", 9)),
    bytesField(12, value("out", 1)),
  ])
  const attribute = concat([textField(1, "body"), bytesField(6, body), intField(20, 5)])
  return workingOn((mean) => ({
    nodes: [
      node(
        "Constant",
        [],
        ["times"],
        [concat([textField(1, "value"), bytesField(5, int64("n", times)), intField(20, 4)])],
      ),
      node("Loop", ["times", "", mean], ["looped"], [attribute]),
    ],
    out: "looped",
  }))
}

/** Files that somebody might send to do harm, or that do it without meaning to. */
export const hostile = {
  /** Goes on for years. */
  endless: () => loop(2 ** 60),
  /** Wants more than a gigabyte for one picture. */
  greedy: () =>
    workingOn((mean) => ({
      nodes: [
        node(
          "Constant",
          [],
          ["size"],
          [concat([textField(1, "value"), bytesField(5, int64("n", 300_000_000)), intField(20, 4)])],
        ),
        // Not known before it is run, so that nothing is made at loading.
        node("Cast", [mean], ["whole"], [concat([textField(1, "to"), intField(3, 7), intField(20, 2)])]),
        node("Sub", ["whole", "whole"], ["none"]),
        node("Add", ["size", "none"], ["asked"]),
        node("ConstantOfShape", ["asked"], ["much"]),
        node("Add", ["much", mean], ["more"]),
        node(
          "ReduceMean",
          ["more"],
          ["out"],
          [concat([textField(1, "keepdims"), intField(3, 0), intField(20, 2)])],
        ),
      ],
      out: "out",
    })),
  /** Reads a file of the machine as its weights, from within a loop. */
  reading: () => loop(1, { weights: [elsewhere("../../../../etc/passwd")] }),
  /** The same, from the attribute of a node. */
  readingConstant: () =>
    workingOn((mean) => ({
      nodes: [
        node(
          "Constant",
          [],
          ["w"],
          [concat([textField(1, "value"), bytesField(5, elsewhere("/etc/shadow")), intField(20, 4)])],
        ),
        node("Add", ["w", mean], ["out"]),
      ],
      out: "out",
    })),
  /** Calls Python in a loop's body, where the top names no such operator. */
  python: () => loop(1, { nodes: [node("PyOp", ["in"], ["p"])] }),
  /** Uses operators of others without saying so. */
  foreign: () => loop(1, { nodes: [node("Shell", ["in"], ["p"], [], "com.example")] }),
  /** Loops within loops within loops. */
  deep: () => {
    let attribute: Uint8Array = empty
    for (let i = 0; i < 2_000; i++)
      attribute = concat([
        textField(1, "body"),
        bytesField(6, bytesField(1, node("Loop", [], ["x"], attribute.length > 0 ? [attribute] : []))),
      ])
    return workingOn((mean) => ({ nodes: [node("Loop", [mean], ["out"], [attribute])], out: "out" }))
  },
  /** Says that its answer has more numbers than any machine has memory. */
  huge: () => {
    const graph = createGraph("h/")
    graph.input("x", [1, 3, 8, 8])
    graph.node("Identity", ["x"], {}, ["y"])
    graph.output("y", [1, 1_000, 100_000, 100_000])
    return graph.model(13)
  },
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
