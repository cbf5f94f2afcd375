import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import { createInferChild } from "#models/infer/child"
import { streamRuntime } from "./cli/own-runtime.ts"
import { version } from "./cli/version.command.ts"
import type { HubPorts } from "./hub.ts"
import { assetPath, openAsset } from "./platform/assets.ts"
import { systemClock } from "./platform/clock.ts"
import { systemIds } from "./platform/ids.ts"
import { linuxPunchHole } from "./platform/punch.bun.ts"
import { openSqlite } from "./platform/sqlite.bun.ts"
import { createProver } from "./registry/prover.ts"
import { createTrainerChild } from "./training/trainer.child.ts"

/** The hub's ports on Bun: its SQLite, the shipped assets, the system's clock and chance, the log on stderr. */
export function bunPorts(): HubPorts {
  return {
    openSqlite,
    punchHole: linuxPunchHole(),
    openAsset,
    clock: systemClock,
    ids: systemIds,
    imaging: createImaging(),
    trainer: createTrainerChild({ command: selfCommand("worker", "train") }),
    backbone: shippedBackbone(),
    freezer: (database) =>
      createAsker({ command: selfCommand("worker", "freeze", database), timeoutMs: 60_000 }),
    // It lives as long as its export, however slowly that is read.
    exporter: (database) =>
      createAsker({
        command: selfCommand("worker", "export", database),
        restMs: 24 * 3_600_000,
        runtime: streamRuntime,
      }),
    importer: () =>
      createAsker({
        command: selfCommand("worker", "import"),
        restMs: 24 * 3_600_000,
        runtime: streamRuntime,
      }),
    assist: createAssistPorts(),
    print: createAsker({ command: selfCommand("worker", "print") }),
    prover: createProver({ command: selfCommand("worker", "infer"), memoryBytes: foreignBytes() }),
    writeLog: (line) => void process.stderr.write(`${line}\n`),
    version,
  }
}

/** What a model may take while it is tried and proved: half of the machine, so that the hub keeps the other. */
const foreignBytes = () => Math.max(1e9, totalmem() / 2)

/** Both files by name: inside the binary they do not lie beside each other. */
export function shippedBackbone(): HubPorts["backbone"] {
  const [onnx, contract] = [assetPath("pretrained/nanodet-g.onnx"), assetPath("pretrained/nanodet-g.json")]
  return onnx && contract ? { onnx, contract } : undefined
}

/** Each begins with the first request and ends when it has had nothing to do for a while. */
export function createAssistPorts(): NonNullable<HubPorts["assist"]> {
  return {
    background: createAsker({ command: selfCommand("worker", "assist", "--background") }),
    prompt: createAsker({ command: selfCommand("worker", "assist"), restMs: 10 * 60_000 }),
    judge: () => createInferChild({ command: selfCommand("worker", "infer", "--background") }),
    similar: (database) =>
      createAsker({ command: selfCommand("worker", "similar", database), restMs: 10 * 60_000 }),
  }
}

/** A picture of 100 megapixels is cut in some seconds; a busy machine may take many times that. */
const tilesMs = 180_000

/**
 * Pictures are decoded in children of this program, started by the first one. Cutting a large one takes seconds: it has a
 * child of its own with low priority, so that no thumbnail waits for it.
 */
export function createImaging(): HubPorts["imaging"] {
  const child = createInferChild({ command: selfCommand("worker", "infer") })
  const cutter = createInferChild({
    command: selfCommand("worker", "infer", "--background"),
    timeoutMs: tilesMs,
  })
  return {
    thumbnail: (bytes, max) => child.thumbnail({ bytes }, max),
    async tiles(image, keep) {
      const folder = await mkdtemp(join(tmpdir(), "crux-tiles-"))
      try {
        const { path } = await cutter.tiles(image, folder)
        return await keep(path)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    close: async () => {
      await Promise.all([child.close(), cutter.close()])
    },
  }
}
