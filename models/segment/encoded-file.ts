import { readFile, rename, writeFile } from "node:fs/promises"
import { ModelError } from "../model-error.ts"
import type { Encoded } from "./segmenter.ts"

/** Raised when the bytes below change: files of another version are made anew. */
const version = 1

/**
 * What an encoder made of a picture, in a file: a line of JSON, then the numbers as half floats, which no decoder can
 * tell from whole ones. Written aside and renamed: nobody reads half a file.
 */
export async function writeEncoded(path: string, { picture, scale, tensors }: Encoded): Promise<void> {
  const head = { version, picture, scale, tensors: tensors.map(({ name, dims }) => ({ name, dims })) }
  const parts = [Buffer.from(`${JSON.stringify(head)}\n`)]
  for (const { data } of tensors) parts.push(Buffer.from(Float16Array.from(data).buffer))
  const aside = `${path}.${process.pid}`
  await writeFile(aside, Buffer.concat(parts))
  await rename(aside, path)
}

/** Undefined for a file that is not there, or not one of these. */
export async function readEncoded(path: string): Promise<Encoded | undefined> {
  const bytes = await readFile(path).catch(() => undefined)
  const end = bytes?.indexOf(10) ?? -1
  if (!bytes || end < 0) return undefined
  try {
    const head = JSON.parse(bytes.subarray(0, end).toString()) as Omit<Encoded, "tensors"> & {
      version: number
      tensors: { name: string; dims: number[] }[]
    }
    if (head.version !== version) return undefined
    let at = end + 1
    const tensors = head.tensors.map(({ name, dims }) => {
      const count = dims.reduce((product, dim) => product * dim, 1)
      const half = bytes.subarray(at, at + 2 * count)
      if (half.length !== 2 * count) throw new ModelError("model_invalid", "the file ends too soon")
      at += 2 * count
      // A copy, because half floats must begin at an even place.
      return { name, dims, data: Float32Array.from(new Float16Array(new Uint8Array(half).buffer)) }
    })
    return { picture: head.picture, scale: head.scale, tensors }
  } catch {
    return undefined
  }
}
