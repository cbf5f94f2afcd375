import type { Command, CommandTable } from "./command.ts"
import { usageFailure } from "./exit.ts"

/**
 * Children of the same binary: native code that blocks or may crash (ONNX, image decoding, training) runs here,
 * where it can be killed, limited and replaced.
 */
const workers: CommandTable = {
  infer: () => import("./workers/infer.worker.ts").then((m) => m.inferWorker),
  train: () => import("./workers/train.worker.ts").then((m) => m.trainWorker),
  assist: () => import("./workers/assist.worker.ts").then((m) => m.assistWorker),
  freeze: () => import("./workers/freeze.worker.ts").then((m) => m.freezeWorker),
  export: () => import("./workers/export.worker.ts").then((m) => m.exportWorker),
  import: () => import("./workers/import.worker.ts").then((m) => m.importWorker),
  similar: () => import("./workers/similar.worker.ts").then((m) => m.similarWorker),
  print: () => import("./workers/print.worker.ts").then((m) => m.printWorker),
  selfcheck: () => import("./workers/selfcheck.worker.ts").then((m) => m.selfcheckWorker),
}

export const workerCommand: Command = {
  summary: "run a child process of the hub or the edge (started by them)",
  usage: `usage: crux worker infer            inference, over the IPC channel of the parent
       crux worker train DIR        one training job bundle, result in DIR
       crux worker assist           embeddings and outlines, over the IPC channel of the parent
       crux worker freeze DATABASE  dataset versions, over the IPC channel of the parent
       crux worker export DATABASE  archives of labelled parts, over the IPC channel of the parent
       crux worker import           what somebody sent, read over the IPC channel of the parent
       crux worker similar DATABASE search among embeddings, over the IPC channel of the parent
       crux worker print            reports as PDF, over the IPC channel of the parent
       crux worker selfcheck        load the native libraries and compute something small`,
  run: async ([name = "", ...rest]) => {
    const load = Object.hasOwn(workers, name) ? workers[name] : undefined
    if (!load) {
      throw usageFailure(
        `There is no worker "${name}". There are: ${Object.keys(workers).join(", ")}.`,
        "worker",
      )
    }
    await (await load()).run(rest)
  },
}
