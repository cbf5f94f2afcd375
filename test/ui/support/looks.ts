import { join } from "node:path"
import type { Page } from "playwright-core"
import { loadSharp } from "#models/native"
import { standStill } from "./screens.ts"

/** What screens are to look like, a quarter of their size: in Korean, light, on a tablet. */
export const lookOf = (picture: string): string => join(import.meta.dir, "../looks", `${picture}.webp`)

/** Blocks that screens are compared by: larger than letters, so that another machine's letters are no difference. */
const blocks = { w: 64, h: 40 }
/** A block that differs by more (of 255) is another one. */
const otherBlock = 20
/** So many other blocks are a clock, a name or a chart that has moved on. */
const mostOther = 0.03

export async function shotOf(page: Page): Promise<Uint8Array> {
  await standStill(page, "light")
  return page.screenshot()
}

/** The share of blocks that look different. */
export async function differenceOf(shot: Uint8Array, reference: Uint8Array): Promise<number> {
  const [a, b] = await Promise.all([blurred(shot), blurred(reference)])
  let other = 0
  for (let i = 0; i < a.length; i += 3) {
    const far = Math.max(...[0, 1, 2].map((channel) => Math.abs(a[i + channel]! - b[i + channel]!)))
    if (far > otherBlock) other += 1
  }
  return other / (blocks.w * blocks.h)
}

async function blurred(picture: Uint8Array): Promise<Uint8Array> {
  const sharp = await loadSharp()
  return sharp(picture)
    .removeAlpha()
    .toColourspace("srgb")
    .resize(blocks.w, blocks.h, { fit: "fill", kernel: "cubic" })
    .raw()
    .toBuffer()
}

/** Whether a screen looks as it is kept; looked at again for a while, as pictures and charts may still be on their way. */
export async function looksKept(page: Page, picture: string): Promise<string[]> {
  const file = Bun.file(lookOf(picture))
  if (!(await file.exists()))
    return [`${picture}: no picture of it is kept; run bun scripts/looks.ts and look at it`]
  const reference = await file.bytes()
  let difference = 1
  let shot: Uint8Array = reference
  for (let tries = 0; tries < 12; tries++) {
    shot = await shotOf(page)
    difference = await differenceOf(shot, reference)
    if (difference <= mostOther) return []
    await page.waitForTimeout(250)
  }
  const percent = Math.round(difference * 100)
  const seen = lookOf(picture).replace(".webp", ".seen.png")
  await Bun.write(seen, shot)
  return [
    `${picture}: ${percent} % of it looks different, see ${seen}; if that is meant, run bun scripts/looks.ts and look at what it writes`,
  ]
}
