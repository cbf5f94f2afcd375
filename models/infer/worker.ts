import { readFile } from "node:fs/promises"
import { lookAtModel, stampModel } from "../adapters/look.ts"
import { probe, thumbnail } from "../image-ops.ts"
import { codeOf, ModelError } from "../model-error.ts"
import { makePyramid } from "../pyramid.ts"
import type { Ask, Operation, Operations, Reply, Request } from "./protocol.ts"
import { type ModelSession, openModel } from "./session.ts"
import { createFrameReceiver } from "./shared-frame.ts"

/**
 * Entry of `crux worker infer`: answers requests on the IPC channel in their order, and ends when the parent goes away.
 * Everything that can block or crash (libvips, onnxruntime) happens here and not in the parent.
 */
export async function runInferWorker(): Promise<void> {
  const send = process.send?.bind(process)
  if (!send) throw new ModelError("model_crashed", "crux worker infer is started by crux itself, not by hand")
  const begin = createAnswerer()
  const frameOf = createFrameReceiver()
  let queue = Promise.resolve()
  process.on("message", ({ id, ask, frame }: Request) => {
    const finish = attempt(() =>
      begin(frame && "frame" in ask ? ({ ...ask, frame: frameOf(frame) } as Ask) : ask),
    )
    queue = queue.then(async () => {
      send(await replyOf(id, finish))
    })
  })
  // Returns when the parent is gone, however it went: a child must not stay behind.
  await new Promise<void>((resolve) => process.once("disconnect", () => resolve()))
}

type Answer = Operations[Operation]["answer"]

async function replyOf(id: number, finish: () => Promise<Answer>): Promise<Reply> {
  try {
    return { id, answer: await finish() }
  } catch (error) {
    return { id, code: codeOf(error), message: error instanceof Error ? error.message : String(error) }
  }
}

/** An error at the beginning is told in the request's turn. */
function attempt(begin: () => () => Promise<Answer>): () => Promise<Answer> {
  try {
    return begin()
  } catch (error) {
    return () => Promise.reject(error)
  }
}

/**
 * Begins what may overlap with the requests before it, and returns the rest, to be called in its turn: while the model
 * is busy with one frame, libvips prepares the next on threads of its own.
 */
function createAnswerer() {
  let model: Promise<ModelSession> | undefined
  return (ask: Ask): (() => Promise<Answer>) => {
    switch (ask.op) {
      case "load": {
        const opened = openModel(ask.model)
        model = opened
        return settledLater(opened.then(({ contract }) => contract))
      }
      case "infer": {
        const on = model
        if (!on) throw new ModelError("model_missing", "no model is loaded")
        const prepared = settledLater(on.then((session) => session.prepare(ask.frame)))
        return async () => (await on).judge(await prepared(), ask)
      }
      case "thumbnail":
        return () => thumbnail(ask.frame, ask.max)
      case "tiles":
        return () => makePyramid(ask.image, ask.folder)
      case "look":
        return async () => lookAtModel(Bun.mmap(ask.file))
      case "stamp":
        return () => stampModel(Bun.mmap(ask.file), ask.file, ask.contract, ask.into)
      case "probe":
        return async () => await probe("path" in ask.frame ? await readFile(ask.frame.path) : ask.frame.bytes)
    }
  }
}

/** A promise that may fail before anybody waits for it. */
function settledLater<T>(work: Promise<T>): () => Promise<T> {
  work.catch(() => undefined)
  return () => work
}
