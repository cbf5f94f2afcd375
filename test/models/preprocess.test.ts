import { expect, test } from "bun:test"
import type { ModelInput } from "#contract/model"
import { sniffImage } from "#models/image-header"
import { loadSharp } from "#models/native"
import { preprocess } from "#models/preprocess"
import { greyInput } from "./kit.ts"

const input: ModelInput = { ...greyInput, color: "BGR", scale: 1, mean: [10, 20, 30], std: [1, 2, 3] }
const solid = (r: number, g: number, b: number, width = 64, height = 64) => ({
  raw: Uint8Array.from({ length: width * height * 3 }, (_, i) => [r, g, b][i % 3]!),
  width,
  height,
  channels: 3 as const,
})

test("the tensor follows the colour order, mean and deviation of the contract", async () => {
  const { data, dims } = await preprocess(solid(100, 150, 200), input)
  expect(dims).toEqual([1, 3, 32, 32])
  expect([data[0], data[1024], data[2048]]).toEqual([190, 65, expect.closeTo(70 / 3, 4)])
})

test("letterbox keeps the aspect and says where the picture lies", async () => {
  const resize = { ...input.resize, mode: "letterbox" as const, pad: 0 }
  const { data, placement } = await preprocess(solid(255, 255, 255, 64, 32), { ...greyInput, resize })
  expect(placement).toEqual({ w: 64, h: 32, scaleX: 0.5, scaleY: 0.5, offsetX: 0, offsetY: 8 })
  expect([data[0], data[16 * 32]]).toEqual([0, 1])
})

test("grey, transparent and colour files all become three channels", async () => {
  const sharp = await loadSharp()
  const { raw, width, height, channels } = solid(90, 90, 90)
  const source = () => sharp(raw, { raw: { width, height, channels } })
  const files = [
    await source().greyscale().jpeg().toBuffer(),
    await source().greyscale().toColourspace("b-w").png().toBuffer(),
    await source().ensureAlpha().png().toBuffer(),
    await source().webp().toBuffer(),
  ]
  for (const bytes of files) {
    const { data } = await preprocess({ bytes }, { ...greyInput, scale: 1 })
    expect(data.length).toBe(3 * 32 * 32)
    expect(data[0]).toBeCloseTo(90, -1)
  }
})

test("size and kind are read from the header alone", async () => {
  const sharp = await loadSharp()
  const { raw, width, height, channels } = solid(1, 2, 3, 70, 40)
  const source = () => sharp(raw, { raw: { width, height, channels } })
  expect(sniffImage(await source().jpeg().toBuffer())).toEqual({ mime: "image/jpeg", w: 70, h: 40 })
  expect(sniffImage(await source().jpeg({ progressive: true }).toBuffer())).toMatchObject({ w: 70, h: 40 })
  expect(sniffImage(await source().png().toBuffer())).toEqual({ mime: "image/png", w: 70, h: 40 })
  expect(sniffImage(await source().webp().toBuffer())).toEqual({ mime: "image/webp", w: 70, h: 40 })
  expect(sniffImage(await source().webp({ lossless: true }).toBuffer())).toMatchObject({ w: 70, h: 40 })
  expect(sniffImage(await source().ensureAlpha(0.5).webp().toBuffer())).toMatchObject({ w: 70, h: 40 })
  expect(sniffImage(await source().gif().toBuffer())).toBeUndefined()
  expect(sniffImage(new Uint8Array(3))).toBeUndefined()
})
