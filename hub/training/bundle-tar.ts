import { createReadStream } from "node:fs"
import { createTarPacker } from "modern-tar"
import * as v from "valibot"
import { BundleManifest, type JobTicket } from "#contract/trainer"
import type { Dataset } from "../dataset/dataset.service.ts"
import type { TarTask } from "../exchange/export-order.ts"
import { canonical } from "./bundle-texts.ts"

const Manifest = v.pipe(v.string(), v.parseJson(), BundleManifest)
/** The same bytes whenever and by whomever it is made. */
const header = { mode: 0o644, mtime: new Date(0), type: "file" as const }

/** A job's bundle as one file, for a trainer that is not connected; in any process, file by file. */
export function createBundleTar({
  samples,
  read,
  file,
}: {
  samples: Dataset["samples"]
  read: (sha256: string) => Promise<Uint8Array>
  /** Path of an object that is a file of its own, as those of bundles are: it may be too long to be held. */
  file: (sha256: string) => Promise<string>
}) {
  return (task: TarTask, onPicture: () => void): AsyncIterable<Uint8Array> => {
    const { readable, controller } = createTarPacker()
    const add = async (name: string, size: number, bytes: AsyncIterable<Uint8Array> | Uint8Array[]) => {
      const entry = controller.add({ ...header, name, size }).getWriter()
      for await (const piece of bytes) await entry.write(piece)
      await entry.close()
    }
    const write = async () => {
      const ticket: v.InferOutput<typeof JobTicket> = { v: 1, job_id: task.job, bundle: task.bundle }
      const bundle = await read(task.bundle)
      for (const [name, bytes] of [
        ["ticket.json", new TextEncoder().encode(canonical(ticket))],
        ["bundle.json", bundle],
      ] as const)
        await add(name, bytes.length, [bytes])
      const { files } = v.parse(Manifest, new TextDecoder().decode(bundle))
      for (const { path, sha256, size } of files)
        await add(path, size, createReadStream(await file(sha256)) as AsyncIterable<Uint8Array>)
      for await (const { image, size, split } of samples(task.dataset)) {
        // A golden part in a bundle would prove nothing any more; the set holds none, and this line says so again.
        if (split === "golden") continue
        await add(`blobs/${image}`, size, [await read(image)])
        onPicture()
      }
      controller.finalize()
    }
    write().catch((error: unknown) => controller.error(error))
    return inLongPieces(readable)
  }
}
export type BundleTar = ReturnType<typeof createBundleTar>

/** Each piece goes from one process to another: headers and small files travel together. */
const pieceSize = 256 * 1024
async function* inLongPieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let [held, size] = [[] as Uint8Array[], 0]
  for await (const piece of bytes) {
    held.push(piece)
    size += piece.length
    if (size < pieceSize) continue
    yield Buffer.concat(held)
    held = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(held)
}
