import { constants, setPriority } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const inferWorker: Command = {
  summary: "look at pictures for the parent process",
  usage: "usage: crux worker infer [--background]",
  run: async (args) => {
    const { values } = parseCommandArgs("worker", args, { background: { type: "boolean", default: false } })
    // Before anything starts a thread: on Linux a priority is a thread's own, and new ones inherit it.
    if (values.background) setPriority(constants.priority.PRIORITY_LOW)
    const { runInferWorker } = await import("../../../models/infer/worker.ts")
    await runInferWorker()
  },
}
