import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const selfcheckWorker: Command = {
  summary: "load the native libraries and compute something small",
  usage: "usage: crux worker selfcheck",
  run: async (args) => {
    parseCommandArgs("worker", args, {})
    const { selfCheck } = await import("#models/native.selfcheck")
    console.log(JSON.stringify(await selfCheck()))
  },
}
