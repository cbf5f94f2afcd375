import { readFile } from "node:fs/promises"
import type { InferenceSession, Tensor } from "onnxruntime-node"
import type { Finding, Timing, Verdict } from "#contract/inspection"
import type { ModelContract, ModelInput } from "#contract/model"
import { type Outputs, readAnswer } from "../adapters/decode.ts"
import { ModelError } from "../model-error.ts"
import { loadOrt } from "../native.ts"
import { contractIn } from "../onnx/contract.ts"
import { readOnnx } from "../onnx/read.ts"
import { type Frame, type InputTensor, type Placement, preprocess } from "../preprocess.ts"
import { findingsOf } from "./findings.ts"
import { limitsFor, type Thresholds, verdictFor } from "./verdict.ts"

/**
 * One thread and no spinning: N sessions in N processes beat one session with N threads, and spinning burns
 * 52 CPU-ms per 10 ms inference at 10 Hz. Values of `extra` must be strings.
 */
export const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: "0" } } },
}

/** Anomaly map for display: NG score per cell, 0..255, row-major. */
export type CellMap = { w: number; h: number; cells: Uint8Array }
export type Inspection = { verdict: Verdict; findings: Finding[]; timing: Timing; map?: CellMap }
export type InspectOptions = {
  /** Those of a deployment record win over the ones in the model. */
  thresholds?: Thresholds
  /** What the part is, for a model that knows several products apart. */
  product?: string | undefined
  map?: boolean
}
/** A frame as the model's input; `pre` is how long that took in milliseconds. */
export type Prepared = InputTensor & { placement: Placement; pre: number }
export type ModelSession = {
  contract: ModelContract
  /** Decodes, resizes, normalises, mostly on threads of libvips: may overlap with `judge` of another frame. */
  prepare: (frame: Frame) => Promise<Prepared>
  /** Runs the model, blocking the calling thread. */
  judge: (prepared: Prepared, options?: InspectOptions) => Promise<Inspection>
  /** Both, one after the other. */
  inspect: (frame: Frame, options?: InspectOptions) => Promise<Inspection>
  release: () => Promise<void>
}

/** Contract stamped into an ONNX file under `crux.contract`. Throws `model_invalid`. */
export const contractOf = (bytes: Uint8Array): ModelContract => contractIn(readOnnx(bytes))

/**
 * Opens a model for inspection. `run` blocks the calling thread, so this belongs in a child process.
 * Throws `model_missing`, `model_invalid`; `prepare` throws `unreadable_image`, `unsupported_image`; `judge` throws
 * `nan_output`, `model_crashed`.
 */
export async function openModel(path: string): Promise<ModelSession> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ModelError("model_missing", `no model at ${path}`, { cause })
  })
  const contract = contractOf(bytes)
  const ort = await loadOrt()
  // From the path, not the buffer: the session then holds the weights once.
  const session = await ort.InferenceSession.create(path, sessionOptions).catch((cause: unknown) => {
    throw new ModelError("model_invalid", `onnxruntime refuses the model: ${String(cause)}`, { cause })
  })
  const input = contract.inputs[0]!
  const prepare: ModelSession["prepare"] = async (frame) => {
    const started = performance.now()
    return { ...(await preprocess(frame, input)), pre: performance.now() - started }
  }
  const release = async () => await session.release()
  const run = async (feeds: Record<string, Tensor>, fetches: readonly string[]) =>
    await session.run(feeds, fetches).catch((cause: unknown) => {
      throw new ModelError("model_crashed", `onnxruntime: ${String(cause)}`, { cause })
    })
  const tensorOf = ({ data, dims }: InputTensor) =>
    data instanceof Uint8Array ? new ort.Tensor("uint8", data, dims) : new ort.Tensor("float32", data, dims)
  if (contract.decode.type !== "crux_patch") {
    const judge = foreignJudge(contract, async (prepared) => {
      const sized = contract.decode.size_input
      const [h = 0, w = 0] = sizeOf(prepared, input)
      const feeds = {
        [input.name]: tensorOf(prepared),
        ...(sized && { [sized]: new ort.Tensor("int64", BigInt64Array.of(BigInt(w), BigInt(h)), [1, 2]) }),
      }
      const named = contract.outputs.map(({ name }) => name)
      return { outputs: numbersOf(await run(feeds, named), named), input: { w, h } }
    })
    return {
      contract,
      prepare,
      judge,
      inspect: async (frame, options) => await judge(await prepare(frame), options),
      release,
    }
  }
  const nameOf = (role: string) => contract.outputs.find((output) => output.role === role)?.name
  const common = { score: nameOf("score"), map: nameOf("map") }
  const probsName = nameOf("probs")
  if (common.score === undefined)
    throw new ModelError("model_invalid", "the model has no output of role score")

  const judge: ModelSession["judge"] = async (
    { data, dims, placement, pre },
    { thresholds, product, map: wantMap = false } = {},
  ) => {
    const started = performance.now()
    const own = limitsFor(contract, product)
    const names = own.outputs ?? common
    const fetches = [names.score, names.map, probsName].filter((name) => name !== undefined)
    const outputs = await run({ [input.name]: tensorOf({ data, dims }) }, fetches)
    const ran = performance.now()
    const read = (name: string | undefined) => (name === undefined ? undefined : outputs[name])
    const score = floats(read(names.score))?.[0] ?? Number.NaN
    const mapTensor = read(names.map)
    const map = floats(mapTensor)
    const probs = floats(read(probsName))
    if (!Number.isFinite(score) || map?.some((cell) => !Number.isFinite(cell))) {
      throw new ModelError("nan_output", "the model returned a value that is no number")
    }
    const verdict = verdictFor({ score }, thresholds ?? own)
    const [h = 0, w = 0] = mapTensor?.dims.slice(-2) ?? []
    const findings =
      map && verdict.eval !== "ok"
        ? findingsOf(
            { w, h, map, ...(probs && { probs }), stride: (dims.at(-1) ?? 0) / w },
            own.pixel ?? (thresholds ?? own).t_low,
            contract.classes.map((kind) => kind.key),
            placement,
          )
        : []
    const timing = { pre, infer: ran - started, post: performance.now() - ran }
    return { verdict, findings, timing, ...(map && wantMap && { map: { w, h, cells: toBytes(map) } }) }
  }

  return {
    contract,
    prepare,
    judge,
    inspect: async (frame, options) => await judge(await prepare(frame), options),
    release,
  }
}

/** Height and width of a prepared picture. */
const sizeOf = ({ dims }: InputTensor, { layout }: ModelInput) =>
  layout === "NCHW" ? dims.slice(2, 4) : dims.slice(1, 3)

/** Judges by the answer of a model of another maker. */
function foreignJudge(
  contract: ModelContract,
  ask: (prepared: Prepared) => Promise<{ outputs: Outputs; input: { w: number; h: number } }>,
): ModelSession["judge"] {
  return async (prepared, { thresholds, product } = {}) => {
    const started = performance.now()
    const own = limitsFor(contract, product)
    const { outputs, input } = await ask(prepared)
    const ran = performance.now()
    const { score, findings } = readAnswer(
      outputs,
      { ...contract, thresholds: own },
      input,
      prepared.placement,
    )
    if (!Number.isFinite(score) || findings.some((finding) => !Number.isFinite(finding.score)))
      throw new ModelError("nan_output", "the model returned a value that is no number")
    const verdict = verdictFor({ score }, thresholds ?? own)
    const timing = { pre: prepared.pre, infer: ran - started, post: performance.now() - ran }
    return { verdict, findings: verdict.eval === "ok" ? [] : findings, timing }
  }
}

/** 64-bit labels become plain numbers: none is so large that it would not fit. */
function numbersOf(outputs: InferenceSession.OnnxValueMapType, names: readonly string[]): Outputs {
  return Object.fromEntries(
    names.flatMap((name) => {
      const tensor = outputs[name]
      if (!tensor || !ArrayBuffer.isView(tensor.data)) return []
      const data = tensor.data instanceof BigInt64Array ? Float64Array.from(tensor.data, Number) : tensor.data
      return [[name, { dims: tensor.dims, data: data as Float32Array }]]
    }),
  )
}

function floats(tensor: InferenceSession.OnnxValueMapType[string] | undefined): Float32Array | undefined {
  return tensor?.data instanceof Float32Array ? tensor.data : undefined
}

function toBytes(map: Float32Array): Uint8Array {
  return Uint8Array.from(map, (cell) => Math.min(255, Math.max(0, Math.round(cell * 255))))
}
