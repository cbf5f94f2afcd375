/** At most `most` points of a curve, the first and the last among them: a screen has no more pixels. */
export function thinned<T>(points: readonly T[], most: number): T[] {
  if (most <= 0) return []
  if (points.length <= most) return [...points]
  if (most === 1) return points.slice(-1)
  const step = (points.length - 1) / (most - 1)
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]!)
}
