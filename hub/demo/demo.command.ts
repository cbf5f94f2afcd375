import { parseCommandArgs } from "../cli/args.ts"
import type { Command } from "../cli/command.ts"
import { CommandFailure } from "../cli/exit.ts"

export const demoCommand: Command = {
  summary: "run a hub and simulated stations on this machine",
  usage: "usage: crux demo",
  run: async (args) => {
    parseCommandArgs("demo", args, {})
    throw new CommandFailure("failure", '"crux demo" is not in this build.')
  },
}
