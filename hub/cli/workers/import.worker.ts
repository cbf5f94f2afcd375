import { sniffImage } from "#models/image-header"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const importWorker: Command = {
  summary: "read labelled pictures of another program for the hub",
  usage: "usage: crux worker import",
  run: async (args) => {
    parseCommandArgs("worker", args, {}, [])
    const { runImportWorker } = await import("../../exchange/import.worker.ts")
    await runImportWorker(sniffImage)
  },
}
