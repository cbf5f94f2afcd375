import { hash } from "node:crypto"
import { inTextOrder } from "./order.rules.ts"

/** `golden` parts prove models and never leave the hub; `calib` sets thresholds; the rest is fitted on. */
export type Split = "train" | "calib" | "golden"

/** `line` parts were labelled at work, `reference` and `golden` ones were uploaded by an engineer. */
export type Source = "line" | "reference" | "golden"

/** A labelled image before it has a split. `identities` name the physical part and the picture. */
export type Candidate = {
  image: string
  part: string | null
  /** Name of what it must not be parted from, beside the part itself. */
  together?: string
  source: Source
  verdict: "ok" | "ng"
  kinds: readonly string[]
}

export type Placed<C extends Candidate> = { candidate: C; split: Split; group: string }

export type Placement<C extends Candidate> = {
  placed: Placed<C>[]
  /** Identities that have a split for the first time; they keep it for ever. */
  fresh: { identity: string; split: Split; stratum: string }[]
  /** Parts drawn from each stratum, with the new ones. */
  drawn: ReadonlyMap<string, number>
  /** Images that would stand on both sides of the wall between golden and the rest, and are used on neither. */
  leaks: { image: string; splits: Split[] }[]
}

/**
 * Shares of 60/20/20 as blocks of five, the first of which lets a kind with two labels train and be proved. Within
 * later blocks the order is a permutation drawn from the stratum's name (permuted-block randomisation), so that no
 * rhythm of the line, such as a camera that takes every fifth part, lines up with a split.
 */
const firstBlock: readonly Split[] = ["train", "golden", "train", "calib", "train"]
/** An engineer who keeps a golden set means the references for training alone: 75/25. */
const referenceBlock: readonly Split[] = ["train", "train", "calib", "train"]

/** The names under which a part keeps its split: the serial number and the picture itself. */
export function identitiesOf({
  part,
  image,
  together,
}: Pick<Candidate, "part" | "image" | "together">): string[] {
  const identities = together === undefined ? [] : [together]
  if (part !== null) identities.push(`part:${part}`)
  identities.push(`image:${image}`)
  return identities
}

/**
 * Gives every candidate its split. A part that has one keeps it; all pictures of a part, and all parts of one picture,
 * share it. New parts fill the blocks of their stratum in order of their hash, so equal input gives an equal split.
 * `assigned` maps an identity to its split, `counts` a stratum to the number of parts drawn from it so far.
 */
export function placeCandidates<C extends Candidate>(
  candidates: readonly C[],
  assigned: ReadonlyMap<string, Split>,
  counts: ReadonlyMap<string, number>,
  keepsGoldenSet: boolean,
): Placement<C> {
  const splits = new Map(assigned)
  const drawn = new Map(counts)
  const result: Placement<C> = { placed: [], fresh: [], drawn, leaks: [] }
  const rarity = countKinds(candidates)
  const draw = createDraw(drawn)
  const keyed = candidates.map((c) => ({ c, key: sha256(c.together ?? c.part ?? c.image) }))
  const inOrder = (golden: boolean) =>
    inTextOrder(
      keyed.filter(({ c }) => (c.source === "golden") === golden),
      ({ c, key }) => key + c.image,
    )

  // Golden uploads first: where a picture is in both, the engineer's word on what proves a model stands.
  for (const { c, key } of [...inOrder(true), ...inOrder(false)]) {
    const identities = identitiesOf(c)
    const claimed: Split | undefined = c.source === "golden" ? "golden" : undefined
    const wanted: Split[] = claimed ? [claimed] : []
    for (const identity of identities) {
      const known = splits.get(identity)
      if (known !== undefined && !wanted.includes(known)) wanted.push(known)
    }
    if (wanted.length > 1) {
      result.leaks.push({ image: c.image, splits: wanted.sort() })
      continue
    }
    const stratum = stratumOf(c, rarity, keepsGoldenSet)
    const split = wanted[0] ?? draw(stratum)
    for (const identity of identities) {
      if (splits.has(identity)) continue
      splits.set(identity, split)
      result.fresh.push({ identity, split, stratum: claimed ? "uploaded" : stratum })
    }
    result.placed.push({ candidate: c, split, group: key.slice(0, 32) })
  }
  return result
}

/** A part with several kinds counts for its rarest, so that the kind with few labels is spread over the splits. */
function stratumOf(c: Candidate, rarity: ReadonlyMap<string, number>, keepsGoldenSet: boolean): string {
  const pool = c.source === "reference" && keepsGoldenSet ? "reference" : "line"
  if (c.verdict === "ok") return pool === "line" ? "line/ok" : "reference/ok"
  const kinds = [...c.kinds].sort((a, b) => (rarity.get(a) ?? 0) - (rarity.get(b) ?? 0) || compare(a, b))
  return `${pool}/ng:${kinds[0] ?? ""}`
}

/** Draws the next split of a stratum; `drawn` counts along. The order of a block is drawn once for all its parts. */
function createDraw(drawn: Map<string, number>): (stratum: string) => Split {
  const current = new Map<string, { block: number; order: readonly Split[] }>()
  return (stratum) => {
    const n = drawn.get(stratum) ?? 0
    drawn.set(stratum, n + 1)
    const shares = stratum.startsWith("reference/") ? referenceBlock : firstBlock
    const block = Math.floor(n / shares.length)
    let known = current.get(stratum)
    if (known?.block !== block) {
      known = { block, order: block === 0 ? shares : permute(shares, `${stratum}#${block}`) }
      current.set(stratum, known)
    }
    return known.order[n % shares.length]!
  }
}

function permute<T>(items: readonly T[], seed: string): T[] {
  return items
    .map((item, i) => ({ item, key: sha256(`${seed}/${i}`) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ item }) => item)
}

function countKinds(candidates: readonly Candidate[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { kinds } of candidates) for (const k of kinds) counts.set(k, (counts.get(k) ?? 0) + 1)
  return counts
}

/** Code-unit order: the same on every machine, unlike localeCompare. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const sha256 = (text: string) => hash("sha256", text, "hex")
