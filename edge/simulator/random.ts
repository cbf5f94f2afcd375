/** A repeatable source of chance: the same name gives the same sequence on every machine. */
export interface Random {
  /** Uniform in 0 ≤ v < 1. */
  next(): number
  /** Uniform in low ≤ v < high. */
  between(low: number, high: number): number
  /** Whole number in 0 ≤ v < count. */
  below(count: number): number
  /** Roughly normal, mean 0, deviation 1, never beyond ±3.5. */
  normal(): number
  pick<T>(items: readonly [T, ...T[]]): T
}

/** 32-bit hash of a text: FNV-1a, then a finaliser so that near texts give far seeds. */
export function hashText(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return scramble(h)
}

/** Bijective mixing of 32 bits (lowbias32 constants by Ellis). */
function scramble(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** Sequence named by `name`; parts of one picture use different names so that they never disturb each other. */
export function createRandom(name: string): Random {
  let state = hashText(name)
  const next = () => {
    state = (state + 0x9e3779b9) | 0
    return scramble(state) / 4294967296
  }
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    below: (count) => Math.floor(next() * count),
    normal: () => {
      let sum = 0
      for (let i = 0; i < 8; i++) sum += next()
      return (sum - 4) * 1.2247448713915892
    },
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
  }
}

/** Smooth value noise in 0..1 with features about one unit wide. */
function cloud(seed: number, x: number, y: number): number {
  const xi = Math.floor(x)
  const yi = Math.floor(y)
  const fx = x - xi
  const fy = y - yi
  const ux = fx * fx * (3 - 2 * fx)
  const uy = fy * fy * (3 - 2 * fy)
  const top = lattice(seed, xi, yi) * (1 - ux) + lattice(seed, xi + 1, yi) * ux
  const bottom = lattice(seed, xi, yi + 1) * (1 - ux) + lattice(seed, xi + 1, yi + 1) * ux
  return top * (1 - uy) + bottom * uy
}

/** Three octaves of `cloud`, 0..1. */
export function clouds(seed: number, x: number, y: number): number {
  return (
    cloud(seed, x, y) * 0.57 +
    cloud(seed + 1, x * 2.1, y * 2.1) * 0.29 +
    cloud(seed + 2, x * 4.3, y * 4.3) * 0.14
  )
}

function lattice(seed: number, x: number, y: number): number {
  return scramble(seed ^ Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1)) / 4294967296
}
