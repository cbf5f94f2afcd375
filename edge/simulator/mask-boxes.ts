import type { Box } from "#contract/inspection"

/**
 * Boxes around the white areas of a mask (one byte per pixel). Areas nearer to each other than 2 % of the longer
 * side share a box: a person would draw one. Specks under four pixels count only when there is nothing else.
 */
export function boxesOfMask(mask: Uint8Array, width: number, height: number): Box[] {
  const areas = connectedAreas(mask, width, height)
  const large = areas.filter((area) => area.pixels >= 4)
  const boxes = (large.length > 0 ? large : areas).map((area) => area.box)
  return mergeNear(boxes, Math.max(width, height) * 0.02)
}

interface Area {
  box: Box
  pixels: number
}

/** Areas of touching white pixels, diagonals included. Masks may hold 0/255 or 0/1. */
function connectedAreas(mask: Uint8Array, width: number, height: number): Area[] {
  let peak = 0
  for (const value of mask) if (value > peak) peak = value
  if (peak === 0) return []
  const white = peak / 2
  const seen = new Uint8Array(width * height)
  const stack: number[] = []
  const areas: Area[] = []
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] || mask[start]! <= white) continue
    let left = width
    let right = 0
    let bottom = 0
    let pixels = 0
    const top = Math.floor(start / width)
    seen[start] = 1
    stack.push(start)
    while (stack.length > 0) {
      const at = stack.pop()!
      const x = at % width
      const y = (at - x) / width
      pixels++
      left = Math.min(left, x)
      right = Math.max(right, x)
      bottom = Math.max(bottom, y)
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx
          if (seen[next] || mask[next]! <= white) continue
          seen[next] = 1
          stack.push(next)
        }
      }
    }
    areas.push({ box: [left, top, right - left + 1, bottom - top + 1], pixels })
  }
  return areas
}

function mergeNear(boxes: Box[], reach: number): Box[] {
  const merged: Box[] = []
  for (const box of boxes) {
    let current = box
    // A grown box may have come near another one, so look again until nothing joins.
    for (let i = merged.findIndex((b) => gap(b, current) <= reach); i >= 0; ) {
      current = around(merged[i]!, current)
      merged.splice(i, 1)
      i = merged.findIndex((b) => gap(b, current) <= reach)
    }
    merged.push(current)
  }
  return merged.sort((a, b) => a[1] - b[1] || a[0] - b[0])
}

function gap(a: Box, b: Box): number {
  const dx = Math.max(a[0] - (b[0] + b[2]), b[0] - (a[0] + a[2]), 0)
  const dy = Math.max(a[1] - (b[1] + b[3]), b[1] - (a[1] + a[3]), 0)
  return Math.max(dx, dy)
}

function around(a: Box, b: Box): Box {
  const x = Math.min(a[0], b[0])
  const y = Math.min(a[1], b[1])
  return [x, y, Math.max(a[0] + a[2], b[0] + b[2]) - x, Math.max(a[1] + a[3], b[1] + b[3]) - y]
}
