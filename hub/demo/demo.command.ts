import { parseCommandArgs, wholeNumber } from "../cli/args.ts"
import { demandBackbone } from "../cli/backbone.ts"
import type { Command } from "../cli/command.ts"
import { asConfig, CommandFailure, EXIT, usageFailure } from "../cli/exit.ts"
import { aborted } from "./aborted.ts"

export const demoCommand: Command = {
  summary: "run a hub and simulated stations on this machine and close the loop",
  usage: `usage: crux demo [options]

Starts a hub and stations as processes of this machine. A new kind of defect appears on the line; people (or the
robot) label; the hub trains, proves and rolls out a model that knows it.

  --auto             a robot worker labels through the public API while you watch
  --headless         no people: the robot labels, the demo ends when the loop has closed
  --json             with --headless: print one JSON object with the figures
  --quick            fewer parts: every step is real, but the shares rest on few parts
  --images DIR       real photographs in the MVTec layout: train/good, test/good, test/<defect>
  --backbone FILE    another frozen feature extractor (ONNX)
  --broker mosquitto hub and stations meet at a mosquitto (installed here) over TLS, every second station by certificate
  --stations N       how many stations, 1 to 16 (3)
  --seed N           another seed draws other parts (1)
  --interval-ms N    one part per station in this time (1500; headless 700, quick 1000)
  --language ko|en   what the screens speak at first (ko where the system speaks Korean, else en)
  --port N           port of the screens (8080 if free; headless any)
  --data DIR         keep the data in this empty folder
  --verbose          show what every process says

Exit 0 only if the new model is committed on every station and nothing was lost.`,

  run: async (args) => {
    const { values } = parseCommandArgs("demo", args, {
      auto: { type: "boolean", default: false },
      headless: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      images: { type: "string" },
      backbone: { type: "string" },
      broker: { type: "string" },
      stations: { type: "string", default: "3" },
      seed: { type: "string", default: "1" },
      "interval-ms": { type: "string" },
      language: { type: "string" },
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
    const { headless, quick } = values
    if (values.json && !headless) throw usageFailure("--json goes with --headless.", "demo")
    if (values.broker !== undefined && values.broker !== "mosquitto")
      throw usageFailure("--broker knows mosquitto only; crux hub --broker takes any address.", "demo")
    const seed = number("seed", 1, 0, 999_999_999)
    const stations = number("stations", 3, 1, 16)
    const intervalMs = number("interval-ms", headless ? (quick ? 1000 : 700) : 1500, 50, 60_000)
    const wantedPort = number("port", 0, 1, 65_535)
    const language = languageOf(values.language)
    const say = (line: string) => process.stderr.write(`${line}\n`)

    // Whatever a person has to correct is said before the first process starts.
    if (wantedPort !== 0) await demandFree(wantedPort)
    if (values.backbone !== undefined) await demandBackbone(values.backbone)
    if (values.broker !== undefined) (await import("./mosquitto.ts")).demandMosquitto()
    if (values.data !== undefined) await demandEmptyFolder(values.data)
    const material = await materialOf({ images: values.images, seed, intervalMs, headless, quick, say })
    const { startDemo } = await import("./demo.ts")
    const { failuresOf, tellFigures } = await import("./figures.ts")
    const interrupt = untilToldToStop()
    const demo = await startDemo({
      material,
      materialName: values.images ? (values.images.split("/").filter(Boolean).at(-1) ?? "images") : "drawn",
      seed,
      stations,
      language,
      port: wantedPort || (headless ? 0 : await freeOr0(8080)),
      dir: values.data,
      backbone: values.backbone,
      mosquitto: values.broker !== undefined,
      robot: headless || values.auto,
      robotThinkMs: headless ? 100 : 1500,
      partsAfter: headless ? (quick ? 5 : 15) : 60,
      verbose: values.verbose,
      say,
      signal: interrupt,
    })
    if (demo === "stopped") return stopped(headless)
    const interrupted = aborted(interrupt)
    try {
      if (!headless)
        process.stdout.write(
          `\nOpen ${await demo.oneTimeLink()}\n(one-time sign-in; Ctrl+C ends the demo)\n\n`,
        )
      const end = await Promise.race([demo.finish({ stopLine: headless }), interrupted])
      if (end === "stopped") return stopped(headless)
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

/** Somebody who watches has seen enough; whoever waits for figures must not take a stop for success. */
function stopped(headless: boolean): void {
  if (headless) throw new CommandFailure("failure", "The demo was stopped before the loop had closed.")
}

/**
 * Aborts at the first Ctrl+C, SIGTERM or closed terminal; the demo then stops its processes in order. A second one
 * ends the demo at once, and its processes with it.
 */
function untilToldToStop(): AbortSignal {
  const told = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (told.signal.aborted) process.exit(EXIT.failure)
      told.abort()
    })
  return told.signal
}

async function materialOf(options: {
  images: string | undefined
  seed: number
  intervalMs: number
  headless: boolean
  quick: boolean
  say: (line: string) => void
}) {
  if (options.images !== undefined) {
    const { createPhotoMaterial } = await import("./photo.material.ts")
    return asConfig(
      createPhotoMaterial({
        dir: options.images,
        seed: options.seed,
        intervalMs: options.intervalMs,
        say: options.say,
      }),
    )
  }
  const { createDrawnMaterial } = await import("./drawn.material.ts")
  return createDrawnMaterial({
    seed: options.seed,
    newKindFrom: options.headless ? (options.quick ? 5 : 12) : 40,
    newKindShare: options.quick ? 0.4 : 0.25,
    intervalMs: options.intervalMs,
    counts: options.quick
      ? { references: 18, golden: 60, goldenNew: 10, unseen: 60 }
      : { references: 18, golden: 90, goldenNew: 16, unseen: 240 },
  })
}

function languageOf(asked: string | undefined): "ko" | "en" {
  if (asked === "ko" || asked === "en") return asked
  if (asked !== undefined) throw usageFailure("--language is ko or en.", "demo")
  const { LC_ALL, LC_MESSAGES, LANG } = process.env
  return (LC_ALL || LC_MESSAGES || LANG || "").startsWith("ko") ? "ko" : "en"
}

/** The usual port if nothing listens there, else any. */
async function freeOr0(port: number): Promise<number> {
  return (await isFree(port)) ? port : 0
}

async function demandFree(port: number): Promise<void> {
  if (await isFree(port)) return
  throw new CommandFailure(
    "failure",
    `Port ${port} is already in use by another program.`,
    "Stop that program, or choose another port with --port.",
  )
}

async function isFree(port: number): Promise<boolean> {
  const { createServer } = await import("node:net")
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(false))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)))
  })
}

async function demandEmptyFolder(path: string): Promise<void> {
  const { mkdir, readdir } = await import("node:fs/promises")
  const { folderFailure } = await import("#platform/data-folder")
  const names = await mkdir(path, { recursive: true })
    .then(() => readdir(path))
    .catch((error) => {
      throw folderFailure("demo", path, error)
    })
  if (names.length === 0) return
  throw new CommandFailure(
    "config",
    `The folder ${path} is not empty.`,
    "Give the demo an empty folder with --data.",
  )
}
