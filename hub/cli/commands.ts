import type { CommandTable } from "./command.ts"

/** Every command of `crux`, in the order of the help page. */
export const commands: CommandTable = {
  hub: () => import("./hub.command.ts").then((m) => m.hubCommand),
  edge: () => import("../../edge/edge.command.ts").then((m) => m.edgeCommand),
  broker: () => import("./broker.command.ts").then((m) => m.brokerCommand),
  export: () => import("./export.command.ts").then((m) => m.exportCommand),
  import: () => import("./import.command.ts").then((m) => m.importCommand),
  trainer: () => import("./trainer.command.ts").then((m) => m.trainerCommand),
  training: () => import("./training.command.ts").then((m) => m.trainingCommand),
  demo: () => import("../demo/demo.command.ts").then((m) => m.demoCommand),
  worker: () => import("./worker.command.ts").then((m) => m.workerCommand),
  version: () => import("./version.command.ts").then((m) => m.versionCommand),
}
