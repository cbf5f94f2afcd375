import { createRandom } from "./random.ts"

/**
 * `warmup` makes the first model (good parts only), `line` is what the camera sees, `golden` is what a gate
 * asks, `unseen` is what nobody ever labels or trains on: the final figure comes from it.
 */
export const splits = ["warmup", "line", "golden", "unseen"] as const
export type Split = (typeof splits)[number]

/** A physical part with all pictures of it. */
export interface SplitPart {
  part: string
  /** Defect kind, or `good`; a part that shows both counts as the defect. */
  stratum: string
  /** What the folder's author asked for, if anything. */
  wish?: Split | "train" | "test" | undefined
}

type Shares = Partial<Record<Split, number>>

const GOOD: Shares = { warmup: 0.25, line: 0.35, golden: 0.2, unseen: 0.2 }
const DEFECT: Shares = { line: 0.5, golden: 0.25, unseen: 0.25 }
/** More good parts than this add nothing to a first model. */
const MOST_WARMUP = 40

/** Gives every part to one split, each stratum in the same shares; the same seed gives the same splits. */
export function splitParts(parts: readonly SplitPart[], seed: number): Map<string, Split> {
  const given = new Map<string, Split>()
  const strata = Map.groupBy(
    [...parts].sort((a, b) => (a.part < b.part ? -1 : 1)),
    (part) => part.stratum,
  )
  for (const [stratum, members] of strata) {
    const shares = stratum === "good" ? GOOD : DEFECT
    for (const half of ["train", "test", "any"] as const) {
      const free = members.filter((part) => halfOf(part.wish) === half)
      deal(shuffled(free, `${seed}/${stratum}/${half}`), sharesOf(shares, half), given)
    }
    for (const part of members) {
      const wish = part.wish
      if (wish === undefined || wish === "train" || wish === "test") continue
      // A first model is made from good parts only, whatever the file asks for.
      given.set(part.part, wish === "warmup" && stratum !== "good" ? "line" : wish)
    }
  }
  return given
}

function halfOf(wish: SplitPart["wish"]): "train" | "test" | "any" | "given" {
  if (wish === undefined) return "any"
  return wish === "train" || wish === "test" ? wish : "given"
}

/** Within `train` only warm-up and line are open, within `test` only golden and unseen. */
function sharesOf(shares: Shares, half: "train" | "test" | "any"): Shares {
  if (half === "any") return shares
  const open: Split[] = half === "train" ? ["warmup", "line"] : ["golden", "unseen"]
  return Object.fromEntries(open.flatMap((split) => (shares[split] ? [[split, shares[split]]] : [])))
}

/** Deals parts so that every split stays as near to its share as whole parts allow; the largest lack comes first. */
function deal(parts: readonly SplitPart[], shares: Shares, given: Map<string, Split>) {
  const entries = Object.entries(shares) as [Split, number][]
  const total = entries.reduce((sum, [, share]) => sum + share, 0)
  const counts = new Map<Split, number>()
  parts.forEach((part, index) => {
    let choice: Split = "line"
    let lack = Number.NEGATIVE_INFINITY
    for (const [split, share] of entries) {
      const has = counts.get(split) ?? 0
      if (split === "warmup" && has >= MOST_WARMUP) continue
      const short = (share / total) * (index + 1) - has
      if (short > lack + 1e-9) {
        choice = split
        lack = short
      }
    }
    counts.set(choice, (counts.get(choice) ?? 0) + 1)
    given.set(part.part, choice)
  })
}

function shuffled<T>(items: readonly T[], name: string): T[] {
  const random = createRandom(name)
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swap = out[i]!
    out[i] = out[j]!
    out[j] = swap
  }
  return out
}
