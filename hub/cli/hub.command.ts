import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { CommandFailure } from "./exit.ts"

export const hubCommand: Command = {
  summary: "run the hub: HTTP, MQTT broker, data and screens",
  usage: "usage: crux hub",
  run: async (args) => {
    parseCommandArgs("hub", args, {})
    throw new CommandFailure("failure", '"crux hub" is not in this build.')
  },
}
