import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { clouds, hashText } from "../../../edge/simulator/random.ts"
import { loadSharp } from "../../../models/native.ts"

export const SIDE = 160

/** A new empty folder of its own. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "crux-images-"))
}

/** A cloudy surface that looks different for every name; `shift` moves the camera, `gain` the lamp. */
export async function photograph(name: string, shift = 0, gain = 1): Promise<Uint8Array> {
  const seed = hashText(name)
  const data = new Uint8Array(SIDE * SIDE * 3)
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const value = (40 + 170 * clouds(seed, (x + shift) / 14, (y + shift) / 14)) * gain
      data.fill(value, (y * SIDE + x) * 3, (y * SIDE + x) * 3 + 3)
    }
  }
  const sharp = await loadSharp()
  return await sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer()
}

/** A mask with white rectangles, 1 channel PNG. */
export async function mask(
  boxes: readonly [number, number, number, number][],
  side = SIDE,
): Promise<Uint8Array> {
  const data = new Uint8Array(side * side)
  for (const [left, top, width, height] of boxes) {
    for (let y = top; y < top + height; y++) data.fill(255, y * side + left, y * side + left + width)
  }
  const sharp = await loadSharp()
  return await sharp(data, { raw: { width: side, height: side, channels: 1 } })
    .png()
    .toBuffer()
}

/** Writes files below `root`; the keys are paths with forward slashes. */
export async function writeFiles(root: string, files: Record<string, Uint8Array | string>) {
  for (const [file, content] of Object.entries(files)) {
    const path = join(root, ...file.split("/"))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

/** 24 good parts, 8 with `crack` (and masks), 4 with `stain`; every part another surface. */
export async function writeSmallSet(root: string) {
  const files: Record<string, Uint8Array> = {}
  for (let i = 0; i < 20; i++) files[`train/good/g${i}.jpg`] = await photograph(`good ${i}`)
  for (let i = 0; i < 4; i++) files[`test/good/t${i}.jpg`] = await photograph(`good test ${i}`)
  for (let i = 0; i < 8; i++) {
    files[`test/crack/c${i}.jpg`] = await photograph(`crack ${i}`)
    files[`ground_truth/crack/c${i}_mask.png`] = await mask([[20 + i, 30, 40, 10]])
  }
  for (let i = 0; i < 4; i++) files[`train/Stain/s${i}.jpg`] = await photograph(`stain ${i}`)
  await writeFiles(root, files)
}
