#!/usr/bin/env bun
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { type Backbone, loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { openModel } from "#models/infer/session"
import { createGraph } from "#models/onnx/graph"
import { appendFragment, cutTrunk } from "#models/onnx/trunk"
import { preprocess } from "#models/preprocess"
import { auroc } from "#models/statistics.rules"
import { inputFor, inputSize } from "#models/trainer/extractor"
import { trainBundle } from "#models/trainer/worker"
import { type ImageItem, readImageFolder } from "../edge/simulator/images.ts"
import { measureProducts, type ProductsRow } from "./accuracy/products.ts"
import { measureSteel, type SteelRow } from "./accuracy/steel.ts"

/**
 * How well the embedded trainer tells good from bad beside PatchCore of anomalib on the same frozen features, the same split,
 * in the same run; written to docs/accuracy.md:
 * `bun scripts/accuracy.ts --python VENV/bin/python [--data ../shared/data] [--sets cookies,magnetic-tile] [--backbones all]`
 * The venv holds `anomalib` and `onnxruntime` from PyPI; any machine will do, it takes some minutes a row.
 */
const { values } = parseArgs({
  options: {
    python: { type: "string" },
    data: { type: "string", default: join(import.meta.dirname, "../../shared/data") },
    sets: { type: "string", default: "cookies,magnetic-tile" },
    backbones: { type: "string", default: "nanodet-g,mobilenetv2" },
    methods: { type: "string", default: "crux,patchcore,steel,products" },
    /** Edges in pixels PatchCore looks at: of its own configuration, and ours. */
    sides: { type: "string", default: "224,384" },
    /** Rows measured before, in this file, are not measured again; `--sets=` only writes the page of them. */
    keep: { type: "string" },
  },
})
if (!values.python || !existsSync(values.data)) {
  console.error(
    "accuracy: --python names a Python with anomalib and onnxruntime, --data the real photographs.",
  )
  process.exit(2)
}

/** Bank rows, ours by default and theirs at most. */
const bankRows = 1500
/** Taps that stand for layer2 and layer3 of the paper. */
const layers = ["s8", "s16"]

type Scored = { ng: boolean; score: number }
type Figures = { auroc: number; escape: number; overkill: number }
type Row = Figures & {
  set: string
  backbone: string
  learned: string
  method: string
  test: string
  /** How well the kinds of defects are named. */
  kinds?: {
    /** Share of the bad training parts that were named right by a head which had not seen them. */
    named: number
    /** Calibration error of the kinds there, before and after the temperature. */
    before: number
    after: number
    temperature: number
  }
}
type Kept = {
  rows: Row[]
  steel: (SteelRow & { backbone: string })[]
  products?: (ProductsRow & { backbone: string })[]
}

const row = (of: Omit<Row, keyof Figures>, scored: readonly Scored[]): Row => ({
  ...of,
  ...figuresOf(scored),
})

function figuresOf(scored: readonly Scored[]): Figures {
  const of = (ng: boolean) =>
    scored.flatMap((one) => (one.ng === ng ? [one.score] : [])).sort((a, b) => a - b)
  const [good, bad] = [of(false), of(true)]
  // The lowest limit that no more than 2 % of the good ones pass, and the highest below which no more than 2 % of the bad lie.
  const upper = good[Math.max(0, Math.ceil(good.length * 0.98) - 1)]!
  const lower = bad[Math.floor(bad.length * 0.02)]!
  return {
    auroc: auroc(good, bad) ?? Number.NaN,
    escape: bad.filter((score) => score <= upper).length / bad.length,
    overkill: good.filter((score) => score >= lower).length / good.length,
  }
}

async function ours(dir: string, parts: readonly ImageItem[], backbone: { onnx: string }) {
  const kinds = [...new Set(parts.flatMap(({ defects }) => defects.map(({ kind }) => kind)))].sort()
  const spec: TrainingJobSpec = {
    v: 1,
    job_id: "01920000-0000-7000-8000-000000000000",
    recipe: { id: "patch", version: 1, params: {} },
    task: "anomaly",
    seed: 1,
    classes: kinds.map((key, i) => ({ id: i + 1, key })),
    backbone,
    dataset: "0".repeat(64),
    budget: { max_minutes: 60 },
    target: { escape: 0.02, overkill: 0.02 },
  }
  const samples = parts.map(
    ({ path, sha256, width, height, part, verdict, defects }, n): TrainingSample => ({
      id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
      sha256,
      path,
      w: width,
      h: height,
      split: "train",
      group: part,
      label: {
        verdict,
        kinds: [...new Set(defects.map(({ kind }) => kind))],
        boxes: defects.flatMap(({ kind, box }) => (box ? [{ kind, box }] : [])),
      },
    }),
  )
  await writeFile(join(dir, "job.json"), JSON.stringify(spec))
  await writeFile(join(dir, "samples.jsonl"), samples.map((sample) => JSON.stringify(sample)).join("\n"))
  const { contract, metrics } = await trainBundle(dir, () => {})
  return { taps: contract.provenance.backbone?.taps.join("+") ?? "", metrics }
}

async function judged(model: string, parts: readonly ImageItem[]): Promise<Scored[]> {
  const opened = await openModel(model)
  const seen: Scored[] = []
  for (const { path, verdict } of parts) {
    const said = await opened.inspect({ path })
    seen.push({ ng: verdict === "ng", score: said.verdict.score ?? Number.NaN })
  }
  await opened.release()
  return seen
}

/** Scores of anomalib's PatchCore on what the same backbone makes of the same tensors. */
async function theirs(
  dir: string,
  good: readonly ImageItem[],
  test: readonly ImageItem[],
  backbone: Backbone,
  side: number,
): Promise<Scored[]> {
  const size = inputSize(
    [...good, ...test].map(({ width, height }) => width / height),
    side,
  )
  const input = inputFor(backbone, size)
  const taps = layers.map((name) => backbone.contract.taps[name]!)
  const graph = createGraph("taps/")
  for (const { tensor, stride, channels } of taps)
    graph.output(tensor, [1, channels, size.h / stride, size.w / stride])
  const trunk = cutTrunk(
    backbone.bytes,
    taps.map(({ tensor }) => tensor),
  )
  const onnx = join(dir, "taps.onnx")
  await writeFile(onnx, appendFragment(trunk, graph.fragment()))
  const tensors = async (of: readonly ImageItem[]) => {
    const paths: string[] = []
    for (const { path } of of) {
      const { data } = await preprocess({ path }, input)
      const to = join(dir, `${createHash("sha256").update(path).digest("hex")}.f32`)
      await writeFile(to, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      paths.push(to)
    }
    return paths
  }
  const job = join(dir, "patchcore.json")
  const asked = {
    onnx,
    layers: taps.map(({ tensor }) => tensor),
    ...size,
    rows: bankRows,
    train: await tensors(good),
    test: await tensors(test),
  }
  await writeFile(job, JSON.stringify(asked))
  // Its memory is bounded: a machine that swaps measures nothing. Its temporary arrays are given back at once: glibc raises the
  // size from which it does that by itself, and then this program grows by one array a row of the bank.
  const bounded = ["prlimit", `--as=${8 * 2 ** 30}`]
  const run = Bun.spawn(
    [...bounded, values.python!, join(import.meta.dirname, "accuracy/patchcore.py"), job],
    {
      env: { ...process.env, MALLOC_MMAP_THRESHOLD_: String(2 ** 20) },
      stdout: "pipe",
      stderr: "pipe",
    },
  )
  const [out, err] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()])
  if ((await run.exited) !== 0) throw new Error(err.slice(-2_000))
  const { scores } = JSON.parse(out.trim().split("\n").at(-1)!) as { scores: number[] }
  return test.map(({ verdict }, i) => ({ ng: verdict === "ng", score: scores[i]! }))
}

async function backboneFiles(name: string): Promise<{ onnx: string; contract?: string } | undefined> {
  if (name === "nanodet-g") return await ensureBackbone()
  const onnx = join(values.data, "backbone/mobilenetv2-imagenet-fp32.onnx")
  return existsSync(onnx) ? { onnx } : undefined
}

const kept: Kept =
  values.keep && existsSync(values.keep)
    ? JSON.parse(await Bun.file(values.keep).text())
    : { rows: [], steel: [] }
const { rows, steel } = kept
kept.products ??= []
const { products } = kept
const keep = async () => {
  if (values.keep) await writeFile(values.keep, JSON.stringify(kept, null, 1))
}
async function measured(
  of: Omit<Row, keyof Figures>,
  measure: () => Promise<{ scored: Scored[]; more?: string; kinds?: Row["kinds"] }>,
) {
  const same = ({ set, backbone, learned, method }: Omit<Row, keyof Figures>) =>
    [set, backbone, learned, method.split(",")[0], method.match(/\d+ px/)?.[0] ?? ""].join()
  if (!wanted(of.method.startsWith("CRUX") ? "crux" : "patchcore")) return
  if (rows.some((known) => same(known) === same(of))) return
  const { scored, more = "", kinds } = await measure()
  rows.push(row({ ...of, method: `${of.method}${more}`, ...(kinds && { kinds }) }, scored))
  console.error(JSON.stringify(rows.at(-1)))
  await keep()
}

const sets = values.sets.split(",").filter((set) => set !== "")
const sides = values.sides.split(",").map(Number)
const wanted = (method: string) => values.methods.split(",").includes(method)
for (const learned of ["good parts", "all labels"])
  for (const backbone of values.backbones.split(","))
    for (const set of sets) {
      const files = await backboneFiles(backbone)
      if (!files) continue
      const { items } = await readImageFolder(join(values.data, set), 1)
      const test = items.filter(({ split }) => split === "golden")
      const use = items.filter(
        ({ split }) => split === "warmup" || (learned === "all labels" && split === "line"),
      )
      const good = use.filter(({ verdict }) => verdict === "ok")
      const counts = (of: readonly ImageItem[]) => {
        const bad = of.filter(({ verdict }) => verdict === "ng").length
        return `${of.length - bad} good, ${bad} bad`
      }
      const base = { set, backbone, learned: `${learned}: ${counts(use)}`, test: counts(test) }
      const loaded = await loadBackbone(files.onnx, files.contract)
      const inFolder = async <T>(work: (dir: string) => Promise<T>) => {
        const dir = await mkdtemp(join(tmpdir(), "crux-accuracy-"))
        try {
          return await work(dir)
        } finally {
          await rm(dir, { recursive: true, force: true })
        }
      }
      await measured({ ...base, method: "CRUX" }, () =>
        inFolder(async (dir) => {
          const { taps, metrics } = await ours(dir, use, files)
          const scored = await judged(join(dir, "model.onnx"), test)
          const { kinds_right: named, kinds_ece: after, kinds_ece_before: before } = metrics
          const { kinds_temperature: temperature } = metrics
          const known = [named, after, before, temperature].every((figure) => figure !== undefined)
          const kinds = known && { kinds: { named, before, after, temperature } as NonNullable<Row["kinds"]> }
          return { scored, more: `, ${taps}`, ...kinds }
        }),
      )
      // At the larger size all good parts take hours.
      for (const side of learned === "good parts" ? sides : sides.slice(0, 1))
        await measured({ ...base, method: `PatchCore, ${side} px, ${layers.join("+")}` }, () =>
          inFolder(async (dir) => ({ scored: await theirs(dir, good, test, loaded, side) })),
        )
    }

for (const backbone of values.backbones.split(",")) {
  const files = await backboneFiles(backbone)
  if (!files || sets.length === 0 || !wanted("steel") || steel.some((known) => known.backbone === backbone))
    continue
  const measuredNow = await measureSteel(values.data, await loadBackbone(files.onnx, files.contract))
  steel.push(...measuredNow.map((one) => ({ ...one, backbone })))
  await keep()
}

for (const backbone of values.backbones.split(",")) {
  const files = await backboneFiles(backbone)
  if (!files || sets.length === 0 || !wanted("products")) continue
  if (products.some((known) => known.backbone === backbone)) continue
  const measuredNow = await measureProducts(values.data, files)
  products.push(...measuredNow.map((one) => ({ ...one, backbone })))
  await keep()
}

await writeFile(join(import.meta.dirname, "../docs/accuracy.md"), pageOf(kept))
process.exit(0)

function pageOf({ rows: all, steel, products = [] }: Kept): string {
  const share = (value: number) => `${(100 * value).toFixed(1)} %`
  const byBackbone = (a: { backbone: string }, b: { backbone: string }) =>
    a.backbone < b.backbone ? -1 : a.backbone > b.backbone ? 1 : 0
  const blocks = [...new Set(all.map(({ set, learned, test }) => `${set}|${learned}|${test}`))]
    .sort()
    .map((key) => {
      const [set, learned, test] = key.split("|")
      const own = all.filter((one) => one.set === set && one.learned === learned)
      return [
        `## ${set}, ${learned}; test ${test}`,
        "",
        "| backbone | method | image AUROC | escape at 2 % overkill (PB2) | overkill at 2 % escape (PG2) |",
        "|---|---|---:|---:|---:|",
        ...own
          .toSorted(byBackbone)
          .map(
            (one) =>
              `| ${one.backbone} | ${one.method} | ${one.auroc.toFixed(3)} | ${share(one.escape)} | ${share(one.overkill)} |`,
          ),
      ].join("\n")
    })
  const named = all.flatMap(({ set, backbone, kinds }) => (kinds ? [{ set, backbone, ...kinds }] : []))
  const steelBlock =
    steel.length === 0
      ? ""
      : `The strips of steel-xsdd show seven kinds of defects and no good part, so there is no good and bad to tell apart. Their kinds by
the trainer's linear head on the hub's embeddings, as many labels of each kind, mean of three draws, judged on the other half;
calibration error there before and after a temperature that was fitted on the labels alone:

| backbone | labels | balanced accuracy | error before | error after |
|---|---:|---:|---:|---:|
${steel
  .toSorted(byBackbone)
  .map(
    ({ backbone, labels, accuracy, before, after }) =>
      `| ${backbone} | ${labels} | ${accuracy.toFixed(3)} | ${before.toFixed(3)} | ${after.toFixed(3)} |`,
  )
  .join("\n")}
`
  const productsBlock =
    products.length === 0
      ? ""
      : `## Two products of one model

Cookies and tiles learned together as two products, judged on the test parts of both: all by one limit, as a part is whose product
the model does not know, and each by the scale and the limits of its product. Verdicts are those of the limits in the model itself.

| backbone | learned from | judged by | AUROC of both together | cookies | tiles | escape | overkill | undecided |
|---|---|---|---:|---:|---:|---:|---:|---:|
${products
  .toSorted(byBackbone)
  .map(
    ({ backbone, learned, by, together, each, escape: passed, overkill, undecidable }) =>
      `| ${backbone} | ${learned} | ${by} | ${[together, ...each].map((value) => value.toFixed(3)).join(" | ")} | ${[passed, overkill, undecidable].map(share).join(" | ")} |`,
  )
  .join("\n")}

`
  const noted = [
    { word: "before export", means: "scores of the trained candidate; its file reproduces them to .002" },
    { word: "CRUX before", means: "the embedded trainer before its last change, same pictures and split" },
    { word: "CRUX at first", means: "its first version, measured when it was that" },
  ].flatMap(({ word, means }) =>
    all.some(({ method }) => method.includes(word)) ? [`*${word}*: ${means}.\n`] : [],
  )
  return `# How well good and bad are told apart

Written by \`bun scripts/accuracy.ts\` on ${new Date().toISOString().slice(0, 10)}, on real photographs that are not part of this
repository. Each block has one split, by physical part; nothing of the test was seen in training or in a choice, but for what
is constant in the trainer and was chosen looking at these very sets: the levels a model without any defect looks at (s8+s16+s32)
and the one unit of distances.

PatchCore is the one of anomalib 2.7.0 from PyPI, its class unchanged but for the feature extractor: it gets the taps of the same
frozen backbone from the same tensors, with at most ${bankRows} bank rows, as many as ours. It can learn from good parts alone, so
under *all labels* it has all good parts and ours the defects as well: that is what labels are worth, not a contest of banks.
CRUX runs as the hub starts it: 384 x 384 pixels in the aspect of the pictures, taps chosen on held-out parts.
${noted.join("")}
Lower is better in the last two columns. With some hundred test parts two per cent are two parts: a few per cent there, and .02
of AUROC, are chance.

${blocks.join("\n\n")}

${productsBlock}## Kinds of defects

On bad training parts that were held out in turn: how many get the right kind, and the calibration error of the kinds (15 groups
of equal size) before and after a temperature that was fitted without them.

| set | backbone | named right | error before | error after | temperature |
|---|---|---:|---:|---:|---:|
${named
  .toSorted(byBackbone)
  .map(
    ({ set, backbone, named, before, after, temperature }) =>
      `| ${set} | ${backbone} | ${share(named)} | ${before.toFixed(3)} | ${after.toFixed(3)} | ${temperature.toFixed(2)} |`,
  )
  .join("\n")}

${steelBlock}`
}
