/**
 * Writes simulated parts as JPEG with their truth, for looking at and for trying things out:
 * `bun run simulate --seed 7 --count 24 --kind crack --out ./parts`
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as v from "valibot"
import { loadSharp } from "#models/native"
import { defectKinds } from "../edge/simulator/defect.ts"
import { createPartPainter } from "../edge/simulator/part.ts"
import { readPartId } from "../edge/simulator/part-id.ts"
import { createScenario } from "../edge/simulator/scenario.ts"

const whole = (least: number) => v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number), v.minValue(least))

const Options = v.object({
  seed: v.optional(whole(0), "7"),
  count: v.optional(whole(1), "24"),
  /** First part number of the stream. */
  from: v.optional(whole(1), "1"),
  stream: v.optional(v.string(), "L1"),
  /** Every part gets this one kind (`ok` = none); without it the scenario decides. */
  kind: v.optional(v.picklist([...defectKinds, "ok"])),
  severity: v.optional(v.pipe(v.string(), v.transform(Number), v.minValue(0), v.maxValue(1))),
  width: v.optional(whole(320), "1280"),
  out: v.optional(v.pipe(v.string(), v.minLength(1)), "./parts"),
})

const names = Object.keys(Options.entries) as (keyof typeof Options.entries)[]
const { values } = parseArgs({
  options: Object.fromEntries(names.map((n) => [n, { type: "string" as const }])),
})
const options = v.parse(Options, values)
const width = options.width
const height = (width * 3) / 4
const scenario = createScenario({ seed: options.seed })
const painter = createPartPainter({ width, height })
const sharp = await loadSharp()
await mkdir(options.out, { recursive: true })

const truths = []
for (let i = 0; i < options.count; i++) {
  const number = String(options.from + i).padStart(6, "0")
  const origin = readPartId(`P${options.seed}-${options.stream}-${number}`)
  if (!origin) throw new Error(`--stream is L<number>, G, U or W, not "${options.stream}"`)
  const part = scenario.part(origin.stream, origin.n)
  const forced = options.kind && {
    defects:
      options.kind === "ok" ? [] : [{ kind: options.kind, severity: options.severity ?? (i % 11) / 10 }],
  }
  const drawn = painter.draw({ ...part.plan, ...forced })
  const { data, channels } = drawn.frame
  const file = `${part.part_id}.jpg`
  const jpeg = await sharp(data, { raw: { width, height, channels } }).jpeg({ quality: 88 }).toBuffer()
  await writeFile(join(options.out, file), jpeg)
  truths.push({ file, part_id: part.part_id, product: drawn.product, ...drawn.truth })
}
await writeFile(join(options.out, "truth.json"), `${JSON.stringify(truths, null, 2)}\n`)
console.log(
  `${truths.length} parts, ${truths.filter((t) => t.verdict === "ng").length} NG, in ${options.out}`,
)
