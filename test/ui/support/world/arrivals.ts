import * as v from "valibot"
import { Arrival, RefusalView } from "#contract/ingest"
import { Storage } from "#contract/storage"
import { hour, minute, stations } from "./names.ts"

/** The third station lost parts nobody knows about, the fourth is behind and short of room. */
export const makeArrivals = (): Arrival[] =>
  stations.map(([id], i) =>
    v.parse(Arrival, {
      device_id: id,
      stored: 48_000,
      missing: i === 2 ? 3 : i === 3 ? 231 : 0,
      waiting: i === 3 ? 214 : 0,
      given_up: i === 3 ? 17 : 0,
      refused: 0,
      unexplained: i === 2 ? 3 : 0,
      refusals: i === 1 ? 2 : 0,
    }),
  )

export const makeRefusals = (now: number): RefusalView[] =>
  [
    { code: "digest", detail: "part image does not have the digest the header gives", size: 214_322 },
    { code: "frame", detail: "not a CXF1 frame: seq: Invalid type: Expected number", size: 1_204 },
  ].map((refusal, i) =>
    v.parse(RefusalView, {
      n: 12 - i,
      device_id: stations[1]![0],
      topic: `crux/v1/d/${stations[1]![0]}/up/insp`,
      at: now - (3 + i * 14) * minute,
      inspection_id: null,
      ...refusal,
    }),
  )

export const makeStorage = (now: number): Storage =>
  v.parse(Storage, {
    total: 480e9,
    free: 41e9,
    level: "tight",
    marks: { tight: 48e9, low: 14e9, full: 64e6 },
    filling: 2.1e9,
    tight_in_ms: 0,
    evicted: { images: 18_240, bytes: 3.7e9, last_at: now - hour },
    waiting: 0,
  })
