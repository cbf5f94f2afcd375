import { openSqlite } from "#platform/sqlite.bun"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const similarWorker: Command = {
  summary: "search similar parts for the hub",
  usage: "usage: crux worker similar DATABASE",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DATABASE"])
    const { runSimilarWorker } = await import("../../assist/similar.worker.ts")
    await runSimilarWorker(openSqlite(positionals[0]!))
  },
}
