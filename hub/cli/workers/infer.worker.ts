import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const inferWorker: Command = {
  summary: "look at pictures for the parent process",
  usage: "usage: crux worker infer",
  run: async (args) => {
    parseCommandArgs("worker", args, {})
    const { runInferWorker } = await import("../../../models/infer/worker.ts")
    await runInferWorker()
  },
}
