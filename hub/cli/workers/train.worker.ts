import { constants, setPriority } from "node:os"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const trainWorker: Command = {
  summary: "run one training job bundle",
  usage: "usage: crux worker train DIR",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DIR"])
    // Training may take minutes and nobody waits for a single step of it; stations and screens on the same machine go
    // first. Before anything else, as threads inherit it when they are made.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
    const { runTrainWorker } = await import("../../../models/trainer/worker.ts")
    await runTrainWorker(positionals[0]!)
  },
}
