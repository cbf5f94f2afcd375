import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { benchCanvas } from "./bench/canvas.ts"
import { benchCrowd } from "./bench/crowd.ts"
import { benchDelivery } from "./bench/delivery.ts"
import { benchExchange } from "./bench/exchange.ts"
import { benchHandover } from "./bench/handover.ts"
import { benchIngest, mosquittoBinary } from "./bench/ingest.ts"
import { benchLearningCurve } from "./bench/learning-curve.ts"
import { benchLoop } from "./bench/loop.ts"
import { describeMachine } from "./bench/machine.ts"
import { benchOutline } from "./bench/outline.ts"
import { benchParts } from "./bench/parts.ts"
import { benchPipeline } from "./bench/pipeline.ts"
import { benchQueue } from "./bench/queue.ts"
import type { BenchRow } from "./bench/row.ts"
import { benchSimilar } from "./bench/similar.ts"
import { benchStorm } from "./bench/storm.ts"
import { benchTablet } from "./bench/tablet.ts"
import { benchTraining } from "./bench/training.ts"
import { prepare } from "./prepare.ts"

/**
 * bun run bench [--only NAME,NAME]: speed as shares of what the same machine does at best in the same run. Each bench keeps
 * its last rows on this machine; docs/bench.md is written from all of them. All together take about half an hour, and
 * never more than one.
 */
const benches: Record<string, () => Promise<BenchRow[]>> = {
  pipeline: () => benchPipeline(),
  ingest: benchIngest,
  crowd: benchCrowd,
  storm: benchStorm,
  delivery: benchDelivery,
  exchange: benchExchange,
  queue: benchQueue,
  parts: benchParts,
  similar: benchSimilar,
  outline: benchOutline,
  curve: benchLearningCurve,
  training: benchTraining,
  loop: benchLoop,
  tablet: benchTablet,
  handover: benchHandover,
  canvas: benchCanvas,
}
const longestMs = 60 * 60_000

/** The last rows of each bench, by name, and when they were measured. */
type Kept = Record<string, { day: string; rows: BenchRow[] }>
const keptIn = join(import.meta.dirname, "../.cache/bench.json")

const { values } = parseArgs({ options: { only: { type: "string" } } })
const only = values.only?.split(",")
const unknown = only?.find((name) => !(name in benches))
if (unknown !== undefined) {
  console.error(`bench: there is no "${unknown}". There are: ${Object.keys(benches).join(", ")}.`)
  process.exit(2)
}
const names = Object.keys(benches).filter((name) => only === undefined || only.includes(name))
setTimeout(() => {
  console.error(`bench: not done after ${longestMs / 60_000} minutes.`)
  process.exit(1)
}, longestMs)

await prepare()
const machine = await describeMachine()
const kept = await readKept()
const failed: string[] = []
for (const name of names) {
  console.error(`${name} …`)
  try {
    const rows = await benches[name]!()
    console.log(tableOf(rows))
    kept[name] = { day: new Date().toISOString().slice(0, 10), rows }
    // At once: what took minutes to measure must not go with what fails later.
    await mkdir(dirname(keptIn), { recursive: true })
    await writeFile(keptIn, JSON.stringify(kept, undefined, 2))
  } catch (error) {
    console.error(error)
    failed.push(name)
  }
}
await writeFile(join(import.meta.dirname, "../docs/bench.md"), pageOf(machine, kept))
if (failed.length > 0) console.error(`bench: could not be measured: ${failed.join(", ")}.`)
// Children that were measured keep no handle, but onnxruntime in this process does.
process.exit(failed.length > 0 ? 1 : 0)

async function readKept(): Promise<Kept> {
  try {
    return JSON.parse(await readFile(keptIn, "utf8")) as Kept
  } catch {
    return {}
  }
}

function tableOf(rows: readonly BenchRow[]): string {
  const line = ({ name, value, unit, reference, ratio, against }: BenchRow) =>
    `| ${name} | ${threeDigits(value)} ${unit} | ${threeDigits(reference)} ${unit} | **${ratio.toFixed(2)}** | ${against} |`
  return [
    "| what | CRUX | reference | ratio | the reference is |",
    "|---|---:|---:|---:|---|",
    ...rows.map(line),
  ].join("\n")
}

function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}

function pageOf(machine: readonly string[], kept: Kept): string {
  const measured = Object.keys(benches).filter((name) => kept[name])
  const missing = Object.keys(benches).filter((name) => !kept[name])
  const table = tableOf(measured.flatMap((name) => kept[name]!.rows))
  const days = measured.map((name) => `${name} ${kept[name]!.day}`).join(", ")
  const left = missing.length > 0 ? `\nNot measured on this machine yet: ${missing.join(", ")}.\n` : ""
  const mosquitto = mosquittoBinary()
    ? ""
    : "\nmosquitto is not installed on this machine: its row is missing.\n"
  return `# How fast

Written by \`bun run bench\`. Each row is a ratio: what CRUX does over what the same machine does at best in the same run, so
that it says something on other machines too. 1 is the most there is. Rows of one bench are from one run: ${days}.

${machine.map((line) => `- ${line}`).join("\n")}

${table}
${left}${mosquitto}
## How to read it

- Rates are medians of three to five rounds, reference and CRUX turn by turn; both share the machine with the
  generator of the load.
- **edge station**: from a raw frame in memory to a committed record (child process, resize, model, verdict, output,
  outbox, JPEG of 1 part in 20), frames always waiting, one inference process. The reference has nothing but the model.
  The next frame is prepared beside the model, which takes a second core: where other programs keep all cores busy the
  share falls.
- **durable ingest**: 20 connections with 8 frames in flight; the PUBACK comes when image and row are synced. The disk
  alone writes the same images and rows with the same grouping. mosquitto acknowledges without storing anything, so
  that row is the price of durability, not a contest.
- **a frozen subscriber**, **outage**, **connect storm**: the reference is a limit, so 1 is enough and more is better; for
  the frozen subscriber 0.5 is enough. The outage is scaled 1:10: 50 stations put a minute's worth of parts, 120 each,
  into their outboxes as fast as their disk allows, the hub starts, and all go on inspecting 2 parts a second in real
  time until what was made during the outage is acknowledged; all stations share one process and the machine with the hub.
  In the storm those beyond the hub's limit of connections are turned away at the door; the row says how many came in.
- **tablet**: the built screens in headless Chromium, which draws with the processor; hub, the 50 others (1 to 2 s a part) and
  the browser share the machine. First load is everything but fonts and pictures, median of seven fresh browsers; a
  finger rests 80 ms on a button, and a tap counts from the lifted finger to the frame that shows it.
- **a shared tablet**: from the tap that locks it over a name and four digits, tapped by a robot as soon as it may, to the next
  one's part; PINs cost the hub what they cost in a plant; median of six.
- **model delivery**: chunks of 256 KiB asked for over MQTT, each hashed on arrival; bare TCP hashes nothing.
- **100,000 tasks**: 300,000 boxes without pictures, into a ZIP archive and out of it, checked by our schemas; the disk of
  the machine and a process start are in it. Label Studio's converter writes a folder of the same tasks from its JSON.
- **next part**: through the whole HTTP side, in the hub's own process, while every tablet judges a part each 1.5 s and holds
  three; the reference is a limit. The draws that count double hand-outs come from fifty at once, as fast as they are answered, with the disk not waited for.
- **page of parts**: through the whole HTTP side, filters from the usual to those that find nothing, their first pages and the
  ones behind; a page may come half full with the place to go on from. The bare read is fifty rows of inspections by time.
- **dataset version**: from the request to the answer, everything labelled read, placed and written by a child on the same disk
  while somebody asks for the list of inspections every 10 ms.
- **polygons**, **brush masks**: the built Label screen in headless Chromium without a graphics card (all drawing by the
  processor), 1280 × 800, a picture of 12 megapixels, drawings of a real hub in the same machine. A frame is the time between
  two animation callbacks, so it cannot be shorter than 16.7 ms; the picture is moved by a mouse whose steps the browser
  takes as fast as it can. The receipt of a label means that it is on disk.
- **embeddings**: one thread of inference; the next picture is opened beside it, which takes a second core. **A candidate**:
  150 good and 50 bad simulated parts of 640x480, from the start of the process to a model whose scores were checked.
- **labels for balanced accuracy**: 80 % of the training half per seed, the same linear classifier on the embeddings of the
  hub; what parts drawn at random reach with 200 labels, and with how many the queue's choice (15 % of it random) does.
- **loop time**: one run, so it varies by some ten per cent. From the first part with a new kind of defect to a model
  that knows it, proven and committed on every station. The reference is the sum of what no software could save: the
  time until the parts had come and were labelled (by a robot), the trainer alone, hub and stations ended, with the same
  bundle, and the parts of the probation at the line's pace. What is missing to 1 is the trainer sharing the cores with
  hub and stations, the gate, the transport and waiting between the steps.
`
}
