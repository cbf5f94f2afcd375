import { parseCommandArgs, wholeNumber } from "../cli/args.ts"
import type { Command } from "../cli/command.ts"
import { CommandFailure } from "../cli/exit.ts"

export const demoCommand: Command = {
  summary: "run a hub and simulated stations on this machine and close the loop",
  usage: `usage: crux demo [options]

Starts a hub and stations as processes of this machine. A new kind of defect appears on the line; people (or the
robot) label; the hub trains, proves and rolls out a model that knows it.

  --auto             a robot worker labels through the public API while you watch
  --headless         no people: the robot labels, the demo ends when the loop has closed
  --json             with --headless: print one JSON object with the figures
  --images DIR       real photographs in the MVTec layout: train/good, test/good, test/<defect>
  --backbone FILE    another frozen feature extractor (ONNX)
  --stations N       how many stations, 1 to 16 (3)
  --seed N           another seed draws other parts (1)
  --interval-ms N    one part per station in this time (1500; headless 700)
  --port N           port of the screens (8080 if free; headless any)
  --data DIR         keep the data in this empty folder
  --verbose          show what every process says

Exit 0 only if the new model is committed on every station and nothing was lost.`,

  run: async (args) => {
    const { values } = parseCommandArgs("demo", args, {
      auto: { type: "boolean", default: false },
      headless: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      images: { type: "string" },
      backbone: { type: "string" },
      stations: { type: "string", default: "3" },
      seed: { type: "string", default: "1" },
      "interval-ms": { type: "string" },
      port: { type: "string" },
      data: { type: "string" },
      verbose: { type: "boolean", default: false },
    })
    const number = (
      name: "stations" | "seed" | "interval-ms" | "port",
      otherwise: number,
      min: number,
      max: number,
    ) => (values[name] === undefined ? otherwise : wholeNumber("demo", name, values[name], min, max))
    const headless = values.headless
    const seed = number("seed", 1, 0, 999_999_999)
    const stations = number("stations", 3, 1, 16)
    const intervalMs = number("interval-ms", headless ? 700 : 1500, 50, 60_000)
    const port = number("port", 0, 1, 65_535) || (headless ? 0 : await freeOr0(8080))
    const say = (line: string) => process.stderr.write(`${line}\n`)

    const { startDemo } = await import("./demo.ts")
    const { failuresOf, tellFigures } = await import("./figures.ts")
    const material = await materialOf({ images: values.images, seed, intervalMs, headless, say })
    const demo = await startDemo({
      material,
      materialName: values.images ? (values.images.split("/").filter(Boolean).at(-1) ?? "images") : "drawn",
      seed,
      stations,
      port,
      dir: values.data,
      backbone: values.backbone,
      robot: headless || values.auto,
      robotThinkMs: headless ? 100 : 1500,
      partsAfter: headless ? 15 : 60,
      verbose: values.verbose,
      say,
    })
    const interrupted = new Promise<"stop">((resolve) => {
      process.once("SIGINT", () => resolve("stop"))
      process.once("SIGTERM", () => resolve("stop"))
    })
    try {
      if (!headless)
        process.stdout.write(`\nOpen ${demo.signInUrl}\n(one-time sign-in; Ctrl+C ends the demo)\n\n`)
      const end = await Promise.race([demo.finish({ stopLine: headless }), interrupted])
      if (end === "stop") {
        if (headless) throw new CommandFailure("failure", "the demo was stopped before the loop had closed.")
        return
      }
      if (values.json) process.stdout.write(`${JSON.stringify(end)}\n`)
      else process.stdout.write(`${tellFigures(end)}\n`)
      const failures = failuresOf(end)
      if (failures.length > 0) throw new CommandFailure("failure", failures.join("; "))
      if (!headless) {
        process.stdout.write("The loop has closed. The screens stay open; Ctrl+C ends the demo.\n")
        await Promise.race([interrupted, demo.broken])
      }
    } finally {
      await demo.stop()
    }
  },
}

async function materialOf(options: {
  images: string | undefined
  seed: number
  intervalMs: number
  headless: boolean
  say: (line: string) => void
}) {
  if (options.images !== undefined) {
    const { createPhotoMaterial } = await import("./photo.material.ts")
    return createPhotoMaterial({
      dir: options.images,
      seed: options.seed,
      intervalMs: options.intervalMs,
      say: options.say,
    })
  }
  const { createDrawnMaterial } = await import("./drawn.material.ts")
  return createDrawnMaterial({
    seed: options.seed,
    newKindFrom: options.headless ? 12 : 40,
    newKindShare: 0.25,
    intervalMs: options.intervalMs,
    counts: { references: 36, golden: 90, goldenNew: 16, unseen: 240 },
  })
}

/** The usual port if nothing listens there, else any. */
async function freeOr0(port: number): Promise<number> {
  const { createServer } = await import("node:net")
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(0))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)))
  })
}
