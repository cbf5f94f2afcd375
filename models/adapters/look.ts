import { copyFile, open } from "node:fs/promises"
import type { ModelContract } from "#contract/model"
import type { ModelDoubt, ModelEnd, ModelLook } from "#contract/registry"
import { ModelError } from "../model-error.ts"
import { contractIn } from "../onnx/contract.ts"
import { createGraph } from "../onnx/graph.ts"
import { type OnnxModel, type OnnxValue, readOnnx } from "../onnx/read.ts"
import { isNumbered } from "./names.ts"
import { blankDraft, recogniseModel } from "./recognise.ts"
import { checkContents } from "./safety.ts"

export type Looked = Omit<ModelLook, "file" | "size">

/**
 * What a file of somebody else is taken for. Reads it without a copy and opens no runtime; still, it belongs into a child:
 * a file may be made to take all memory there is. Throws `model_invalid` for what may not be opened.
 */
export function lookAtModel(bytes: Uint8Array): Looked {
  const model = readOnnx(bytes)
  const contents = checkContents(bytes, model)
  const own = model.metadata.has("crux.contract")
  const guess = own ? { source: "crux", contract: contractIn(model) } : recogniseModel(model)
  const contract = guess?.contract ?? blankDraft(model)
  const weights = new Set(model.initializers.map(({ name }) => name))
  return {
    source: guess?.source ?? null,
    contract,
    contents,
    inputs: model.inputs.filter(({ name }) => !weights.has(name)).map(endOf),
    outputs: model.outputs.map(endOf),
    doubts: own ? [] : doubtsOf(model, contract, guess?.source ?? null),
  }
}

/**
 * Writes a copy with a contract of ours stamped into it: nothing of the file is converted or changed, the contract is
 * appended, which protobuf defines as a merge, and of two the last counts. Without one that is `given` a file keeps its
 * own, or gets what its form suggests; then null says that the file is as it has to be. Throws `model_invalid` for what
 * may not be opened, for what is not known, and for a contract that does not fit the file.
 */
export async function stampModel(
  bytes: Uint8Array,
  path: string,
  given: ModelContract | undefined,
  into: string,
): Promise<{ contract: ModelContract; stamped: boolean }> {
  const model = readOnnx(bytes)
  checkContents(bytes, model)
  if (!given && model.metadata.has("crux.contract")) return { contract: contractIn(model), stamped: false }
  const contract = given ?? recogniseModel(model)?.contract
  if (!contract)
    throw new ModelError(
      "model_invalid",
      "the model carries no crux.contract and is of no form that is known: describe it",
    )
  const stamp = createGraph("crux/")
  const text = JSON.stringify(contract)
  stamp.meta("crux.contract", text)
  // As the file will be read: what does not fit is refused here and not at a station.
  const read = contractIn({ ...model, metadata: new Map([["crux.contract", text]]) })
  await copyFile(path, into)
  const file = await open(into, "a")
  try {
    await file.write(stamp.fragment())
    await file.sync()
  } finally {
    await file.close()
  }
  return { contract: read, stamped: true }
}

const types: Readonly<Record<number, string>> = {
  1: "f32",
  2: "u8",
  3: "i8",
  6: "i32",
  7: "i64",
  9: "bool",
  10: "f16",
  11: "f64",
}
const endOf = ({ name, dims, type }: OnnxValue): ModelEnd => ({ name, dims, type: types[type] ?? `${type}` })

/** What an engineer should look at before relying on a guess. */
function doubtsOf(model: OnnxModel, contract: ModelContract, source: string | null): ModelDoubt[] {
  const { task, classes, provenance, inputs, outputs } = contract
  const [input] = inputs
  const image = model.inputs.find(({ name }) => name === input?.name)
  const whole = task === "classification" || task === "multilabel"
  const assumed = ["hugging-face", "classifier", "segmentation", "mmdeploy", "rf-detr"]
  const doubts: [ModelDoubt, boolean][] = [
    ["unknown_form", source === null],
    ["half_input", image?.type === 10],
    ["no_good_class", whole && !classes.some(({ verdict }) => verdict === "OK")],
    ["names_missing", task !== "anomaly" && isNumbered(classes)],
    ["preparation_assumed", source !== null && assumed.includes(source)],
    ["size_assumed", image?.dims.slice(1).some((dim) => typeof dim !== "number" || dim <= 0) ?? true],
    ["masks_not_read", outputs.some(({ role }) => role === "proto") || task === "instance"],
    ["copyleft", /gpl/i.test(provenance.licence ?? "")],
    ["licence_unknown", provenance.licence === undefined],
  ]
  return doubts.flatMap(([doubt, holds]) => (holds ? [doubt] : []))
}
