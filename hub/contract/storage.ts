import * as v from "valibot"
import { ByteSize, Count, Instant } from "./ids.ts"

/** GET /api/storage: how full the hub's disk is, and what had to go. */
export const Storage = v.object({
  total: ByteSize,
  free: ByteSize,
  /**
   * `tight`: pictures of OK parts wait at the stations. `low`: all pictures wait, records are taken. `full`: everything
   * waits. Labels are taken as long as there is any room.
   */
  level: v.picklist(["fine", "tight", "low", "full"]),
  /** Free bytes at which the next level begins. */
  marks: v.object({ tight: ByteSize, low: ByteSize, full: ByteSize }),
  /** Bytes an hour by which the disk fills now; 0 when it does not. */
  filling: ByteSize,
  /** When the disk will be tight at this pace; null when it will not. */
  tight_in_ms: v.nullable(v.number()),
  /** Pictures given up here to make room, and pictures that wait at stations for room. */
  evicted: v.object({ images: Count, bytes: ByteSize, last_at: v.nullable(Instant) }),
  waiting: Count,
})
export type Storage = v.InferOutput<typeof Storage>

/** POST /api/inspections/:id/hold: keep this part's pictures, whatever the disk says. */
export const NewHold = v.object({ reason: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(300)) })
