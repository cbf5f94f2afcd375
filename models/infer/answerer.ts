import { codeOf, ModelError } from "../model-error.ts"
import type { Asked, AskOf, Reply } from "./protocol.ts"

/** The child's side of an asker: answers requests in their order, and returns when the parent is gone. */
export async function answerParent<Ops extends Asked>(
  name: string,
  answer: (ask: AskOf<Ops>) => Promise<Ops[keyof Ops]["answer"]>,
): Promise<void> {
  const send = process.send?.bind(process)
  if (!send)
    throw new ModelError("model_crashed", `crux worker ${name} is started by crux itself, not by hand`)
  const reply = async (id: number, ask: AskOf<Ops>): Promise<Reply<Ops>> => {
    try {
      return { id, answer: await answer(ask) }
    } catch (error) {
      return { id, code: codeOf(error), message: error instanceof Error ? error.message : String(error) }
    }
  }
  let queue = Promise.resolve()
  process.on("message", ({ id, ask }: { id: number; ask: AskOf<Ops> }) => {
    queue = queue.then(async () => {
      send(await reply(id, ask))
    })
  })
  await new Promise<void>((resolve) => process.once("disconnect", () => resolve()))
}
