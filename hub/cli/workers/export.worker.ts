import { dirname, join } from "node:path"
import { createBlobReader, objectPath, objectsIn } from "#platform/blob-reader"
import { systemClock } from "#platform/clock"
import { openSqlite } from "#platform/sqlite.bun"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const exportWorker: Command = {
  summary: "make an archive of labelled parts for the hub",
  usage: "usage: crux worker export DATABASE",
  run: async (args) => {
    const { positionals } = parseCommandArgs("worker", args, {}, ["DATABASE"])
    const [path = ""] = positionals
    const { createDatasetReader } = await import("../../dataset/dataset.reader.ts")
    const { createDatasetStore } = await import("../../dataset/dataset.store.ts")
    const { splitOf } = await import("../../exchange/entry.format.ts")
    const { createExporter } = await import("../../exchange/export-order.ts")
    const { runExportWorker } = await import("../../exchange/export.worker.ts")
    const { createInspectionStore } = await import("../../inspection/inspection.store.ts")
    const { createLabelledStore } = await import("../../labelling/labelled.store.ts")
    const { createParts } = await import("../../parts/parts.service.ts")
    const { createPartsStore } = await import("../../parts/parts.store.ts")
    const { createProjectTasks } = await import("../../label-studio/project-tasks.ts")
    const { createBundleTar } = await import("../../training/bundle-tar.ts")
    const { createBundleTexts } = await import("../../training/bundle-texts.ts")
    const { createUsersStore } = await import("../../users/users.store.ts")
    const db = openSqlite(path)
    // The hub is the one that writes.
    db.exec("PRAGMA query_only = ON")
    const dataset = createDatasetReader(createDatasetStore(db))
    const labels = createLabelledStore(db)
    const parts = createParts({
      store: createPartsStore(db),
      // What has come in is found: the hub has taken it up before it asked.
      facts: { follow: () => {} },
      view: () => undefined,
      datasets: dataset.named,
      clock: systemClock,
    })
    const inspections = createInspectionStore({ sqlite: db })
    const read = createBlobReader({ dataDir: dirname(path), locate: inspections.place })
    const projects = createProjectTasks({
      db,
      userOf: createUsersStore(db).byId,
      imageOf: (id) => inspections.view(id)?.image,
      read,
    })
    const exporter = createExporter({
      labels,
      splitOf: (part, image) => splitOf(dataset.splitOf(part, image)),
      frozen: { page: dataset.page, drawingAt: labels.drawingAt },
      picture: read,
      found: parts.numbers,
      folder: join(dirname(path), "exports"),
      projects: {
        source: projects.source,
        text(task) {
          // All of one moment, whatever the hub stores meanwhile: this process makes no other text after it.
          db.exec("BEGIN")
          return projects.text(task)
        },
      },
      tar: createBundleTar({
        samples: dataset.samples,
        read,
        file: async (sha256) => objectPath(objectsIn(dirname(path)), sha256),
      }),
    })
    await runExportWorker(
      exporter,
      createBundleTexts({ samples: dataset.samples, drawingAt: labels.drawingAt }),
    )
  },
}
