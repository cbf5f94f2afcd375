import { createHash } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import { PyramidIndex, pyramidHead, pyramidMagic } from "#contract/pyramid"
import type { Blobs } from "#platform/blobs"

/**
 * Cuts an image file into tiles in a child process and gives the file with them to `keep`; it is gone afterwards. Takes
 * seconds for a large image.
 */
export type MakeTiles = <T>(image: string, keep: (pyramid: string) => Promise<T>) => Promise<T>

type Opened = { file: FileHandle; index: PyramidIndex; from: number; uses: number; left: boolean }

/** Images whose tiles are being looked at: their files stay open. */
const mostOpen = 16

/** Tiles of large images: made once for an image, as one object beside it, and read piece by piece. */
export function createPyramids(deps: {
  blobs: Blobs
  makeTiles: MakeTiles
  /** The object with the tiles of an image, if they have been made. */
  find: (sha256: string) => string | undefined
  remember: (sha256: string, pyramid: string) => void
}) {
  const { blobs, makeTiles, find, remember } = deps
  const making = new Map<string, Promise<string>>()
  const opened = new Map<string, Promise<Opened>>()

  async function make(sha256: string): Promise<string> {
    // Bytes that have rotted are refused by `read`, with a reason; the child reads the file by itself.
    if (!(await blobs.verify(sha256))) await blobs.read(sha256)
    const { sha256: made } = await makeTiles(await blobs.file(sha256), blobs.putFile)
    remember(sha256, made)
    return made
  }

  /** Tablets that look at the same image wait for the same tiles. */
  function makeOnce(sha256: string): Promise<string> {
    const running = making.get(sha256) ?? make(sha256).finally(() => making.delete(sha256))
    making.set(sha256, running)
    return running
  }

  async function openPyramid(pyramid: string): Promise<Opened> {
    const file = await open(await blobs.file(pyramid), "r")
    try {
      const head = Buffer.alloc(pyramidHead)
      await file.read(head, 0, head.length, 0)
      if (head.toString("latin1", 0, 4) !== pyramidMagic) throw damaged()
      const text = Buffer.alloc(head.readUInt32LE(4))
      await file.read(text, 0, text.length, head.length)
      const index = v.safeParse(v.pipe(v.string(), v.parseJson(), PyramidIndex), text.toString())
      if (!index.success) throw damaged()
      return { file, index: index.output, from: head.length + text.length, uses: 0, left: false }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  const closeUnused = async (pyramid: Opened) => {
    if (pyramid.left && pyramid.uses === 0) await pyramid.file.close()
  }

  async function use<T>(sha256: string, work: (pyramid: Opened) => Promise<T>): Promise<T> {
    let found = opened.get(sha256)
    if (!found) {
      const known = find(sha256)
      found = (known === undefined ? makeOnce(sha256) : Promise.resolve(known)).then(openPyramid)
      opened.set(sha256, found)
      found.catch(() => opened.delete(sha256))
    } else {
      // The one used last is the last to go.
      opened.delete(sha256)
      opened.set(sha256, found)
    }
    const pyramid = await found
    pyramid.uses += 1
    for (const [key, other] of [...opened].slice(0, Math.max(0, opened.size - mostOpen))) {
      opened.delete(key)
      const left = await other
      left.left = true
      await closeUnused(left)
    }
    try {
      return await work(pyramid)
    } finally {
      pyramid.uses -= 1
      await closeUnused(pyramid)
    }
  }

  return {
    /** One tile, a JPEG. Throws `not_found` for a place the image does not have. */
    tile: (sha256: string, level: number, x: number, y: number): Promise<Uint8Array> =>
      use(sha256, async ({ file, index, from }) => {
        const found = index.levels[level]
        const tile =
          found && x < found.columns && y < found.rows ? found.tiles[y * found.columns + x] : undefined
        if (!tile) throw new Problem("not_found", "tile", "the image has no tile there")
        const [at, length, digest] = tile
        const bytes = new Uint8Array(length)
        await file.read(bytes, 0, length, from + at)
        if (createHash("sha256").update(bytes).digest("hex").slice(0, 16) !== digest) throw damaged()
        return bytes
      }),
    async close(): Promise<void> {
      const all = [...opened.values()]
      opened.clear()
      for (const found of all) {
        const pyramid = await found.catch(() => undefined)
        if (!pyramid) continue
        pyramid.left = true
        await closeUnused(pyramid)
      }
    },
  }
}

const damaged = () =>
  new Problem("not_found", "image_damaged", "the tiles of this image have been damaged on the disk")
