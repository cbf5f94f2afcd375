import type { DatasetLeak, Grouping, NearPolicy } from "#contract/dataset"
import type { GoldenCounts } from "#contract/registry"
import type { Sqlite } from "#platform/sqlite"
import type { LabelledPart } from "./dataset.service.ts"
import { createDatasetStore, type FrozenSample } from "./dataset.store.ts"
import { setDigest } from "./digest.rules.ts"
import { type NearPair, nearPairs, samePictures } from "./near.rules.ts"
import { placeLabelled } from "./placing.rules.ts"
import type { Split } from "./split.rules.ts"
import { summarise } from "./summary.rules.ts"
import type { JudgedCount } from "./weight.rules.ts"

export type FreezeOrder = { grouping: Grouping; near: NearPolicy; at: number }
export type FrozenName = { digest: string; fresh: boolean }
/** What a step has come to. `restart`: somebody has changed what it stands on; begin again. */
export type FreezeStep =
  | { state: "blocked"; pairs: NearPair[] }
  | { state: "working"; done: number; total: number }
  | { state: "restart" }
  | { state: "done"; training: FrozenName; golden: FrozenName; leaks: number }

/** Rows written in one transaction: some milliseconds in which the hub could not write. */
const slice = 500
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
  labels: () => LabelledPart[]
  judged: () => JudgedCount[]
}) {
  const store = createDatasetStore(db)
  let work: Generator<FreezeStep, FreezeStep> | undefined
  let unprinted: string[] = []

  const place = (grouping: Grouping) => {
    const leftOut = store.leftOut()
    return placeLabelled({
      references: store.references(),
      parts: labels().filter(({ inspectionId }) => !leftOut.has(inspectionId)),
      judged: judged(),
      assigned: store.assignments(),
      drawn: store.drawn(),
      grouping,
    })
  }

  function* freeze({ grouping, near, at }: FreezeOrder): Generator<FreezeStep, FreezeStep> {
    const placement = place(grouping)
    const pairs = near === "allow" ? [] : pairsOf(placement.samples)
    if (near === "block" && pairs.length > 0) return { state: "blocked", pairs: pairs.slice(0, mostLeaks) }
    // Left out is whatever trains: what proves a model was chosen for that.
    const dropped = new Set(pairs.map(({ other }) => other))
    const samples = placement.samples.filter(({ image }) => !dropped.has(image))
    // In the order of their keys: rows of a slice lie side by side in the file. A hundred thousand take 4 s to write, in any order 28 s.
    samples.sort((a, b) => (a.image < b.image ? -1 : 1))
    const fresh = placement.fresh.toSorted((a, b) => (a.identity < b.identity ? -1 : 1))
    const versions: Version[] = (["training", "golden"] as const).map((role) => {
      const own = samples.filter(({ split }) => (split === "golden") === (role === "golden"))
      return { role, samples: own, digest: setDigest(own), fresh: false }
    })
    const splitOf = new Map(placement.samples.map(({ image, split }): [string, Split] => [image, split]))
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

    for (let from = 0; from < fresh.length || from === 0; from += slice) {
      const some = fresh.slice(from, from + slice)
      const agree = db.transaction(() => {
        if (from === 0) store.setDrawn(placement.drawn)
        return some.every(
          ({ identity, split, stratum }) => store.assignOne(identity, split, stratum, at) === split,
        )
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

  function pairsOf(samples: readonly FrozenSample[]): NearPair[] {
    const side = (golden: boolean) => samples.filter(({ split }) => (split === "golden") === golden)
    const [golden, others] = [side(true), side(false)]
    const ids = (of: readonly FrozenSample[]) => of.map(({ id }) => id)
    const images = (of: readonly FrozenSample[]) => of.map(({ image }) => image)
    // The same part taken again by direction, for those that have one; the same picture saved again by print, for all.
    const pairs = nearPairs(store.looked(ids(golden)), store.looked(ids(others)))
    const known = new Set(pairs.map((pair) => `${pair.golden}${pair.other}`))
    const more = samePictures(store.prints(images(golden)), store.prints(images(others)))
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
