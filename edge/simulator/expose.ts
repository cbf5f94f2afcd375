import type { Canvas } from "./canvas.ts"
import { CELL, type LightField } from "./light.ts"
import { turnOf } from "./maths.ts"
import type { Pose } from "./pose.ts"
import type { Product } from "./product.ts"
import type { ReliefMap } from "./relief.ts"
import { type Textures, TILE } from "./texture.ts"

export interface Exposure {
  product: Product
  pose: Pose
  light: LightField
  relief: ReliefMap
  textures: Textures
}

const WRAP = TILE - 1
/** Grey of the matt tray, 12 bit. */
const TRAY = 640

/**
 * The flawless part in its pose under its light, as 12-bit grey, one pass over the frame.
 * Whole-number arithmetic: relief is sampled bilinearly at 1/16 px, two 8-bit lanes of a word at once.
 */
export function exposePart(canvas: Canvas, exposure: Exposure) {
  const { width, height, luma, finish } = canvas
  const { pose, light, product } = exposure
  const { words } = exposure.relief
  const { brushed, grain } = exposure.textures
  const turned = product.finish === "turned"
  const brush = Math.round(product.brush * pose.brushGain)
  const unit = 1 / canvas.scale
  const middleX = width / 2 + pose.x * canvas.scale
  const middleY = height / 2 + pose.y * canvas.scale
  const stepX = Math.round(pose.cos * 65536)
  const stepY = Math.round(-pose.sin * 65536)

  for (let row = 0; row < height; row++) {
    const oy = row - middleY
    // Back from the frame to the map: the map is the part at rest in the middle of the frame, 16.16 fixed.
    let mapX = Math.round((width / 2 + (0 - middleX) * pose.cos + oy * pose.sin) * 65536)
    let mapY = Math.round((height / 2 - (0 - middleX) * pose.sin + oy * pose.cos) * 65536)
    const cellRow = Math.floor(row / CELL)
    const into = row - cellRow * CELL
    const trayRow = (row & WRAP) << 10

    for (let column = 0; column < width; column += CELL) {
      const node = cellRow * light.columns + column / CELL
      const below = node + light.columns
      const left = light.diffuse[node]! * (CELL - into) + light.diffuse[below]! * into
      const right = light.diffuse[node + 1]! * (CELL - into) + light.diffuse[below + 1]! * into
      const glossLeft = light.gloss[node]! * (CELL - into) + light.gloss[below]! * into
      const glossRight = light.gloss[node + 1]! * (CELL - into) + light.gloss[below + 1]! * into
      const end = Math.min(column + CELL, width)

      for (let x = column; x < end; x++, mapX += stepX, mapY += stepY) {
        const t = x - column
        const lamp = (left * (CELL - t) + right * t) >> 8
        let tone = 0
        let ground = 255
        let face = 0
        const ix = mapX >> 16
        const iy = mapY >> 16
        if (ix >= 0 && iy >= 0 && ix < width - 1 && iy < height - 1) {
          const at = iy * width + ix
          const a = words[at]!
          const b = words[at + 1]!
          const c = words[at + width]!
          const d = words[at + width + 1]!
          if (a === b && a === c && a === d) {
            tone = a & 255
            ground = (a >>> 8) & 255
            face = a >>> 16
          } else {
            const fx = (mapX >> 12) & 15
            const fy = (mapY >> 12) & 15
            const wd = fx * fy
            const wc = (fy << 4) - wd
            const wb = (fx << 4) - wd
            const wa = 256 - wb - wc - wd
            const pair =
              Math.imul(a & 0xff00ff, wa) +
              Math.imul(b & 0xff00ff, wb) +
              Math.imul(c & 0xff00ff, wc) +
              Math.imul(d & 0xff00ff, wd)
            tone = (pair >>> 8) & 255
            face = (pair >>> 24) & 255
            ground =
              (((a >>> 8) & 255) * wa +
                ((b >>> 8) & 255) * wb +
                ((c >>> 8) & 255) * wc +
                ((d >>> 8) & 255) * wd) >>
              8
          }
        }

        let grey = (tone * lamp) >> 4
        if (face > 0) {
          const px = (x - middleX) * unit
          const py = oy * unit
          let u: number
          let v: number
          if (turned) {
            v = Math.sqrt(px * px + py * py)
            u = turnOf(px, py) * 4096
          } else {
            u = px * pose.brushCos + py * pose.brushSin
            v = py * pose.brushCos - px * pose.brushSin
          }
          const line = Math.floor(v)
          const share = v - line
          const across = (Math.floor(u) + pose.sheetU) & WRAP
          const down = line + pose.sheetV
          const upper = brushed[((down & WRAP) << 10) | across]!
          const lower = brushed[(((down + 1) & WRAP) << 10) | across]!
          const grind = ((upper + (lower - upper) * share) * brush * face) / 65536
          const gloss = ((((glossLeft * (CELL - t) + glossRight * t) >> 8) * face) >> 8) | 0
          grey += ((grey * grind) / 256 + (gloss * (256 + 2.4 * grind)) / 256) | 0
        }
        if (ground > 0) {
          const speck = grain[trayRow | (x & WRAP)]!
          grey += (Math.imul(TRAY + speck * 2, ground) * lamp) >> 16
        }
        const i = row * width + x
        luma[i] = Math.min(4095, grey)
        finish[i] = face
      }
    }
  }
}
