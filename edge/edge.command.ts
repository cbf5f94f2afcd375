import { parseCommandArgs } from "../hub/cli/args.ts"
import type { Command } from "../hub/cli/command.ts"
import { CommandFailure } from "../hub/cli/exit.ts"

export const edgeCommand: Command = {
  summary: "run an edge station: camera, model, signal, spool",
  usage: "usage: crux edge",
  run: async (args) => {
    parseCommandArgs("edge", args, {})
    throw new CommandFailure("failure", '"crux edge" is not in this build.')
  },
}
