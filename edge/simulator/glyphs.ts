/** Needle-marking letters, five dots wide and seven high; a row per byte, the highest of five bits at the left. */
const rows: Record<string, readonly number[]> = {
  "0": [14, 17, 19, 21, 25, 17, 14],
  "1": [4, 12, 4, 4, 4, 4, 14],
  "2": [14, 17, 1, 2, 4, 8, 31],
  "3": [31, 2, 4, 2, 1, 17, 14],
  "4": [2, 6, 10, 18, 31, 2, 2],
  "5": [31, 16, 30, 1, 1, 17, 14],
  "6": [6, 8, 16, 30, 17, 17, 14],
  "7": [31, 1, 2, 4, 8, 8, 8],
  "8": [14, 17, 17, 14, 17, 17, 14],
  "9": [14, 17, 17, 15, 1, 2, 12],
  B: [30, 17, 17, 30, 17, 17, 30],
  F: [31, 16, 16, 30, 16, 16, 16],
  L: [16, 16, 16, 16, 16, 16, 31],
  P: [30, 17, 17, 30, 16, 16, 16],
  R: [30, 17, 17, 30, 20, 18, 17],
  "-": [0, 0, 0, 31, 0, 0, 0],
}

/** Positions of the dots of a text in units of the dot pitch, from its top-left corner. */
export function dotsOf(text: string): [number, number][] {
  const dots: [number, number][] = []
  Array.from(text).forEach((letter, place) => {
    rows[letter]?.forEach((bits, y) => {
      for (let x = 0; x < 5; x++) if (bits & (16 >> x)) dots.push([place * 6 + x, y])
    })
  })
  return dots
}
