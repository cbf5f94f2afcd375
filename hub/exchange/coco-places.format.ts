import type { RandomAccess } from "./entry.format.ts"

/** Where the annotations of each picture stand in the file: they may come in any order, and in any number. */
export function createPlaces() {
  let [image, start, length] = [new Int32Array(1024), new Float64Array(1024), new Int32Array(1024)]
  let count = 0
  return {
    add(of: number, at: number, bytes: number) {
      if (count === image.length) {
        const grown = [
          new Int32Array(count * 2),
          new Float64Array(count * 2),
          new Int32Array(count * 2),
        ] as const
        grown[0].set(image)
        grown[1].set(start)
        grown[2].set(length)
        ;[image, start, length] = [...grown]
      }
      image[count] = of
      start[count] = at
      length[count] = bytes
      count++
    },
    /** Positions of the annotations by picture, in the order of the file. */
    byImage(images: number): (of: number) => { start: number; end: number }[] {
      const firsts = new Int32Array(images + 1)
      for (let i = 0; i < count; i++) firsts[(image[i] ?? 0) + 1]!++
      for (let i = 0; i < images; i++) firsts[i + 1]! += firsts[i] ?? 0
      const order = new Int32Array(count)
      const next = firsts.slice()
      for (let i = 0; i < count; i++) order[next[image[i] ?? 0]!++] = i
      return (of) => {
        const out: { start: number; end: number }[] = []
        for (let i = firsts[of] ?? 0; i < (firsts[of + 1] ?? 0); i++) {
          const which = order[i] ?? 0
          out.push({ start: start[which] ?? 0, end: (start[which] ?? 0) + (length[which] ?? 0) })
        }
        return out
      }
    },
  }
}

/** Reads pieces of a file that mostly follow each other: some at a time. */
export function createWindow(file: RandomAccess) {
  let held: Uint8Array = new Uint8Array()
  let base = 0
  return async (start: number, end: number): Promise<Uint8Array> => {
    if (start < base || end > base + held.length) {
      base = start
      held = await file.slice(start, Math.min(file.size, Math.max(end, start + windowSize)))
    }
    return held.subarray(start - base, end - base)
  }
}

const windowSize = 256 * 1024
