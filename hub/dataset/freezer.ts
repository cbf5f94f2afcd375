import type { DatasetLeak, Grouping, NearPolicy } from "#contract/dataset"
import type { GoldenCounts } from "#contract/registry"
import type { Sqlite } from "#platform/sqlite"
import type { LabelledPart } from "./dataset.service.ts"
import { createDatasetStore, type FrozenSample } from "./dataset.store.ts"
import { setDigest } from "./digest.rules.ts"
import { type Looked, type NearPair, nearPairs, samePictures } from "./near.rules.ts"
import { inTextOrder } from "./order.rules.ts"
import { placeLabelled } from "./placing.rules.ts"
import type { Split } from "./split.rules.ts"
import { summarise } from "./summary.rules.ts"
import type { JudgedCount } from "./weight.rules.ts"

/** `onlySeen`: whoever gives the order will look at pictures that nobody has looked at, rather than go on without. */
export type FreezeOrder = { grouping: Grouping; near: NearPolicy; at: number; onlySeen?: boolean }
export type FrozenName = { digest: string; fresh: boolean }
/** What a step has come to. `restart`: somebody has changed what it stands on; begin again. `unseen`: look first. */
export type FreezeStep =
  | { state: "unseen" }
  | { state: "blocked"; pairs: NearPair[] }
  | { state: "working"; done: number; total: number }
  | { state: "restart" }
  | { state: "done"; training: FrozenName; golden: FrozenName; leaks: number }

/** Rows and names written in one transaction: some thirty milliseconds in which the hub could not write. */
const slice = 1_000
const sliceOfNames = 2_000
const mostLeaks = 1_000
/** Pictures that are opened together: some hundred milliseconds. */
const printsAtOnce = 64
/** Looking up what has no print goes through everything that is labelled: done once for so many. */
const lookedUp = 200_000

type Version = { digest: string; role: "training" | "golden"; samples: FrozenSample[]; fresh: boolean }

/**
 * Freezes all that is labelled, step by step: reads and places once, then writes in slices, and at the end makes both
 * versions visible in one short transaction. Killed in the middle it leaves parts with a side, which they keep, and rows that
 * nobody sees and the next freeze takes up.
 */
export function createFreezer({
  db,
  labels,
  judged,
}: {
  db: Sqlite
  /** Every settled part; with its lot, where that is asked for. */
  labels: (lots: boolean) => LabelledPart[]
  judged: () => JudgedCount[]
}) {
  const store = createDatasetStore(db)
  let work: Generator<FreezeStep, FreezeStep> | undefined
  let unprinted: string[] = []

  const place = (grouping: Grouping) => {
    const leftOut = store.leftOut()
    return placeLabelled({
      references: store.references(),
      parts: labels(grouping === "lot").filter(({ inspectionId }) => !leftOut.has(inspectionId)),
      judged: judged(),
      assigned: store.assignments(),
      drawn: store.drawn(),
      grouping,
    })
  }

  function* freeze({ grouping, near, at, onlySeen }: FreezeOrder): Generator<FreezeStep, FreezeStep> {
    const placement = place(grouping)
    const seen = near === "allow" ? undefined : printsOf(placement.samples)
    if (onlySeen && seen?.all === false) return { state: "unseen" }
    const pairs = seen ? pairsOf(placement.samples, seen) : []
    if (near === "block" && pairs.length > 0) return { state: "blocked", pairs: pairs.slice(0, mostLeaks) }
    // Left out is whatever trains: what proves a model was chosen for that.
    const dropped = new Set(pairs.map(({ other }) => other))
    // In the order of their keys: rows of a slice lie side by side in the file. A hundred thousand take 4 s to write, in any order 28 s.
    const samples = inTextOrder(
      placement.samples.filter(({ image }) => !dropped.has(image)),
      ({ image }) => image,
    )
    const fresh = inTextOrder(placement.fresh, ({ identity }) => identity)
    const versions: Version[] = (["training", "golden"] as const).map((role) => {
      const own = samples.filter(({ split }) => (split === "golden") === (role === "golden"))
      return { role, samples: own, digest: setDigest(own), fresh: false }
    })
    const splitOf = new Map(
      placement.samples
        .filter(({ image }) => dropped.has(image))
        .map(({ image, split }): [string, Split] => [image, split]),
    )
    const leaks: DatasetLeak[] = [
      ...placement.leaks,
      ...pairs.map(({ golden, other, similarity }) => ({
        image: other,
        splits: ["golden" as const, splitOf.get(other) ?? "train"],
        other: golden,
        similarity,
      })),
    ]
    const total = fresh.length + samples.length
    let done = 0

    for (let from = 0; from < fresh.length || from === 0; from += sliceOfNames) {
      const some = fresh.slice(from, from + sliceOfNames)
      const agree = db.transaction(() => {
        if (from === 0) store.setDrawn(placement.drawn)
        return bySide(some).every(({ split, stratum, names }) => store.assignAll(names, split, stratum, at))
      })
      if (!agree) return { state: "restart" }
      done += some.length
      yield { state: "working", done, total }
    }

    for (const version of versions) {
      const { digest, role } = version
      version.fresh = db.transaction(() =>
        store.begin(digest, role, version.samples.length, {
          summary: summarise(version.samples),
          leaks: leaks.slice(0, mostLeaks),
          at,
        }),
      )
      for (let from = 0; version.fresh && from < version.samples.length; from += slice) {
        const some = version.samples.slice(from, from + slice)
        if (!db.transaction(() => store.addSamples(digest, some))) return { state: "restart" }
        done += some.length
        yield { state: "working", done, total }
      }
    }

    // On disk with everything before it, when this returns.
    db.exec("PRAGMA synchronous = FULL")
    db.transaction(() => {
      for (const { digest, fresh } of versions) if (fresh) store.finish(digest)
    })
    const named = ({ digest, fresh }: Version): FrozenName => ({ digest, fresh })
    const [training, golden] = versions.map(named)
    return { state: "done", training: training!, golden: golden!, leaks: leaks.length }
  }

  /** Prints of golden and of other pictures, and whether somebody has looked at all of them. */
  function printsOf(samples: readonly FrozenSample[]) {
    const [golden, others] = bothSides(samples, (side) => store.prints(side.map(({ image }) => image)))
    return { golden: golden.found, others: others.found, all: golden.seen + others.seen === samples.length }
  }

  function pairsOf(
    samples: readonly FrozenSample[],
    prints: { golden: readonly Looked[]; others: readonly Looked[] },
  ): NearPair[] {
    const [golden, others] = bothSides(samples, (side) => store.looked(side.map(({ id }) => id)))
    // The same part taken again by direction, for those that have one; the same picture saved again by print, for all.
    const pairs = nearPairs(golden, others)
    const known = new Set(pairs.map((pair) => `${pair.golden}${pair.other}`))
    const more = samePictures(prints.golden, prints.others)
    return [...pairs, ...more.filter((pair) => !known.has(`${pair.golden}${pair.other}`))]
  }

  /** Prints of some pictures that have none; how many are known to be without, 0 when none is. */
  async function look(
    print: (image: string) => Promise<Int16Array | null>,
    most = printsAtOnce,
  ): Promise<number> {
    if (unprinted.length === 0) unprinted = store.unprinted(lookedUp)
    const some = unprinted.splice(-most)
    const made = await Promise.all(some.map(async (image) => ({ image, print: await print(image) })))
    db.transaction(() => {
      for (const one of made) store.putPrint(one.image, one.print)
    })
    // What has come since is looked up before anybody is told that this was all.
    if (unprinted.length === 0 && some.length > 0) unprinted = store.unprinted(lookedUp)
    return unprinted.length
  }

  function step(): FreezeStep {
    if (!work) return { state: "restart" }
    const { value, done } = work.next()
    if (done) work = undefined
    return value
  }

  return {
    begin(order: FreezeOrder): FreezeStep {
      work = freeze(order)
      return step()
    },
    /** The next slice. */
    step,
    look,
    /** The golden set as it would be frozen now; nothing is written. */
    golden(): GoldenCounts {
      const samples = place("part").samples.filter(({ split }) => split === "golden")
      const { total } = summarise(samples)
      return { digest: samples.length > 0 ? setDigest(samples) : null, ...total }
    },
  }
}
export type Freezer = ReturnType<typeof createFreezer>

/** Of golden samples, and of the others. */
function bothSides<T>(samples: readonly FrozenSample[], of: (side: FrozenSample[]) => T): [T, T] {
  const side = (golden: boolean) => samples.filter(({ split }) => (split === "golden") === golden)
  return [of(side(true)), of(side(false))]
}

/** Names that go to the same side from the same stratum, in their order. */
function bySide(fresh: readonly { identity: string; split: Split; stratum: string }[]) {
  const sides = new Map<string, { split: Split; stratum: string; names: string[] }>()
  for (const { identity, split, stratum } of fresh) {
    const key = `${split} ${stratum}`
    const known = sides.get(key)
    if (known) known.names.push(identity)
    else sides.set(key, { split, stratum, names: [identity] })
  }
  return [...sides.values()]
}
