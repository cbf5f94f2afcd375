import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"
import { CommandFailure } from "../exit.ts"

export const inferWorker: Command = {
  summary: "infer",
  usage: "usage: crux worker infer",
  run: async (args) => {
    parseCommandArgs("worker", args, {})
    throw new CommandFailure("failure", '"crux worker infer" is not in this build.')
  },
}
