import { createWriteStream } from "node:fs"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ExchangeFormat, ExchangeItem } from "#contract/exchange"
import { formats } from "../../hub/exchange/formats.ts"
import { writeExport } from "../../hub/exchange/survey.ts"
import { openZip } from "../../hub/exchange/zip.reader.ts"
import { zipStream } from "../../hub/exchange/zip.writer.ts"

/**
 * Writes or reads an archive of labelled tasks without pictures, alone in its process, so that its memory is its own.
 * Arguments: folder, "write" or "read", format, tasks. Prints { seconds, cpu_s, rss_mb, size_mb, tasks, boxes }.
 */
const [folder = "", work = "", format = "", count = "0"] = process.argv.slice(2)
const kinds = ["scratch", "dent", "stain", "burr", "crack"]
const path = join(folder, `${format}.zip`)

/** Tasks of three boxes, the same at every call. */
async function* items(): AsyncGenerator<ExchangeItem> {
  for (let n = 0; n < Number(count); n++) {
    const id = `00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`
    yield {
      v: 1,
      id,
      image: { file: `images/${id}.jpg`, mime: "image/jpeg", w: 1920, h: 1080 },
      station: "line-3",
      part_id: `SN-${n}`,
      captured_at: 1_700_000_000_000 + n * 1000,
      label: {
        verdict: "ng",
        kinds: [kinds[n % 5] ?? "", kinds[(n + 1) % 5] ?? "", kinds[(n + 2) % 5] ?? ""],
        by: "Kim",
        at: 1_700_000_500_000 + n * 1000,
        drawing: {
          v: 1,
          regions: [0, 1, 2].map((i) => ({
            id: `r-${i}`,
            kinds: [kinds[(n + i) % 5] ?? ""],
            outline: {
              type: "box",
              box: [(n * 7 + i * 311) % 1700, (n * 13 + i * 97) % 900, 40.5 + i, 30.2],
            },
            by: "person",
          })),
        },
      },
    }
  }
}

async function write(): Promise<{ tasks: number; boxes: number }> {
  const order = { format: format as ExchangeFormat, profile: "clean", items, classes: kinds } as const
  await pipeline(Readable.from(zipStream(writeExport(order))), createWriteStream(path))
  return { tasks: Number(count), boxes: Number(count) * 3 }
}

async function read(): Promise<{ tasks: number; boxes: number }> {
  const zip = await openZip(path, folder)
  const told = { tasks: 0, boxes: 0 }
  const options = {
    kindOf: (label: string) => (kinds.includes(label) ? label : undefined),
    sizeOf: () => null,
  }
  for await (const { item, remarks } of formats[format as ExchangeFormat].read(zip.tree, options)) {
    if (remarks.length > 0) throw new Error(JSON.stringify(remarks))
    told.tasks++
    told.boxes += item?.label?.drawing.regions.length ?? 0
  }
  await zip.close()
  return told
}

const start = performance.now()
const told = await (work === "write" ? write() : read())
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage()
const cpu_s = (user + system) / 1e6
// Not by `getrusage`: that counts what the parent held when it started this process as well.
const status = await Bun.file("/proc/self/status")
  .text()
  .catch(() => "")
const rss_mb = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? process.resourceUsage().maxRSS) / 1024
console.log(JSON.stringify({ seconds, cpu_s, rss_mb, size_mb: (await stat(path)).size / 1e6, ...told }))
