import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as v from "valibot"
import { Finding } from "#contract/inspection"
import { ModelContract, type ModelInput } from "#contract/model"
import { checkContents } from "#models/adapters/safety"
import { contractOf, openModel } from "#models/infer/session"
import { preprocess } from "#models/preprocess"
import { disagreement } from "../../../hub/registry/parity.rules.ts"
import { greyInput, jpegOf } from "../kit.ts"

/**
 * The PyTorch trainer's own tests, and what its recipes made, opened by what hub and stations open models with. The
 * programs are those that scripts/test installs.
 */
const root = join(import.meta.dir, "../../..")
const python = join(root, ".python-trainer/bin/python")
const home = join(root, "models/trainers/pytorch")
let results = ""

beforeAll(() => {
  results = mkdtempSync(join(tmpdir(), "crux-pytorch-"))
})
afterAll(() => rmSync(results, { recursive: true, force: true }))

const isHere = existsSync(join(root, ".python-trainer/without-cuda"))
if (!isHere) console.warn(`the PyTorch trainer is not tested: ${python} is missing, scripts/test installs it`)

test.skipIf(!isHere)(
  "the trainer's own tests pass",
  async () => {
    // In two halves, each on one core.
    const half = "torch.anomaly or torch.classify"
    const both = [half, `not (${half})`].map(async (which) => {
      const child = Bun.spawn(
        [python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", which, join(home, "tests")],
        {
          env: { ...process.env, CRUX_RESULTS: results, OMP_NUM_THREADS: "1" },
          stdout: "pipe",
          stderr: "pipe",
        },
      )
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      return { code, said: `${out}\n${err}` }
    })
    for (const { code, said } of await Promise.all(both)) expect(code, said).toBe(0)
  },
  600_000,
)

const Parity = v.object({
  samples: v.array(
    v.object({
      image: v.string(),
      score: v.number(),
      eval: v.picklist(["ok", "ng", "undecidable"]),
      findings: v.array(Finding),
      tensor: v.object({ mean: v.number(), std: v.number() }),
    }),
  ),
})
const read = (path: string) => JSON.parse(readFileSync(path, "utf8"))

for (const recipe of ["torch.anomaly", "torch.classify", "torch.detect", "torch.segment"])
  describe.skipIf(!isHere)(`what ${recipe} made`, () => {
    const result = () => join(results, recipe, "result")

    test("is opened by stations and says what PyTorch said", async () => {
      const { samples } = v.parse(Parity, read(join(result(), "parity.json")))
      const path = join(result(), "model.onnx")
      const model = await openModel(path)
      expect(model.contract).toEqual(v.parse(ModelContract, read(join(result(), "crux.json"))))
      expect(samples.length).toBe(6)
      for (const { image, score, eval: said, tensor } of samples) {
        const frame = { path: join(result(), image) }
        const { data } = await preprocess(frame, model.contract.inputs[0]!)
        expect(mean(data)).toBeCloseTo(tensor.mean, 3)
        const { verdict } = await model.inspect(frame)
        expect(verdict.score).toBeCloseTo(score, 3)
        expect(verdict.eval).toBe(said)
      }
      const heard = await Promise.all(
        samples.map(async ({ image }) => {
          const { verdict, findings } = await model.inspect({ path: join(result(), image) })
          return { score: verdict.score ?? null, eval: verdict.eval, findings }
        }),
      )
      const told = samples.map(({ image, ...rest }) => ({ name: image, ...rest }))
      expect(disagreement(told, heard, model.contract.thresholds)).toBeNull()
      await model.release()
    })

    test("has nothing in it that may not be opened, and its 8-bit sibling is a candidate of its own", async () => {
      expect(checkContents(readFileSync(join(result(), "model.onnx"))).opset).toBeLessThanOrEqual(21)
      const eight = join(result(), "model.int8.onnx")
      checkContents(readFileSync(eight))
      expect(contractOf(readFileSync(eight)).classes).toEqual(
        contractOf(readFileSync(join(result(), "model.onnx"))).classes,
      )
      expect(statSync(eight).size).toBeLessThan(statSync(join(result(), "model.onnx")).size)
      const model = await openModel(eight)
      const { verdict } = await model.inspect({ path: join(result(), "parity/00.png") })
      expect(Number.isFinite(verdict.score)).toBe(true)
      await model.release()
    })
  })

/** A picture of many frequencies, larger than any input. */
async function texture(): Promise<string> {
  const [width, height] = [900, 700]
  const raw = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        raw[(y * width + x) * 3 + c] =
          128 + 60 * Math.sin((x * x) / 9000 + c) + 50 * Math.cos((y * y) / 7000) + ((x * 7 + y * 13) % 11)
  const path = join(results, "texture.jpg")
  await Bun.write(path, await jpegOf({ raw, width, height }))
  return path
}

for (const mode of ["stretch", "letterbox"] as const)
  test.skipIf(!isHere)(`pictures are made smaller as stations make them smaller: ${mode}`, async () => {
    const path = await texture()
    const [w, h] = [224, 160]
    const input: ModelInput = { ...greyInput, resize: { ...greyInput.resize, mode, w, h, pad: 114 } }
    const ours = await preprocess({ path }, input)
    const script = `import sys; from pathlib import Path; from crux_trainer.pictures import Frame, read_picture
sys.stdout.buffer.write(read_picture(Path(sys.argv[1]), Frame(${w}, ${h}, "${mode}")).tobytes())`
    const child = Bun.spawn([python, "-c", script, path], { cwd: home, stdout: "pipe", stderr: "inherit" })
    const theirs = new Uint8Array(await new Response(child.stdout).arrayBuffer())
    expect(theirs.length).toBe(w * h * 3)
    let off = 0
    for (let i = 0; i < w * h; i++)
      for (let c = 0; c < 3; c++) off += Math.abs(ours.data[c * w * h + i]! * 255 - theirs[i * 3 + c]!)
    // In steps of 255, on a picture with more fine texture than any photograph; parity pictures are at input size already.
    expect(off / (w * h * 3)).toBeLessThan(2)
  })

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
