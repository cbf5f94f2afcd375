import { constants } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"
import { stepBack } from "./step-back.ts"

export const trainWorker: Command = {
  summary: "run one training job bundle",
  usage: "usage: crux worker train DIR",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DIR"])
    // Training may take minutes and nobody waits for a single step of it; stations and screens on the same machine go
    // first.
    stepBack(constants.priority.PRIORITY_BELOW_NORMAL)
    const { runTrainWorker } = await import("../../../models/trainer/worker.ts")
    await runTrainWorker(positionals[0]!)
  },
}
