import type * as v from "valibot"
import type { InspectionView, Why } from "#contract/labelling"
import type {
  NewQueuePolicy,
  PreviewItem,
  QueueFloors,
  QueuePolicy,
  QueueView,
  QueueWeights,
} from "#contract/queue"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { Candidate, LabellingStore } from "./labelling.store.ts"
import { createQueueStore, type StoredPolicy } from "./queue.store.ts"
import {
  type Labels,
  mostOf,
  shortOf,
  sliceOf,
  streamValue,
  usualFloors,
  usualWeights,
  type ValuedStream,
  withAge,
  worthOf,
} from "./value.rules.ts"

type Stream = Readonly<ValuedStream & { key: string }>
type Ranked = { stream: Stream; weights: QueueWeights; slice: Why["slice"]; most: number }
/** Streams a person may be given parts of, from the one that can be worth most, by what was known of labels. */
type Ranking = { places: readonly Ranked[]; labels: Labels }
/** So many of the most valuable parts may begin a batch. */
const headsTried = 24
/** A waiting part with its worth. */
export type Valued = { part: Candidate; stream: Stream; why: Why }

export type QueueDeps = {
  db: Sqlite
  audit: Audit
  clock: Clock
  labels: Pick<LabellingStore, "waitingIn" | "headsOf" | "tallied">
  inspections: {
    /** The streams that are not empty; another mark where they are others. */
    openStreams(): { mark: number; streams: readonly Stream[] }
    streams(): (Stream & { waiting: number })[]
    view(id: string): InspectionView | undefined
  }
}
export type Queue = ReturnType<typeof createQueue>

/** What waits for people, in the order of its worth: weights that engineers set, over streams of parts alike. */
export function createQueue({ db, audit, clock, labels, inspections }: QueueDeps) {
  const store = createQueueStore(db)
  // Every part that comes in asks for its line's audit share.
  let known: { policies: Map<string, StoredPolicy>; version: number } | undefined
  const policies = () => {
    known ??= { policies: new Map(store.policies().map((p) => [p.line, p])), version: store.version() }
    return known
  }
  const usual: QueuePolicy = {
    line: null,
    weights: usualWeights,
    audit_share: 0,
    version: 0,
    by: null,
    at: null,
  }
  const policyOf = (line: string): QueuePolicy =>
    policies().policies.get(line) ?? policies().policies.get("") ?? usual

  const floors = (): QueueFloors => policies().policies.get("")?.floors ?? usualFloors
  const labelsNow = (): Labels => {
    const counts = store.labelsByKind()
    return { of: (kind) => counts.get(kind) ?? 0, all: labels.tallied("", "").everyone }
  }

  function rank(
    streams: readonly Stream[],
    reviewer: boolean,
    known: Labels,
    weightsOf: (line: string) => QueueWeights,
  ): Ranking {
    const places = streams
      .filter(({ look, reason }) => reason !== "sent_back" && (look === 1 || reviewer))
      .map((stream) => {
        const weights = weightsOf(stream.line)
        const most = mostOf(streamValue(stream, weights, known), weights)
        return { stream, weights, slice: sliceOf(stream, known), most }
      })
      .sort((a, b) => b.most - a.most)
    return { places, labels: known }
  }

  /** Of the streams at a mark: the kinds they show, and whether any part was picked for its looks. */
  let shown: { mark: number; kinds: readonly string[]; spread: boolean } | undefined
  const shownIn = (mark: number, streams: readonly Stream[]) => {
    if (shown?.mark !== mark) {
      const kinds = [...new Set(streams.map(({ kind }) => kind))]
      shown = { mark, kinds, spread: streams.some(({ spread }) => spread) }
    }
    return shown
  }

  /** By the orders that hold; ranked again only when something has changed that counts. */
  const rankings = new Map<boolean, { by: string; ranking: Ranking }>()
  function ranked(reviewer: boolean): Ranking {
    const { mark, streams } = inspections.openStreams()
    const known = labelsNow()
    const { kinds, spread } = shownIn(mark, streams)
    // How many labels there are in all counts only where parts were picked for their looks.
    const by = `${mark} ${policies().version} ${spread ? known.all : ""} ${kinds.map(known.of)}`
    const last = rankings.get(reviewer)
    if (last?.by === by) return last.ranking
    const ranking = rank(streams, reviewer, known, (line) => policyOf(line).weights)
    rankings.set(reviewer, { by, ranking })
    return ranking
  }

  /**
   * The most valuable free parts, at most `limit`. Streams are looked into from the one that can be worth most, and no
   * further than another could still be worth more than what was found.
   */
  function best({ places, labels: known }: Ranking, user: string, limit: number): Valued[] {
    const now = clock.now()
    const found: Valued[] = []
    for (const { stream, weights, most } of places) {
      const last = found[limit - 1]
      if (last && most < last.why.value) break
      const newest = weights.age <= 0
      const why = worthOf(stream, weights, known)
      for (const part of labels.waitingIn(stream.key, user, newest, limit)) {
        found.push({ part, stream, why: withAge(why, weights, now - part.received_at) })
      }
      // The line as it runs now is worth more than last week's: of equals the newest.
      found.sort((a, b) => b.why.value - a.why.value || b.part.n - a.part.n)
      found.length = Math.min(found.length, limit)
    }
    return found.map((valued) => ({ ...valued, why: withChance(valued.why, valued.part) }))
  }

  /** The one that `best` would find. Streams that are worth the same are asked at once, as there may be dozens of them. */
  function top(ranking: Ranking, user: string): Valued | undefined {
    const { places } = ranking
    for (let from = 0; from < places.length; ) {
      const { most } = places[from]!
      let to = from + 1
      while (places[to]?.most === most) to += 1
      const same = places.slice(from, to)
      // Where age counts, parts of one stream are not worth the same.
      if (same.some(({ weights }) => weights.age !== 0))
        return best({ ...ranking, places: places.slice(from) }, user, 1)[0]
      const found = newestOf(same, ranking.labels, user)
      if (found) return found
      from = to
    }
    return undefined
  }

  function newestOf(same: readonly Ranked[], known: Labels, user: string): Valued | undefined {
    const [only] = same
    const heads =
      only && same.length === 1
        ? [{ stream: only.stream.key, n: Number.POSITIVE_INFINITY }]
        : labels.headsOf(same.map(({ stream }) => stream.key))
    let found: { part: Candidate; place: Ranked } | undefined
    for (const head of heads) {
      if (found && found.part.n > head.n) break
      const place = same.find(({ stream }) => stream.key === head.stream)
      const [part] = labels.waitingIn(head.stream, user, true, 1)
      if (place && part && part.n > (found?.part.n ?? -1)) found = { part, place }
    }
    if (!found) return undefined
    const { stream, weights } = found.place
    return { part: found.part, stream, why: withChance(worthOf(stream, weights, known), found.part) }
  }

  /** Free parts that look like another: of its line, reason, kind and product, the nearest in score first. */
  function alike({ part, stream }: Valued, user: string, limit: number): Valued[] {
    const known = labelsNow()
    const { line, reason, look, kind, band } = stream
    const product = part.product_id
    const near = inspections
      .openStreams()
      .streams.filter((s) => s.line === line && s.reason === reason && s.look === look && s.kind === kind)
      .sort((a, b) => Math.abs(a.band - band) - Math.abs(b.band - band))
    const found: (Valued & { score: number })[] = []
    for (const next of near) {
      const why = worthOf(next, policyOf(line).weights, known)
      for (const other of labels.waitingIn(next.key, user, true, 2 * limit + 2)) {
        const isOther = other.image_sha256 !== part.image_sha256 && !other.seen
        if (!isOther || other.product_id !== product) continue
        const score = inspections.view(other.id)?.verdict.score ?? 0
        found.push({ part: other, stream: next, why: withChance(why, other), score })
      }
      if (found.length >= 2 * limit) break
    }
    const wanted = inspections.view(part.id)?.verdict.score ?? 0
    const pictures = new Set<string>()
    return found
      .sort((a, b) => Math.abs(a.score - wanted) - Math.abs(b.score - wanted))
      .filter(({ part: { image_sha256 } }) => !pictures.has(image_sha256) && pictures.add(image_sha256))
      .slice(0, limit)
  }

  /** The orders that hold, the general one first, and the lines parts wait of. */
  function view(): QueueView {
    const waiting = new Map<string, number>()
    for (const stream of inspections.streams())
      waiting.set(stream.line, (waiting.get(stream.line) ?? 0) + stream.waiting)
    const shown = ({ weights, audit_share, version, by, at }: QueuePolicy, line: string | null) => ({
      ...{ line, weights, audit_share, version, by, at },
    })
    const own = [...policies().policies.values()].filter(({ line }) => line !== "")
    return {
      policies: [shown(policyOf(""), null), ...own.map((policy) => shown(policy, policy.line))],
      floors: floors(),
      lines: [...waiting].map(([line, count]) => ({ line: line === "" ? null : line, waiting: count })),
    }
  }

  return {
    /** The share of a line's parts that are drawn at random as they come in. */
    auditShare: (line: string): number => policyOf(line).audit_share,

    /** What a part was worth when it came in, as somebody is told who draws it. */
    worthAtFirst(part: { stream: ValuedStream; chance: number | null; waitedMs: number }): Why {
      const { weights } = policyOf(part.stream.line)
      const why = worthOf(part.stream, weights, labelsNow())
      return withChance(withAge(why, weights, part.waitedMs), { queue_chance: part.chance })
    },

    /**
     * The most valuable part this person may judge and nobody holds. First of a slice that has had less than its share of
     * the last draws, where one of it waits.
     */
    head(user: string, reviewer: boolean): Valued | undefined {
      const ranking = ranked(reviewer)
      for (const wanted of shortOf(store.drawn(), floors())) {
        const places = ranking.places.filter(({ slice }) => slice === wanted)
        const found = top({ ...ranking, places }, user)
        if (found) return found
      }
      return top(ranking, user)
    },

    /**
     * Parts that look alike, the most valuable first. Of the first parts the one counts that has enough of its like;
     * else the one that has most.
     */
    lookAlikes(user: string, reviewer: boolean, size: number): Valued[] {
      const tried = new Set<string>()
      let most: Valued[] = []
      for (const head of best(ranked(reviewer), user, headsTried)) {
        const { band: _, key: __, spread: ___, ...like } = head.stream
        const group = JSON.stringify([like, head.part.product_id])
        if (head.part.seen || tried.has(group)) continue
        tried.add(group)
        const found = [head, ...alike(head, user, size - 1)]
        if (found.length > most.length) most = found
        if (most.length >= size / 2) break
      }
      return most
    },

    /** Keeps why a part was handed out. Belongs into the transaction of its lease. */
    log(lease: { id: string; inspection_id: string; drawn_at: number }, user: string, why: Why): void {
      store.insertDraw({
        lease_id: lease.id,
        inspection_id: lease.inspection_id,
        user_id: user,
        at: lease.drawn_at,
        value: why.value,
        shares: why.shares,
        chance: why.chance ?? null,
        policy: policies().version,
        slice: why.slice ?? "",
      })
    },
    /** Why a lease was given. */
    whyOf(lease: string): Why | undefined {
      const draw = store.draw(lease)
      if (!draw) return undefined
      const { value, shares, chance, slice } = draw
      return { value, shares, ...(chance !== null && { chance }), ...(slice !== "" && { slice }) }
    },

    view,

    /** Sets a line's order, or ends it. Holds from the next draw on; the audit share for parts that come from now on. */
    set(by: Actor, asked: v.InferOutput<typeof NewQueuePolicy>): QueueView {
      db.transaction(() => {
        const line = asked.line ?? ""
        const before = policies().policies.get(line) ?? null
        store.insert({
          line,
          weights: asked.weights,
          auditShare: asked.audit_share,
          floors: asked.floors ?? floors(),
          by,
          at: clock.now(),
        })
        audit.record({
          by,
          action: "queue_policy.set",
          subject: `queue_policy:${line === "" ? "*" : line}`,
          before: before && {
            weights: before.weights,
            audit_share: before.audit_share,
            floors: before.floors,
          },
          after: asked.weights && {
            weights: asked.weights,
            audit_share: asked.audit_share,
            floors: asked.floors ?? floors(),
          },
        })
      })
      known = undefined
      return view()
    },

    /** What would be handed out next, to people who review; also with weights that nobody has saved. */
    preview(
      policy: { line: string | null; weights: QueueWeights } | undefined,
      limit: number,
    ): PreviewItem[] {
      const hasOwn = (line: string) => policies().policies.has(line) && line !== ""
      const weightsOf = (line: string) => {
        const meant = policy && (policy.line === null ? !hasOwn(line) : policy.line === line)
        return meant ? policy.weights : policyOf(line).weights
      }
      const { streams } = inspections.openStreams()
      return best(rank(streams, true, labelsNow(), weightsOf), "", limit).flatMap(({ part, stream, why }) => {
        const inspection = inspections.view(part.id)
        const { reason, look } = stream
        return inspection ? [{ inspection, reason, second_look: look === 2, why }] : []
      })
    },
  }
}

const withChance = (why: Why, { queue_chance }: Pick<Candidate, "queue_chance">): Why =>
  queue_chance === null ? why : { ...why, chance: queue_chance }
