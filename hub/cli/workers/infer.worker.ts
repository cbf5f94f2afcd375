import { constants } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"
import { stepBack } from "./step-back.ts"

export const inferWorker: Command = {
  summary: "look at pictures for the parent process",
  usage: "usage: crux worker infer [--background]",
  run: async (args) => {
    const { values } = parseCommandArgs("worker", args, { background: { type: "boolean", default: false } })
    if (values.background) stepBack(constants.priority.PRIORITY_LOW)
    const { runInferWorker } = await import("../../../models/infer/worker.ts")
    await runInferWorker()
  },
}
