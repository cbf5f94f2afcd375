import { type FileHandle, mkdir, open, rm } from "node:fs/promises"
import { join } from "node:path"
import type { ExchangeItem } from "#contract/exchange"
import type { ExportSource, Split } from "./entry.format.ts"

const pieceLength = 256 * 1024
const places: readonly Split[] = [undefined, "train", "val", "test"]

/** Where each item ends in the file, and on which side it stands. */
type Kept = { file: FileHandle; ends: number[]; sides: number[] }

/**
 * Items that are gone through several times: looked up in the database once, then read from a file without a name, which costs
 * a tenth. Whoever wants one split reads no other. Where the file cannot be written they are looked up again each time.
 */
export function createSpool(items: ExportSource["items"], folder: string) {
  let kept: Kept | undefined
  let file: FileHandle | undefined

  /** Goes through all for the first time and keeps them by the way. */
  async function* first(): AsyncGenerator<ExchangeItem> {
    file = await nameless(folder).catch(() => undefined)
    const [ends, sides]: [number[], number[]] = [[], []]
    let [held, length, size, isKept] = [[] as string[], 0, 0, file !== undefined]
    const flush = async () => {
      const bytes = Buffer.from(held.join(""))
      held = []
      length = 0
      // A disk that is full costs time and no export.
      await file?.writeFile(bytes).catch(() => {
        isKept = false
      })
    }
    for await (const item of items()) {
      if (isKept) {
        const line = JSON.stringify(item)
        held.push(line)
        length += line.length
        size += Buffer.byteLength(line)
        ends.push(size)
        sides.push(places.indexOf(item.split))
        if (length >= pieceLength) await flush()
      }
      yield item
    }
    if (isKept) await flush()
    if (isKept && file) kept = { file, ends, sides }
  }

  async function* again({ file, ends, sides }: Kept, only?: { split: Split }): AsyncGenerator<ExchangeItem> {
    const side = only && places.indexOf(only.split)
    const isWanted = (i: number) => side === undefined || sides[i] === side
    for (let from = 0; from < ends.length; ) {
      const begin = ends[from - 1] ?? 0
      let to = from + 1
      while (to < ends.length && ends[to]! - begin <= pieceLength) to++
      let bytes: Buffer | undefined
      for (let i = from; i < to; i++) {
        if (!isWanted(i)) continue
        bytes ??= await readAt(file, begin, ends[to - 1]! - begin)
        yield JSON.parse(bytes.toString("utf8", (ends[i - 1] ?? 0) - begin, ends[i]! - begin)) as ExchangeItem
      }
      from = to
    }
  }

  return {
    items: (only?: { split: Split }): AsyncIterable<ExchangeItem> => {
      if (kept) return again(kept, only)
      return file || only ? items(only) : first()
    },
    close: async (): Promise<void> => {
      await file?.close()
    },
  }
}

/** A file that is gone with whoever has it open, however that ends. */
export async function nameless(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, crypto.randomUUID())
  const file = await open(path, "wx+", 0o600)
  await rm(path)
  return file
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) throw new Error("the file of an export ends early")
    done += bytesRead
  }
  return bytes
}
