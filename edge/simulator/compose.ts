import type { Canvas } from "./canvas.ts"
import type { Lighting } from "./light.ts"
import { clamp, mix, smooth } from "./maths.ts"
import type { Product } from "./product.ts"
import { createRandom } from "./random.ts"
import { NOISE_MASK, type Textures } from "./texture.ts"

/** Room on both ends of a colour table for noise that runs over the range. */
const MARGIN = 1024

/** Grey to camera RGB: colour of metal and lamp, soft shoulder, photon and read noise, coloured films last. */
export function composeFrame(
  canvas: Canvas,
  product: Product,
  lighting: Lighting,
  textures: Textures,
  name: string,
): Uint8Array {
  const { width, height, luma } = canvas
  const out = new Uint8Array(width * height * 3)
  const warm = lighting.warmth * 0.07
  const red = colourTable(product.tint[0], 1 + warm)
  const green = colourTable(product.tint[1], 1)
  const blue = colourTable(product.tint[2], 1 - warm)
  const spread = noiseTable()
  const { noise } = textures
  const random = createRandom(`${name}/noise`)
  for (let row = 0; row < height; row++) {
    let i = row * width
    let o = i * 3
    const common = random.below(NOISE_MASK + 1)
    const hue = random.below(NOISE_MASK + 1)
    for (let x = 0; x < width; x++, i++, o += 3) {
      const grey = luma[i]!
      const sigma = spread[grey >> 4]!
      const base = grey + MARGIN + ((noise[(common + x) & NOISE_MASK]! * sigma) >> 5)
      const shift = (noise[(hue + x) & NOISE_MASK]! * sigma) >> 7
      out[o] = red[base + shift]!
      out[o + 1] = green[base]!
      out[o + 2] = blue[base - shift]!
    }
  }
  for (const film of canvas.tints) {
    for (let y = 0; y < film.height; y++) {
      for (let x = 0; x < film.width; x++) {
        const strength = film.strength[y * film.width + x]!
        if (strength === 0) continue
        const o = ((film.y + y) * width + film.x + x) * 3
        for (let channel = 0; channel < 3; channel++) {
          out[o + channel] = clamp(
            Math.round(out[o + channel]! * (1 + film.gain[channel]! * strength)),
            0,
            255,
          )
        }
      }
    }
  }
  return out
}

function colourTable(gain: number, lamp: number): Uint8Array {
  return Uint8Array.from({ length: 4096 + 2 * MARGIN }, (_, i) => {
    // The dark tray is neutral; only what is as bright as metal takes the metal's colour.
    const grey = i - MARGIN
    const v = Math.max(0, (grey / 4095) * mix(1, gain, smooth(500, 1100, grey)) * lamp)
    // Linear up to 0.8 of the range, then a shoulder: highlights on metal must not clip to flat white.
    const shaped = v < 0.8 ? v : 0.8 + (v - 0.8) / (1 + (v - 0.8) * 3.2)
    return clamp(Math.round(shaped * 255 + 3), 0, 255)
  })
}

/** Noise deviation in 12-bit levels: read noise and photon noise, which grows with the root of the signal. */
function noiseTable(): Int16Array {
  return Int16Array.from({ length: 256 }, (_, i) => Math.round(Math.sqrt(14 * 14 + 9 * i)))
}
