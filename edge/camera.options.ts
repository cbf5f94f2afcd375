import { readFile } from "node:fs/promises"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import type { Camera } from "./cameras/camera.ts"

/** Options of `crux edge` that choose and set up the camera. */
export const cameraOptions = {
  camera: { type: "string", default: "simulator" },
  "interval-ms": { type: "string", default: "1000" },
  station: { type: "string", default: "1" },
  stations: { type: "string", default: "1" },
  scenario: { type: "string" },
  images: { type: "string" },
  seed: { type: "string", default: "7" },
  folder: { type: "string" },
  product: { type: "string" },
} as const
export type CameraValues = {
  [K in keyof typeof cameraOptions]?: string | undefined
}

export const cameraHelp = `
  --camera simulator       makes parts itself [simulator]
    --scenario FILE          JSON with the scenario's options; the default has three products
    --station N              which of the scenario's line stations, from 1 [1]
  --camera images          plays a folder of photographs in the MVTec layout
    --images DIR             the folder
    --station N --stations M this is station N of M that share the parts [1 of 1]
    --seed N                 order of the parts [7]
  --camera folder          takes pictures another system writes into a folder
    --folder DIR             the folder
    --product KEY            product of these pictures
  --interval-ms N          time from part to part; for folder, how often to look [1000]`

/** The camera options do not fit together; ends the program as a usage failure. */
class CameraOptionFailure extends Error {
  readonly exit = "usage"
}

/** Opens the camera the options name. `partsBefore` lets a simulated line go on where it was. */
export async function openCamera(
  values: CameraValues,
  { partsBefore }: { partsBefore: number },
): Promise<Camera> {
  const interval_ms = whole("interval-ms", values, 0)
  switch (values.camera) {
    case "simulator": {
      const { createScenario } = await import("./simulator/scenario.ts")
      const { createSimulatorCamera } = await import("./cameras/simulator.camera.ts")
      return createSimulatorCamera({
        scenario: createScenario(values.scenario === undefined ? {} : await readScenario(values.scenario)),
        station: whole("station", values, 1),
        interval_ms,
        from: partsBefore + 1,
      })
    }
    case "images": {
      const { readImageFolder } = await import("./simulator/images.ts")
      const { createImagesCamera } = await import("./cameras/images.camera.ts")
      const seed = whole("seed", values, 0)
      return createImagesCamera({
        set: await readImageFolder(needed("images", values), seed),
        station: { index: whole("station", values, 1) - 1, of: whole("stations", values, 1) },
        interval_ms,
        seed,
      })
    }
    case "folder": {
      const { createFolderCamera } = await import("./cameras/folder.camera.ts")
      return createFolderCamera({
        dir: needed("folder", values),
        poll_ms: Math.max(50, interval_ms),
        ...(values.product !== undefined && { product_id: values.product }),
      })
    }
    default:
      throw new CameraOptionFailure(`--camera must be simulator, images or folder, not "${values.camera}".`)
  }
}

/** @throws Problem when the file is missing or does not describe a line. */
async function readScenario(path: string) {
  const { ScenarioOptions } = await import("./simulator/scenario.ts")
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new Problem("not_found", "scenario", `The scenario ${path} cannot be read.`, { path }, cause)
  })
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), ScenarioOptions), text)
  if (parsed.success) return parsed.output
  const what = v.summarize(parsed.issues)
  throw new Problem("invalid", "scenario", `The scenario ${path} does not describe a line: ${what}`, { path })
}

function needed(name: keyof CameraValues, values: CameraValues): string {
  const value = values[name]
  if (value === undefined) throw new CameraOptionFailure(`--camera ${values.camera} needs --${name}.`)
  return value
}

function whole(name: keyof CameraValues, values: CameraValues, min: number): number {
  const text = values[name] ?? ""
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= 1e9) return value
  throw new CameraOptionFailure(`--${name} must be a whole number from ${min}, not "${text}".`)
}
