import type { ModelContract } from "#contract/model"
import { ModelError } from "../model-error.ts"
import { createGraph } from "../onnx/graph.ts"
import { readOnnx } from "../onnx/read.ts"
import { appendFragment } from "../onnx/trunk.ts"
import { recogniseModel } from "./recognise.ts"
import { checkContents } from "./safety.ts"

/**
 * A model of another maker with a contract of ours stamped into it: nothing of it is converted or changed, the contract is
 * appended, which protobuf defines as a merge. `given` wins over what is recognised. Throws `model_invalid` for what may
 * not be opened, and for what is not known when nothing is given.
 */
export function adoptModel(
  bytes: Uint8Array,
  given?: ModelContract,
): { source: string; bytes: Uint8Array<ArrayBuffer>; contract: ModelContract } {
  const model = readOnnx(bytes)
  checkContents(model)
  const guess = given ? { source: "given", contract: given } : recogniseModel(model)
  if (!guess)
    throw new ModelError(
      "model_invalid",
      "the model carries no crux.contract and is of no form that is known: describe it",
    )
  const stamp = createGraph("crux/")
  stamp.meta("crux.contract", JSON.stringify(guess.contract))
  return { ...guess, bytes: appendFragment(bytes, stamp.fragment()) }
}
