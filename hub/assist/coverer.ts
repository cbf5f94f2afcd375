import { type Coverage, createCoverage, stepOf, weightOf } from "#models/embed/coverage"
import { embeddingSize } from "#models/embed/embedder"
import type { Sqlite } from "#platform/sqlite"
import { createCoverageStore, signed } from "./coverage.store.ts"

export type CoverAsk = {
  space: string
  line: string
  /** Names one working-out; another one begins anew. */
  run: string
}
export type CoverAnswer = {
  done: boolean
  /** Numbers of the parts picked, the first first, and how early each is: 3 to 1. Empty before it is done. */
  picks: { n: number; step: number }[]
  /** Parts that were compared, and judged ones that they were compared with. */
  waiting: number
  judged: number
}

/** Waiting parts of a line that are compared, the newest of each stream. */
const mostWaiting = 4_000
/** Judged parts they are compared with, the newest: what a line made last year it makes no more. */
const mostJudged = 2_000
/** Picked at a time; more are picked once some of these are judged. */
const picked = 48
/** Judged parts compared in one slice: about a tenth of a second, then whoever searches has a turn. */
const perSlice = 100
/** Steps of doubt: `topBand` of the queue's streams. */
const topBand = 7

/** Works out, slice by slice, which waiting parts of a line look unlike everything that has been judged. */
export function createCoverer(db: Sqlite): (ask: CoverAsk) => CoverAnswer {
  const store = createCoverageStore(db)
  let open: { run: string; space: number; coverage: Coverage; centres: number[]; judged: number } | undefined

  function begin({ space: name, line, run }: CoverAsk) {
    const space = store.space(name)
    if (space === undefined) return undefined
    const coverage = createCoverage(embeddingSize)
    const streams = store.streams(line)
    const each = Math.max(50, Math.ceil(mostWaiting / Math.max(1, streams.length)))
    for (const { key, band } of streams)
      for (const { n, vector } of store.waiting(space, key, each))
        coverage.add(n, signed(vector), weightOf(band / topBand))
    const centres = coverage.size() === 0 ? [] : store.judged(space, mostJudged)
    return { run, space, coverage, centres, judged: centres.length }
  }
  return (ask) => {
    if (open?.run !== ask.run) open = begin(ask)
    if (!open) return { done: true, picks: [], waiting: 0, judged: 0 }
    const { space, coverage, centres, judged } = open
    const waiting = coverage.size()
    for (const vector of store.vectors(space, centres.splice(0, perSlice))) coverage.cover(vector)
    if (centres.length > 0) return { done: false, picks: [], waiting, judged }
    const found: number[] = []
    for (let pick = coverage.pick(); pick && found.length < picked; pick = coverage.pick())
      found.push(pick.key)
    open = undefined
    const picks = found.map((n, place) => ({ n, step: stepOf(place, found.length) }))
    return { done: true, picks, waiting, judged }
  }
}
