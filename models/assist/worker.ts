import { loadBackbone } from "../backbone/backbone.ts"
import { type Embedder, openEmbedder } from "../embed/embedder.ts"
import { answerParent } from "../infer/answerer.ts"
import type { AskOf } from "../infer/protocol.ts"
import { createOutliner } from "../segment/outliner.ts"
import type { AssistOperations, BackboneFiles } from "./protocol.ts"

/**
 * Entry of `crux worker assist`: helps people judge. Every request names the files it needs, so that a child that was
 * replaced goes on where the one before it ended; what was opened last stays open.
 */
export async function runAssistWorker(): Promise<void> {
  const embedderOf = createEmbedders()
  const outliner = createOutliner()
  await answerParent<AssistOperations>("assist", async (ask: AskOf<AssistOperations>) => {
    switch (ask.op) {
      case "space":
        return (await embedderOf(ask.backbone)).space
      case "embed": {
        const { space, embed } = await embedderOf(ask.backbone)
        const vector = await embed({ bytes: ask.bytes })
        return { space, vector: new Uint8Array(vector.buffer) }
      }
      case "embedAll": {
        const { space, embedAll } = await embedderOf(ask.backbone)
        const vectors = await embedAll(ask.pictures.map((bytes) => ({ bytes })))
        return {
          space,
          vectors: vectors.map((vector) =>
            vector instanceof Int8Array ? new Uint8Array(vector.buffer) : null,
          ),
        }
      }
      case "examine":
        return await outliner.examine(ask)
      case "rehearse":
        return await outliner.rehearse(ask)
      case "outline":
        return await outliner.outline(ask)
    }
  })
}

function createEmbedders() {
  let open: { of: string; embedder: Embedder } | undefined
  return async ({ onnx, contract }: BackboneFiles): Promise<Embedder> => {
    const of = `${onnx}\n${contract ?? ""}`
    if (open?.of === of) return open.embedder
    await open?.embedder.release()
    open = undefined
    const embedder = await openEmbedder(await loadBackbone(onnx, contract))
    open = { of, embedder }
    return embedder
  }
}
