import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"
import { CommandFailure } from "../exit.ts"

export const trainWorker: Command = {
  summary: "train",
  usage: "usage: crux worker train",
  run: async (args) => {
    parseCommandArgs("worker", args, {}, ["DIR"])
    throw new CommandFailure("failure", '"crux worker train" is not in this build.')
  },
}
