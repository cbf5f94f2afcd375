import { openSqlite } from "#platform/sqlite.bun"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const freezeWorker: Command = {
  summary: "write dataset versions for the hub",
  usage: "usage: crux worker freeze DATABASE",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DATABASE"])
    const { runFreezeWorker } = await import("../../dataset/freeze.worker.ts")
    const { createInspectionStore } = await import("../../inspection/inspection.store.ts")
    const { createLabellingStore, labelledPart } = await import("../../labelling/labelling.store.ts")
    const db = openSqlite(positionals[0]!)
    const labels = createLabellingStore(db)
    await runFreezeWorker(db, {
      labels: (counts) => labels.settled(counts).map(labelledPart),
      judged: createInspectionStore({ sqlite: db }).judged,
    })
  },
}
