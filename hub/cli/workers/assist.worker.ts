import { constants } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"
import { stepBack } from "./step-back.ts"

export const assistWorker: Command = {
  summary: "help people judge: embeddings, outlines",
  usage: "usage: crux worker assist [--background]",
  run: async (args) => {
    const { values } = parseCommandArgs("worker", args, { background: { type: "boolean", default: false } })
    if (values.background) stepBack(constants.priority.PRIORITY_LOW)
    const { runAssistWorker } = await import("#models/assist/worker")
    await runAssistWorker()
  },
}
