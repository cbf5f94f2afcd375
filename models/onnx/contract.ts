import * as v from "valibot"
import { ModelContract } from "#contract/model"
import { ModelError } from "../model-error.ts"
import type { OnnxModel } from "./read.ts"

const Text = v.pipe(v.string(), v.parseJson(), ModelContract)

/** The contract stamped into a model under `crux.contract`, if it fits the model's ends. Throws `model_invalid`. */
export function contractIn(model: OnnxModel): ModelContract {
  const no = (why: string) => new ModelError("model_invalid", why)
  if (model.initializers.some((tensor) => tensor.external))
    throw no("weights in a second file are not supported: one model, one file")
  const text = model.metadata.get("crux.contract")
  if (text === undefined) throw no("the model carries no crux.contract")
  const parsed = v.safeParse(Text, text)
  if (!parsed.success) throw no(`crux.contract: ${v.summarize(parsed.issues)}`)
  const contract = parsed.output
  const [inputs, outputs] = [model.inputs, model.outputs].map((ends) => new Set(ends.map(({ name }) => name)))
  const limits = [contract.thresholds, ...Object.values(contract.products ?? {})]
  const named = [
    ...contract.outputs.map(({ name }) => name),
    ...limits.flatMap((one) => ("outputs" in one && one.outputs ? Object.values(one.outputs) : [])),
  ]
  const missing = named.find((name) => !outputs?.has(name))
  if (missing !== undefined) throw no(`the model has no output named ${missing}`)
  const unfed = contract.inputs.find(({ name }) => !inputs?.has(name))
  if (unfed) throw no(`the model has no input named ${unfed.name}`)
  for (const { t_low, t_high } of limits)
    if (!(Number.isFinite(t_low) && Number.isFinite(t_high) && t_low <= t_high))
      throw no("t_low must not be above t_high")
  return contract
}
