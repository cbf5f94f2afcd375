import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import canonicalize from "canonicalize"
import * as v from "valibot"
import { ModelContract } from "#contract/model"
import { Problem } from "#contract/problem"
import { ParityFile } from "#contract/trainer"
import { TrainingResult } from "#contract/training"
import { checkContents } from "#models/adapters/safety"
import { contractOf } from "#models/infer/session"
import type { Said } from "./parity.rules.ts"

const Result = v.pipe(v.string(), v.parseJson(), TrainingResult)
const Contract = v.pipe(v.string(), v.parseJson(), ModelContract)

export type TrainedModel = { path: string; sha256: string; result: TrainingResult }

/**
 * Reads a trainer's result folder and believes nothing: the file must have the digest and size it claims, and the
 * contract inside the ONNX, in `crux.json` and in the manifest must be one. Throws `invalid` with what does not fit.
 */
export async function readResult(dir: string): Promise<TrainedModel> {
  const text = async (name: string) => {
    try {
      return await readFile(join(dir, name), "utf8")
    } catch (cause) {
      throw refuse(`the result has no ${name}`, cause)
    }
  }
  const parsed = v.safeParse(Result, await text("manifest.json"))
  if (!parsed.success) throw refuse(`manifest.json: ${v.summarize(parsed.issues)}`)
  const result = parsed.output
  const path = join(dir, "model.onnx")
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw refuse("the result has no model.onnx", cause)
  })
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  if (sha256 !== result.model.sha256 || bytes.byteLength !== result.model.size)
    throw refuse("model.onnx is not the file the manifest names")
  checkForeign(bytes)
  const beside = v.safeParse(Contract, await text("crux.json"))
  if (!beside.success) throw refuse(`crux.json: ${v.summarize(beside.issues)}`)
  const inside = canonicalize(readContract(bytes))
  if (inside !== canonicalize(beside.output) || inside !== canonicalize(result.contract))
    throw refuse("the contract in the model and the one beside it differ")
  return { path, sha256, result }
}

/** The contract stamped into an ONNX file. Throws `invalid`. */
function readContract(onnx: Uint8Array): ModelContract {
  try {
    return contractOf(onnx)
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** A trainer may be anybody's program: its file is looked at like any other from outside before it is opened. */
function checkForeign(onnx: Uint8Array): void {
  try {
    checkContents(onnx)
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/**
 * A second form of the model, on whole numbers, with a contract of its own; null when the trainer made none. Throws `invalid`
 * for one that may not be opened.
 */
export async function readWholeNumbers(
  dir: string,
): Promise<{ path: string; sha256: string; size: number; contract: ModelContract } | null> {
  const path = join(dir, "model.int8.onnx")
  const bytes = await readFile(path).catch(() => null)
  if (bytes === null) return null
  checkForeign(bytes)
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  return { path, sha256, size: bytes.byteLength, contract: readContract(bytes) }
}

const Parity = v.pipe(v.string(), v.parseJson(), ParityFile)

/** What a trainer's own runtime said about pictures it sent along; null when it sent none, as the embedded one does. */
export async function readParity(dir: string): Promise<(Said & { picture: string })[] | null> {
  const text = await readFile(join(dir, "parity.json"), "utf8").catch(() => null)
  if (text === null) return null
  const parsed = v.safeParse(Parity, text)
  if (!parsed.success) throw refuse(`parity.json: ${v.summarize(parsed.issues)}`)
  return parsed.output.samples.map(({ image, score, eval: said, findings }) => ({
    picture: join(dir, image),
    name: image,
    score,
    eval: said,
    ...(findings && { findings }),
  }))
}

const refuse = (why: string, cause?: unknown) => new Problem("invalid", "model_invalid", why, { why }, cause)
