import { Hono } from "hono"
import { streamSSE } from "hono/streaming"
import * as v from "valibot"
import { type LivePoint, LiveSeries } from "#contract/rollout"
import type { Clock } from "#platform/clock"
import type { Events, HubEvent } from "#platform/events"
import { allow, doc, type HubEnv, query } from "../http/kit.ts"

/** Counts per bucket of `bucketMs` since a time, as the inspection store keeps them; empty buckets are left out. */
export type LiveCounts = (since: number) => (Omit<LivePoint, "inspected"> & { at: number })[]

const heartbeatMs = 15_000
const sessionCheckMs = 1_000
/** A stream ends after this long and the browser comes back; nothing that listens lives for ever. */
const longestStreamMs = 10 * 60_000
/** A stream is written to no more often: fifty tablets beside a busy line would be thousands of writes a second. */
const paceMs = 100
/** Events a slow tablet may be behind before its stream is ended; it catches up by cursor. */
const longestQueue = 1000

export function createLiveRoutes({
  events,
  counts,
  bucketMs,
  epoch,
  clock,
}: {
  events: Events
  counts: LiveCounts
  bucketMs: number
  epoch: string
  clock: Clock
}) {
  /** Cursors begin anew with each start of the hub, so an id carries the start it belongs to. */
  const idOf = (cursor: number) => `${epoch}.${cursor}`
  const texts = new WeakMap<HubEvent, string>()
  /** As it goes over the wire; the same to everybody, so it is made once. */
  const textOf = (event: HubEvent): string => {
    const known = texts.get(event)
    if (known !== undefined) return known
    const { type, cursor, data } = event
    const text = `event: ${type}\nid: ${idOf(cursor)}\ndata: ${JSON.stringify(data)}\n\n`
    texts.set(event, text)
    return text
  }
  const missedSince = (lastId: string | undefined): HubEvent[] | null => {
    if (!lastId) return []
    const [start, cursor] = lastId.split(".")
    return start === epoch && cursor && /^\d{1,15}$/.test(cursor) ? events.since(Number(cursor)) : null
  }

  return new Hono<HubEnv>()
    .get(
      "/api/live/series",
      allow("worker"),
      doc("Verdicts over the last minutes.", { 200: LiveSeries }),
      query(
        v.object({
          minutes: v.optional(
            v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(1440)),
            "30",
          ),
        }),
      ),
      (c) => {
        const now = clock.now()
        const first = now - c.req.valid("query").minutes * 60_000
        return c.json({ bucket_ms: bucketMs, points: pointsOf(counts(first), first, now, bucketMs) })
      },
    )
    .get(
      "/api/live",
      allow("worker"),
      doc("What happens, as it happens (server-sent events).", { 200: "text/event-stream" }),
      (c) => {
        const lastId = c.req.header("last-event-id")
        c.header("X-Accel-Buffering", "no")
        return streamSSE(c, async (stream) => {
          const missed = missedSince(lastId)
          const queue: HubEvent[] = missed ?? []
          let wake = () => {}
          let open = true
          const close = () => {
            open = false
            wake()
          }
          const stop = events.listen("live", (event) => {
            queue.push(event)
            if (queue.length > longestQueue) close()
            wake()
          })
          stream.onAbort(close)
          const end = setTimeout(close, longestStreamMs)
          // A person who was disabled must not see what happens from then on (ASVS 5.0 §7.4).
          const check = setInterval(() => {
            if (!c.get("stillSignedIn")()) close()
          }, sessionCheckMs)
          let beat = false
          const heartbeat = setInterval(() => {
            beat = true
            wake()
          }, heartbeatMs)
          try {
            // Anything first: a browser calls a stream open when its first bytes arrive.
            await stream.write(`retry: 2000\nid: ${idOf(events.cursor() - queue.length)}\n\n`)
            // The gap is too old to fill: screens read again what they show.
            if (missed === null) await stream.writeSSE({ event: "resync", data: "{}" })
            while (open) {
              if (queue.length > 0) {
                await stream.write(queue.splice(0).map(textOf).join(""))
                await stream.sleep(paceMs)
              } else if (beat) {
                beat = false
                await stream.write(": still here\n\n")
              } else {
                await new Promise<void>((resolve) => {
                  wake = resolve
                })
              }
            }
          } finally {
            stop()
            clearTimeout(end)
            clearInterval(heartbeat)
            clearInterval(check)
          }
        })
      },
    )
}

/** One point per bucket, empty ones included, so that a chart shows silence as silence. */
function pointsOf(
  counts: ReturnType<LiveCounts>,
  first: number,
  last: number,
  bucketMs: number,
): LivePoint[] {
  const byTime = new Map(counts.map((count) => [count.at, count]))
  const points: LivePoint[] = []
  for (let at = first - (first % bucketMs); at <= last; at += bucketMs) {
    const { ok = 0, ng = 0, undecidable = 0, judged_ng = 0, escapes = 0 } = byTime.get(at) ?? {}
    points.push({ at, inspected: ok + ng + undecidable, ok, ng, undecidable, judged_ng, escapes })
  }
  return points
}
