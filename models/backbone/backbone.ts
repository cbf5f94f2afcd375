import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import * as v from "valibot"
import { BackboneContract } from "#contract/model"
import { ModelError } from "../model-error.ts"
import { type OnnxModel, readOnnx } from "../onnx/read.ts"
import { mobilenetContract, mobilenetSha256 } from "./mobilenet.ts"

/** A frozen feature extractor ready to be cut: the whole ONNX file, its contract, its identity. */
export type Backbone = { bytes: Uint8Array; contract: BackboneContract; sha256: string }

/**
 * Loads a backbone from an ONNX file. How pixels enter and which tensors are taps is told by `contractPath`,
 * else by the sidecar `<file>.json`, else known by hash. Throws `backbone_invalid` with what is missing.
 */
export async function loadBackbone(onnxPath: string, contractPath?: string): Promise<Backbone> {
  const bytes = await readBytes(onnxPath)
  const model = readModel(bytes, onnxPath)
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  const contract = await contractOf(onnxPath, contractPath, sha256)
  checkTaps(model, contract)
  return { bytes, contract, sha256 }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    const why = existsSync(path) ? "cannot be read as a file" : "does not exist"
    throw new ModelError("backbone_invalid", `the backbone file ${path} ${why}`, { cause })
  }
}

function readModel(bytes: Uint8Array, path: string): OnnxModel {
  try {
    return readOnnx(bytes)
  } catch (cause) {
    throw new ModelError("backbone_invalid", `the backbone file ${path} is not a readable ONNX model`, {
      cause,
    })
  }
}

async function contractOf(onnxPath: string, contractPath: string | undefined, sha256: string) {
  const sidecars = contractPath ? [contractPath] : [`${onnxPath}.json`, onnxPath.replace(/\.onnx$/, ".json")]
  const path = sidecars.find(existsSync)
  if (path) {
    const schema = v.pipe(v.string(), v.parseJson(), BackboneContract)
    const parsed = v.safeParse(schema, await readFile(path, "utf8"))
    if (parsed.success) return parsed.output
    throw new ModelError(
      "backbone_invalid",
      `the backbone's contract ${path} is not valid: ${v.summarize(parsed.issues)}`,
    )
  }
  if (sha256 === mobilenetSha256) return mobilenetContract
  throw new ModelError(
    "backbone_invalid",
    `unknown backbone ${onnxPath}: put a contract beside it as ${onnxPath}.json with {"v":1,"name","input":{"name","color","mean","std"},"taps":{"s8":{"tensor","stride","channels"},...},"licence"}`,
  )
}

function checkTaps(model: OnnxModel, contract: BackboneContract): void {
  const tensors = new Set(model.nodes.flatMap((node) => node.outputs))
  const missing = Object.values(contract.taps).filter((tap) => !tensors.has(tap.tensor))
  if (missing.length > 0) {
    const names = missing.map((tap) => tap.tensor).join(", ")
    throw new ModelError("backbone_invalid", `the backbone has no tensor named ${names}`)
  }
  if (!model.inputs.some((input) => input.name === contract.input.name)) {
    throw new ModelError("backbone_invalid", `the backbone has no input named ${contract.input.name}`)
  }
  // Below 13 the operators of the appended graph have other signatures.
  if (model.opset < 13)
    throw new ModelError("backbone_invalid", `operator set ${model.opset} is older than 13`)
}
