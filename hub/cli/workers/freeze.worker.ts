import { dirname } from "node:path"
import { createBlobReader } from "#platform/blob-reader"
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
    const { createLabellingStore } = await import("../../labelling/labelling.store.ts")
    const { printOf } = await import("#models/embed/print")
    const [path = ""] = positionals
    const db = openSqlite(path)
    const inspections = createInspectionStore({ sqlite: db })
    const read = createBlobReader({ dataDir: dirname(path), locate: inspections.place })
    const labels = createLabellingStore(db)
    await runFreezeWorker(db, {
      labels: labels.settled,
      judged: inspections.judged,
      print: async (image) =>
        await read(image)
          .then(printOf)
          // Given up to make room, damaged, or no picture at all.
          .catch(() => null),
    })
  },
}
