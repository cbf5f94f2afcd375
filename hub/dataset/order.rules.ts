/**
 * Items in the code-unit order of a text each has: the same on every machine, unlike localeCompare. Equal ones stay in their
 * order. The runtime sorts texts by itself, at a third of what a comparison costs that is called two million times; each
 * carries its place behind a NUL, which no text of ours holds.
 */
export function inTextOrder<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  return items
    .map((item, i) => `${textOf(item)}\0${textOfPlace(i)}`)
    .sort()
    .map((text) => items[placeIn(text)]!)
}

/** Seven bits a character: texts of one byte a character stay that short. */
const textOfPlace = (i: number) => String.fromCharCode(i >> 21, (i >> 14) & 127, (i >> 7) & 127, i & 127)

function placeIn(text: string): number {
  const at = text.length - 4
  return (
    (text.charCodeAt(at) << 21) |
    (text.charCodeAt(at + 1) << 14) |
    (text.charCodeAt(at + 2) << 7) |
    text.charCodeAt(at + 3)
  )
}
