import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const trainWorker: Command = {
  summary: "run one training job bundle",
  usage: "usage: crux worker train DIR",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DIR"])
    const { runTrainWorker } = await import("../../../models/trainer/worker.ts")
    await runTrainWorker(positionals[0]!)
  },
}
