import { constants, setPriority } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const assistWorker: Command = {
  summary: "help people judge: embeddings, outlines",
  usage: "usage: crux worker assist [--background]",
  run: async (args) => {
    const { values } = parseCommandArgs("worker", args, { background: { type: "boolean", default: false } })
    // Before anything starts a thread: on Linux a priority is a thread's own, and new ones inherit it.
    if (values.background) setPriority(constants.priority.PRIORITY_LOW)
    const { runAssistWorker } = await import("#models/assist/worker")
    await runAssistWorker()
  },
}
