import { join } from "node:path"
import type { ActivationState } from "#contract/release"
import { createLog } from "#platform/log"
import { openSqlite } from "#platform/sqlite.bun"
import type { Camera, CapturedFrame } from "../../../edge/cameras/camera.ts"
import { createEdge } from "../../../edge/edge.ts"
import { childInspectors } from "../../../edge/inspector.child.ts"
import { createOutputs } from "../../../edge/outputs/outputs.ts"
import { prepareSchema } from "../../../edge/schema.ts"
import { createWatch } from "../../../edge/surroundings.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { inferCommand } from "../../models/kit.ts"
import { grey } from "./models.ts"
import type { Peer } from "./peer.ts"

/** A camera that shows a part whenever the test says so. */
export function handCamera() {
  const waiting: CapturedFrame[] = []
  let wake = () => {}
  const camera: Camera = {
    async *frames(signal) {
      signal.addEventListener("abort", () => wake())
      while (!signal.aborted) {
        const frame = waiting.shift()
        if (frame) yield frame
        else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    },
  }
  let number = 0
  return {
    camera,
    show: (level: number, times = 1, product_id?: string): void => {
      for (let i = 0; i < times; i++) {
        const { raw: data, width, height, channels } = grey(level)
        waiting.push({
          image: { form: "raw", data, width, height, channels },
          part_id: `part-${++number}`,
          ...(product_id !== undefined && { product_id }),
          captured_at: Date.now(),
          simulated: true,
        })
      }
      wake()
    },
  }
}

/** A station in this process, on a data folder that outlives it. */
export async function startStation(
  folder: string,
  peer: Pick<Peer, "identity">,
  options: { reached?: (state: ActivationState) => void; quota?: number; port?: number } = {},
) {
  const sqlite = openSqlite(join(folder, "edge.db"))
  prepareSchema(sqlite)
  const { camera, show } = handCamera()
  const log = createLog({
    level: process.env.CRUX_TEST_LOG === undefined ? "error" : "debug",
    subject: "edge",
    write: process.env.CRUX_TEST_LOG === undefined ? () => {} : (line) => console.log(line),
    now: Date.now,
  })
  const watch = createWatch({ now: Date.now })
  const edge = await createEdge({
    identity: peer.identity(),
    folder,
    sqlite,
    camera,
    openInspector: childInspectors(inferCommand),
    output: createOutputs({ drivers: [], watch }),
    watch,
    quota: options.quota ?? 1e9,
    software: "test",
    clock: { now: Date.now },
    ids: systemIds,
    random: () => 0.5,
    log,
    ...(options.reached && { reached: options.reached }),
  })
  await edge.start()
  return {
    edge,
    show,
    stop: async () => {
      await edge.stop()
      sqlite.close()
    },
  }
}
