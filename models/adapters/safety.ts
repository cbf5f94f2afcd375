import { ModelError } from "../model-error.ts"
import { readInside } from "../onnx/inside.ts"
import { type OnnxModel, type OnnxValue, readOnnx } from "../onnx/read.ts"

/** Newer ones onnxruntime here does not know. */
const newest = { ir: 13, opset: 26 }
/** Operator sets other than ONNX's own that come with the runtime and touch nothing outside. */
const domains = new Set(["ai.onnx.ml", "com.microsoft"])
/** Graphs of real models have some thousand nodes. */
const mostNodes = 50_000
/** Operators that call code, files or the network in some runtime, or bring their own. */
const refused = new Set(["PyOp", "PythonOp", "SingletonPythonOp", "CallFunction"])
const mostControlFlow = 64
/** A picture in, or a map of it out, of 64 million numbers is a quarter of a gigabyte. */
const mostNumbers = 64e6

/** What is in a file, as engineers read it. */
export type Contents = {
  operators: Record<string, number>
  nodes: number
  opset: number
  /** Share of convolutions that run on whole numbers; null without any. */
  whole: number | null
}

/**
 * Whether a model from elsewhere may be opened at all: one file with known operators and nothing outside itself, in the
 * bodies of its branches and in its functions, too. The runtime opens it in a process that may be killed; this is what
 * is refused before. Throws `model_invalid`.
 */
export function checkContents(bytes: Uint8Array, model: OnnxModel = readOnnx(bytes)): Contents {
  const no = (why: string) => new ModelError("model_invalid", why)
  if (model.ir > newest.ir || model.opset > newest.opset)
    throw no(`the model is newer than this program knows (IR ${model.ir}, operator set ${model.opset})`)
  const inside = readInside(bytes)
  if (inside.external || model.initializers.some(({ external }) => external))
    throw no("weights in a second file are not supported: one model, one file")
  const own = new Set([...inside.functions].map((name) => name.slice(0, Math.max(0, name.lastIndexOf(".")))))
  const foreign = [...model.domains, ...inside.domains].find(
    (domain) => !domains.has(domain) && !own.has(domain),
  )
  if (foreign !== undefined)
    throw no(`the model uses operators of ${foreign}, which this program does not have`)
  if (inside.nodes > mostNodes) throw no(`the model has ${inside.nodes} nodes`)
  const operators = Object.fromEntries(inside.operators)
  const named = (op: string) => op.slice(op.lastIndexOf(".") + 1)
  const bad = Object.keys(operators).find((op) => refused.has(named(op)))
  if (bad !== undefined) throw no(`the model uses ${bad}, which may do anything`)
  if (inside.branches > mostControlFlow) throw no(`the model has ${inside.branches} loops and branches`)
  const large = [...model.inputs, ...model.outputs].find((end) => numbersOf(end) > mostNumbers)
  if (large) throw no(`${large.name} would hold ${numbersOf(large)} numbers`)
  const [plain, whole] = [operators.Conv ?? 0, operators.QLinearConv ?? 0]
  return {
    operators,
    nodes: inside.nodes,
    opset: model.opset,
    whole: plain + whole === 0 ? null : whole / (plain + whole),
  }
}

/** As far as its shape says. */
const numbersOf = ({ dims }: OnnxValue) =>
  dims.reduce<number>((product, dim) => product * (typeof dim === "number" && dim > 0 ? dim : 1), 1)
