/** Seeded random numbers: the same seed and the same calls give the same training, byte for byte. */
export type Random = {
  /** Uniform in [0, 1). */
  uniform: () => number
  /** Uniform integer in [0, below). */
  below: (below: number) => number
  normal: () => number
  /** A new array in random order. */
  shuffled: <T>(items: readonly T[]) => T[]
}

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state are plenty for sampling patches. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number) => Math.floor(uniform() * limit)
  return {
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffled: (items) => {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[out[i], out[j]] = [out[j]!, out[i]!]
      }
      return out
    },
  }
}
