import { createHash } from "node:crypto"
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { ModelError } from "../model-error.ts"
import { convertNanodet, nanodetContract } from "./nanodet.ts"
import { readTfjs } from "./tfjs.ts"

const sourceSha256 = {
  json: "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
  bin: "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
/** Conversion is deterministic, so the product's backbone has one name everywhere. */
const backboneSha256 = "5832d8bf3b7bad224bc465d8e4b1421295f201fce9dd946efe96561d8004853b"

const root = join(import.meta.dir, "..", "..")
const sourceDir = join(root, "node_modules", "@vladmandic", "human-models", "models")

export type BackboneFiles = { onnx: string; contract: string }

/** Where the default backbone lies in a source checkout. */
const defaultBackbone: BackboneFiles = {
  onnx: join(root, "models", "pretrained", "nanodet-g.onnx"),
  contract: join(root, "models", "pretrained", "nanodet-g.json"),
}

/**
 * Makes sure the default backbone stands at `files`, converting it from the npm package if it is absent or
 * altered. Returns its paths. Throws `backbone_invalid` when the package's files are not the known ones.
 */
export async function ensureBackbone(files: BackboneFiles = defaultBackbone): Promise<BackboneFiles> {
  const present = await readFile(files.onnx).catch(() => undefined)
  if (!present || digest(present) !== backboneSha256) {
    const onnx = convertNanodet(
      readTfjs(
        JSON.parse((await readSource("nanodet.json", sourceSha256.json)).toString()),
        await readSource("nanodet.bin", sourceSha256.bin),
      ),
    )
    if (digest(onnx) !== backboneSha256) {
      throw new ModelError(
        "backbone_invalid",
        `the conversion gave ${digest(onnx)}, expected ${backboneSha256}`,
      )
    }
    await replace(files.onnx, onnx)
  }
  const contract = await readFile(files.contract, "utf8").catch(() => "null")
  if (!isDeepStrictEqual(JSON.parse(contract), nanodetContract)) {
    await replace(files.contract, `${JSON.stringify(nanodetContract, null, 2)}\n`)
  }
  return files
}

async function readSource(name: string, expected: string): Promise<Buffer> {
  const path = join(sourceDir, name)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ModelError("backbone_invalid", `${path} is missing: run bun install`, { cause })
  })
  if (digest(bytes) !== expected) throw new ModelError("backbone_invalid", `${path} is not the known file`)
  return bytes
}

/** Written aside and renamed, so that a second process never reads half a file. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const aside = `${path}.${process.pid}`
  await writeFile(aside, content)
  await rename(aside, path)
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

if (import.meta.main) console.log((await ensureBackbone()).onnx)
