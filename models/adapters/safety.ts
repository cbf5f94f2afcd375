import { ModelError } from "../model-error.ts"
import type { OnnxModel } from "../onnx/read.ts"

/** Newer ones onnxruntime here does not know. */
const newest = { ir: 13, opset: 26 }
/** Operator sets other than ONNX's own that come with the runtime and touch nothing outside. */
const domains = new Set(["ai.onnx.ml", "com.microsoft"])
/** Graphs of real models have some thousand nodes. */
const mostNodes = 50_000
/** Operators that call code, files or the network in some runtime, or bring their own. */
const refused = new Set(["PyOp", "PythonOp", "SingletonPythonOp", "CallFunction"])
const mostControlFlow = 64

/** What is in a file, as engineers read it. */
export type Contents = {
  operators: Record<string, number>
  nodes: number
  opset: number
  /** Share of convolutions that run on whole numbers; null without any. */
  whole: number | null
}

/**
 * Whether a model from elsewhere may be opened at all: one file with known operators and nothing outside itself. The
 * runtime opens it in a process that may be killed; this is what is refused before. Throws `model_invalid`.
 */
export function checkContents(model: OnnxModel): Contents {
  const no = (why: string) => new ModelError("model_invalid", why)
  if (model.ir > newest.ir || model.opset > newest.opset)
    throw no(`the model is newer than this program knows (IR ${model.ir}, operator set ${model.opset})`)
  if (model.initializers.some(({ external }) => external))
    throw no("weights in a second file are not supported: one model, one file")
  const foreign = model.domains.find((domain) => !domains.has(domain))
  if (foreign !== undefined)
    throw no(`the model uses operators of ${foreign}, which this program does not have`)
  if (model.nodes.length > mostNodes) throw no(`the model has ${model.nodes.length} nodes`)
  const operators: Record<string, number> = {}
  for (const { op } of model.nodes) operators[op] = (operators[op] ?? 0) + 1
  const bad = Object.keys(operators).find((op) => refused.has(op))
  if (bad !== undefined) throw no(`the model uses ${bad}, which may do anything`)
  const branches = model.nodes.filter(({ subgraph }) => subgraph).length
  if (branches > mostControlFlow) throw no(`the model has ${branches} loops and branches`)
  const [plain, whole] = [operators.Conv ?? 0, operators.QLinearConv ?? 0]
  return {
    operators,
    nodes: model.nodes.length,
    opset: model.opset,
    whole: plain + whole === 0 ? null : whole / (plain + whole),
  }
}
