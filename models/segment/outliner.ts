import { readFile, stat } from "node:fs/promises"
import type { Pointing, SegmenterLayout } from "#contract/segmenter"
import { checkContents } from "../adapters/safety.ts"
import { ModelError } from "../model-error.ts"
import { type OnnxModel, readOnnx } from "../onnx/read.ts"
import { readEncoded, writeEncoded } from "./encoded-file.ts"
import { inputsOf, recogniseSegmenter } from "./layout.ts"
import { type Region, regionOf } from "./region.rules.ts"
import { type Decoder, type Encoded, type Encoder, openDecoder, openEncoder } from "./segmenter.ts"

type Files = { encoder: string; decoder: string; layout: SegmenterLayout }

/** Pictures whose encoding stays in memory: the one in the hand, and those of a few others. */
const remembered = 6
const mostModelBytes = 1024 * 1024 * 1024

/** Cuts out what people point at, with whatever pair of models it is asked to use. */
export function createOutliner() {
  let open: { of: string; encoder: Promise<Encoder>; decoder: Promise<Decoder> } | undefined
  const memory = new Map<string, Encoded>()

  const opened = async (files: Files) => {
    const of = JSON.stringify(files)
    if (open?.of !== of) {
      await release()
      memory.clear()
      const [encoder, decoder] = [
        openEncoder(files.encoder, files.layout),
        openDecoder(files.decoder, files.layout),
      ]
      // Both are waited for later; one that fails must not end the process before.
      encoder.catch(() => undefined)
      decoder.catch(() => undefined)
      open = { of, encoder, decoder }
    }
    return open
  }
  const release = async () => {
    const before = open
    open = undefined
    await before?.encoder.then((e) => e.release()).catch(() => undefined)
    await before?.decoder.then((d) => d.release()).catch(() => undefined)
  }
  const remember = (path: string, encoded: Encoded) => {
    memory.delete(path)
    memory.set(path, encoded)
    for (const oldest of memory.keys()) {
      if (memory.size <= remembered) break
      memory.delete(oldest)
    }
    return encoded
  }

  return {
    async examine({ encoder, decoder }: { encoder: string; decoder: string }) {
      const [seer, pointer] = [await readModel(encoder), await readModel(decoder)]
      const licence = seer.metadata.get("license") ?? seer.metadata.get("licence") ?? null
      return {
        encoder: endsOf(seer),
        decoder: endsOf(pointer),
        layout: recogniseSegmenter(seer, pointer) ?? null,
        licence,
      }
    },
    async rehearse(files: Files) {
      const { encoder, decoder } = await opened(files)
      const side = 96
      const raw = new Uint8Array(side * side * 3).fill(180)
      for (let y = 32; y < 56; y++) raw.fill(20, (y * side + 40) * 3, (y * side + 64) * 3)
      const started = performance.now()
      const encoded = await (await encoder).encode({ raw, width: side, height: side, channels: 3 })
      const encoding = performance.now() - started
      const pointing: Pointing = { points: [{ x: 52, y: 44, inside: true }] }
      const candidates = await (await decoder).decode(encoded, pointing)
      regionOf(candidates, pointing, { w: side, h: side })
      return { encode: encoding, decode: performance.now() - started - encoding }
    },
    async outline({
      encoded: path,
      bytes,
      pointing,
      ...files
    }: Files & { encoded: string; bytes?: Uint8Array; pointing?: Pointing }): Promise<{
      region: Region | null
      ms: { encode: number; decode: number }
    }> {
      const { encoder, decoder } = await opened(files)
      const started = performance.now()
      let encoded = memory.get(path) ?? (await readEncoded(path))
      if (!encoded) {
        if (!bytes) throw new ModelError("model_missing", "the picture has not been encoded")
        encoded = await (await encoder).encode({ bytes })
        await writeEncoded(path, encoded)
      }
      remember(path, encoded)
      const encoding = performance.now() - started
      if (!pointing) return { region: null, ms: { encode: encoding, decode: 0 } }
      const candidates = await (await decoder).decode(encoded, pointing)
      const region = regionOf(candidates, pointing, encoded.picture)
      return { region, ms: { encode: encoding, decode: performance.now() - started - encoding } }
    },
  }
}

async function readModel(path: string): Promise<OnnxModel> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new ModelError("model_missing", `no model at ${path}`, { cause })
  })
  if (size > mostModelBytes)
    throw new ModelError("model_invalid", `${size} bytes are more than a model may have`)
  const bytes = await readFile(path)
  const model = readOnnx(bytes)
  checkContents(bytes, model)
  return model
}

const endsOf = (model: OnnxModel) => ({
  inputs: inputsOf(model).map(nameOf),
  outputs: model.outputs.map(nameOf),
})
const nameOf = ({ name, dims }: OnnxModel["inputs"][number]) => `${name} [${dims.join(",")}]`
