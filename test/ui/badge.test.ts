import { expect, test } from "bun:test"
import fc from "fast-check"
import { decodeQR } from "qr/decode.js"
import { encode } from "uqr"
import { createBadgeReader } from "../../ui/screens/session/badge-reader.ts"

const codeOf = (letter: string) => (/\d/.test(letter) ? `Digit${letter}` : `Key${letter}`)

function type(text: string, everyMs: number, end = "Enter", at = 1_000): string | undefined {
  const reader = createBadgeReader()
  let now = at
  for (const letter of text) {
    now += everyMs
    reader.feed("ShiftLeft", now)
    expect(reader.feed(codeOf(letter), now)).toBeUndefined()
  }
  return reader.feed(end, now + everyMs)
}

const badge = fc.stringMatching(/^[0-9A-Z]{8,24}$/)

test("a reader's code is read whole, whatever keys stand for letters in the input method", () => {
  fc.assert(
    fc.property(
      badge,
      fc.integer({ min: 0, max: 90 }),
      fc.constantFrom("Enter", "NumpadEnter", "Tab"),
      (text, ms, end) => {
        expect(type(text, ms, end)).toBe(text)
      },
    ),
  )
})

test("fingers are no reader, and a PIN typed in haste is no badge", () => {
  fc.assert(
    fc.property(badge, fc.integer({ min: 101, max: 2_000 }), (text, ms) => {
      expect(type(text, ms)).toBeUndefined()
    }),
  )
  expect(type("409617", 20)).toBeUndefined()
})

test("what was typed before the reader does not stick to its code", () => {
  const reader = createBadgeReader()
  reader.feed("KeyX", 0)
  let now = 500
  for (const letter of "CRUX00420042") {
    now += 5
    reader.feed(codeOf(letter), now)
  }
  expect(reader.feed("Enter", now + 5)).toBe("CRUX00420042")
})

test("the camera's decoder reads the badges that we print", () => {
  const text = "CRUX7KQ4D2XPH0RV"
  const { size, data } = encode(text, { ecc: "M", border: 3 })
  const scale = 6
  const side = size * scale
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      if (data[Math.floor(y / scale)]![Math.floor(x / scale)])
        pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3)
  expect(decodeQR({ width: side, height: side, data: pixels })).toBe(text)
})
