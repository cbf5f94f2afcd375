import { createHash } from "node:crypto"
import { open, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { type PyramidIndex, pyramidMagic, tileSide } from "#contract/pyramid"
import { ModelError } from "./model-error.ts"
import { openFrame } from "./preprocess.ts"

/**
 * Cuts an image into tiles of every level and writes them into one file, `pyramid` in the given folder. libvips reads the
 * image once from top to bottom, so a picture of 100 megapixels never lies in memory as a whole. Throws
 * `unreadable_image`, `unsupported_image`.
 */
export async function makePyramid(path: string, folder: string): Promise<{ path: string; tiles: number }> {
  const { image, w, h } = await openFrame({ path })
  const made = join(folder, "cut")
  await image
    .flatten({ background: "#727272" })
    // Fine marks are what people look for: colours are kept as sharp as the light.
    .jpeg({ quality: 92, chromaSubsampling: "4:4:4" })
    .tile({ size: tileSide, overlap: 0, layout: "dz", depth: "onetile", container: "fs" })
    .toFile(`${made}.dz`)
    .catch((cause: unknown) => {
      throw new ModelError("unreadable_image", "the image cannot be decoded", { cause })
    })
  const root = `${made}_files`
  const names = (await readdir(root)).filter((name) => /^\d+$/.test(name))
  // The library counts from the smallest.
  const levels = names.map(Number).sort((a, b) => b - a)
  const index: PyramidIndex = { v: 1, w, h, levels: [] }
  const target = join(folder, "pyramid")
  const data = await open(`${target}.data`, "wx+")
  let at = 0
  try {
    for (const level of levels) {
      const side = tileSide * 2 ** index.levels.length
      const [columns, rows] = [Math.ceil(w / side), Math.ceil(h / side)]
      const tiles: PyramidIndex["levels"][number]["tiles"] = []
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          const bytes = await readFile(join(root, String(level), `${x}_${y}.jpeg`))
          await data.write(bytes)
          tiles.push([at, bytes.length, createHash("sha256").update(bytes).digest("hex").slice(0, 16)])
          at += bytes.length
        }
      index.levels.push({ columns, rows, tiles })
    }
    await rm(root, { recursive: true, force: true })
    const text = Buffer.from(JSON.stringify(index))
    const head = Buffer.alloc(8)
    head.write(pyramidMagic, 0, "latin1")
    head.writeUInt32LE(text.length, 4)
    const file = await open(target, "wx")
    try {
      await file.write(head)
      await file.write(text)
      const piece = Buffer.alloc(1 << 20)
      for (let from = 0; from < at; ) {
        const { bytesRead } = await data.read(piece, 0, piece.length, from)
        if (bytesRead === 0) break
        await file.write(piece, 0, bytesRead)
        from += bytesRead
      }
    } finally {
      await file.close()
    }
  } finally {
    await data.close()
  }
  await rm(`${target}.data`, { force: true })
  return { path: target, tiles: index.levels.reduce((sum, { tiles }) => sum + tiles.length, 0) }
}
