import { readFile } from "node:fs/promises"
import { probe, thumbnail } from "../image-ops.ts"
import { codeOf, ModelError } from "../model-error.ts"
import type { Ask, Operation, Operations, Reply, Request } from "./protocol.ts"
import { type ModelSession, openModel } from "./session.ts"
import { createFrameReceiver } from "./shared-frame.ts"

/**
 * Entry of `crux worker infer`: answers requests on the IPC channel, one after the other, and ends when the parent
 * goes away. Everything that can block or crash (libvips, onnxruntime) happens here and not in the parent.
 */
export async function runInferWorker(): Promise<void> {
  const send = process.send?.bind(process)
  if (!send) throw new ModelError("model_crashed", "crux worker infer is started by crux itself, not by hand")
  const answer = createAnswerer()
  const frameOf = createFrameReceiver()
  let queue = Promise.resolve()
  process.on("message", (request: Request) => {
    queue = queue.then(async () => {
      send(await reply(request, answer, frameOf))
    })
  })
  // Returns when the parent is gone, however it went: a child must not stay behind.
  await new Promise<void>((resolve) => process.once("disconnect", () => resolve()))
}

async function reply(
  { id, ask, frame }: Request,
  answer: ReturnType<typeof createAnswerer>,
  frameOf: ReturnType<typeof createFrameReceiver>,
): Promise<Reply> {
  try {
    const whole = frame && "frame" in ask ? ({ ...ask, frame: frameOf(frame) } as Ask) : ask
    return { id, answer: await answer(whole) }
  } catch (error) {
    return { id, code: codeOf(error), message: error instanceof Error ? error.message : String(error) }
  }
}

function createAnswerer() {
  let model: ModelSession | undefined
  return async (ask: Ask): Promise<Operations[Operation]["answer"]> => {
    switch (ask.op) {
      case "load":
        model = await openModel(ask.model)
        return model.contract
      case "infer":
        if (!model) throw new ModelError("model_missing", "no model is loaded")
        return await model.inspect(ask.frame, ask)
      case "thumbnail":
        return await thumbnail(ask.frame, ask.max)
      case "probe":
        return await probe("path" in ask.frame ? await readFile(ask.frame.path) : ask.frame.bytes)
    }
  }
}
