import { afterAll, describe, expect, test } from "bun:test"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelDoubt } from "#contract/registry"
import { lookAtModel, stampModel } from "#models/adapters/look"
import { openModel } from "#models/infer/session"

/** Real exports of torchvision and timm with made-up weights; `real/make.py` says how they came to be. */
const folder = join(import.meta.dir, "real")
const scratch = await mkdtemp(join(tmpdir(), "crux-real-"))
afterAll(async () => await rm(scratch, { recursive: true, force: true }))

type Known = { source: string; decode: string; size: [number, number]; doubts: ModelDoubt[] }
const classified: Known = {
  source: "classifier",
  decode: "softmax",
  size: [64, 64],
  doubts: ["no_good_class", "names_missing", "preparation_assumed", "licence_unknown"],
}
const known: Record<string, Known> = {
  "timm-efficientnet": classified,
  "timm-vit": classified,
  "torchvision-mobilenet": classified,
  "torchvision-lraspp": {
    source: "segmentation",
    decode: "semantic",
    size: [64, 64],
    doubts: ["names_missing", "preparation_assumed", "licence_unknown"],
  },
  // One picture of 96 rows without a batch; its answer's length is what it finds.
  "torchvision-ssdlite": {
    source: "torchvision",
    decode: "detr",
    size: [128, 96],
    doubts: ["names_missing", "licence_unknown"],
  },
}

describe("real exports", () => {
  test("are all of those that are known here", async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith(".gz"))
    expect(files.map((name) => name.replace(".onnx.gz", "")).sort()).toEqual(Object.keys(known).sort())
  })

  for (const [name, { source, decode, size, doubts }] of Object.entries(known))
    test(`${name}: recognised, opened, and its answer read`, async () => {
      const packed = await Bun.file(join(folder, `${name}.onnx.gz`)).bytes()
      const bytes = Bun.gunzipSync(packed)
      const looked = lookAtModel(bytes)
      expect(looked.source).toBe(source)
      expect(looked.contract.decode.type).toBe(decode)
      const resize = looked.contract.inputs[0]?.resize
      expect([resize?.w, resize?.h]).toEqual(size)
      expect(looked.doubts).toEqual(doubts)
      const [sent, path] = [join(scratch, "sent.onnx"), join(scratch, `${name}.onnx`)]
      await writeFile(sent, bytes)
      await stampModel(bytes, sent, undefined, path)
      const session = await openModel(path)
      try {
        const raw = new Uint8Array(128 * 96 * 3).fill(120)
        const { verdict, findings } = await session.inspect({ raw, width: 128, height: 96, channels: 3 })
        expect(verdict.eval).toBe("ng")
        // The class that their heads were made to prefer.
        expect(findings[0]?.kind).toBe("class-3")
      } finally {
        await session.release()
      }
    })
})
