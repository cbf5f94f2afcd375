import { setImmediate } from "node:timers/promises"
import type { InspectionView, QueueReason } from "#contract/labelling"
import { type FilterFault, parseFilter } from "#contract/part-filter"
import type { PartChoices, PartCount, PartPage, PartRow } from "#contract/parts"
import { Problem } from "#contract/problem"
import type { Clock } from "#platform/clock"
import type { PartFacts } from "./facts.service.ts"
import { type Known, meaningOf } from "./meaning.rules.ts"
import type { Found, PartsStore, Place, Question } from "./parts.store.ts"

/** A page is answered after this long, full or not: the hub has others to answer. */
const pageMs = 25
const countMs = 60
const mostCounted = 1_000

export type PartsDeps = {
  store: PartsStore
  facts: Pick<PartFacts, "follow">
  view: (id: string) => InspectionView | undefined
  /** Frozen sets, the oldest first. */
  datasets: () => { name: string; digest: string; role: "training" | "golden"; created_at: number }[]
  clock: Clock
}

/** Every inspection there is, found by what people ask. */
export function createParts({ store, facts, view, datasets, clock }: PartsDeps) {
  const known = (): Known => ({
    devices: store.devices(),
    models: store.models(),
    people: store.people(),
    datasets: datasets(),
  })

  /** Throws `invalid` with the place of the word that cannot be understood. */
  function questionOf(text: string, through?: number, now = clock.now()): Question {
    facts.follow()
    const read = parseFilter(text)
    if ("fault" in read) throw faulty(read.fault)
    const meant = meaningOf(read.filter, known(), now)
    if ("fault" in meant) throw faulty(meant.fault)
    const question = store.question(read.filter, meant.meaning)
    if (through === undefined) return question
    return {
      ...question,
      where: `${question.where} AND f.n <= $through`,
      params: { ...question.params, through },
    }
  }

  function rowsOf(of: readonly number[]): PartRow[] {
    return store.rows(of).flatMap(({ id, lot, waits }) => {
      const inspection = view(id)
      return inspection ? [{ inspection, lot, waits: waits as QueueReason | null }] : []
    })
  }

  return {
    /** Newest first; `cursor` is the `next` of the page before. */
    page(filter: string, cursor: string | undefined, limit: number): PartPage {
      const question = questionOf(filter)
      const found: Found[] = []
      const end = performance.now() + pageMs
      let reached: Place | null = null
      for (const window of store.windows(question, placeOf(cursor), () => limit - found.length)) {
        found.push(...window.found)
        reached = window.reached
        if (found.length >= limit || performance.now() > end) break
      }
      return {
        items: rowsOf(found.map(({ n }) => n)),
        next: reached ? `${reached.at}-${reached.n}` : null,
        searched_to: reached ? reached.at : null,
      }
    },

    /** How many, up to a thousand and within a moment; nobody's page waits for it. */
    count(filter: string): PartCount {
      const question = questionOf(filter)
      const end = performance.now() + countMs
      let count = 0
      let reached: Place | null = null
      for (const window of store.windows(question, null, () => mostCounted + 1 - count)) {
        count += window.found.length
        reached = window.reached
        if (count > mostCounted || performance.now() > end) break
      }
      return { count: Math.min(count, mostCounted), more: reached !== null || count > mostCounted }
    },

    /** Numbers of all parts a filter finds up to part `through`, in pieces, others served between them. */
    async *numbers(filter: string, through: number, now?: number): AsyncGenerator<number[]> {
      const question = questionOf(filter, through, now)
      for (const { found } of store.windows(question, null, () => 2_000)) {
        if (found.length > 0) yield found.map(({ n }) => n)
        await setImmediate()
      }
    },
    /** Throws `invalid` for a filter that is not understood. */
    check: (filter: string): void => void questionOf(filter),
    /** The newest part a filter may find. Throws `invalid` for one that is not understood. */
    through(filter: string): number {
      questionOf(filter)
      return store.newest()
    },
    numbersOf: (ids: readonly string[]): number[] => store.numbers(ids),
    newest(): number {
      facts.follow()
      return store.newest()
    },
    rows: rowsOf,

    choices: (): PartChoices => ({
      stations: store.devices(),
      products: store.products(),
      models: store.models().slice(0, 50),
      datasets: datasets()
        .slice(-50)
        .reverse()
        .map(({ name, digest, created_at }) => ({ name, digest, created_at })),
    }),
  }
}
export type Parts = ReturnType<typeof createParts>

function faulty({ at, length, code, word }: FilterFault): Problem {
  return new Problem(
    "invalid",
    `parts_filter_${code}`,
    `the filter is not understood at letter ${at + 1}: ${word}`,
    {
      at,
      length,
      word,
    },
  )
}

function placeOf(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null
  const found = /^(\d{1,16})-(\d{1,16})$/.exec(cursor)
  if (!found) throw new Problem("invalid", "cursor", "this cursor is not one of this list")
  return { at: Number(found[1]), n: Number(found[2]) }
}
