import type { HubState } from "#contract/fleet"
import type { AckMessage, InspectionAck, SegmentAnswer } from "#contract/topics"
import type { Log } from "#platform/log"
import type { Outbox } from "../outbox/outbox.ts"
import { laneFor, resendDelay } from "./backoff.rules.ts"
import { createSegmenter, type DeliverSegment } from "./segments.ts"

export type SenderDeps = {
  outbox: Outbox
  /** Sends one message; false when offline. */
  send: (message: Uint8Array) => boolean
  deliverSegment: DeliverSegment
  /** The hub refuses a record for good; it stays here as a dead letter. */
  onRefused: (ack: InspectionAck) => void
  /** Nothing is left that the hub does not have. */
  onDrained: () => void
  log: Log
}

const firstCredit = { msgs: 4, bytes: 8 * 1024 * 1024 }
/** What a broker takes in one message until it says otherwise, and nothing longer in segments. */
const firstLimits: Limits = { max_packet: 8 * 1024 * 1024 }
type Limits = Pick<HubState, "max_packet" | "segment" | "max_frame">

/** The wall clock may be set while records wait for their time: it is asked again. */
const longestNapMs = 60_000

type InFlight = { bytes: number; sentAt: number; attempt: number; timer: ReturnType<typeof setTimeout> }

export type Sender = ReturnType<typeof createSender>

/** Drains the outbox within the credit the hub grants. A record leaves only when the hub says it is on its disk. */
export function createSender({ outbox, send, deliverSegment, onRefused, onDrained, log }: SenderDeps) {
  let credit = firstCredit
  let limits = firstLimits
  let up = false
  let turn = 0
  let srtt: number | null = null
  let pumping = false
  let again = false
  /** Until then the hub has no room: one message at a time asks whether that has changed. Not by the wall clock, which may be set back by a day. */
  let slowUntil = 0
  let napping: ReturnType<typeof setTimeout> | undefined
  const segmenter = createSegmenter({ deliver: deliverSegment, log })
  const inFlight = new Map<string, InFlight>()

  /** One pump at a time: reading images is asynchronous, and the window must not be overbooked meanwhile. */
  async function pump(): Promise<void> {
    again = true
    if (pumping) return
    pumping = true
    try {
      while (again) {
        again = false
        while (up && (await sendNext())) turn += 1
      }
    } catch (error) {
      log.error("outbox_unreadable", { why: String(error) })
    } finally {
      pumping = false
    }
  }

  async function sendNext(): Promise<boolean> {
    // A credit of nothing would never be renewed: one message keeps asking.
    if (inFlight.size >= (performance.now() < slowUntil ? 1 : Math.max(1, credit.msgs))) return false
    const lane = laneFor(turn, outbox.depth(), credit.msgs)
    const row = outbox.next(lane, new Set(inFlight.keys()))
    if (!row) {
      if (outbox.depth() > inFlight.size) nap()
      return false
    }
    const pending = [...inFlight.values()].reduce((sum, one) => sum + one.bytes, 0)
    if (inFlight.size > 0 && pending + row.bytes > credit.bytes) return false
    await transmit(row.id, 1)
    return true
  }

  /** What the hub has put off before this program started has no timer here, and no part may come to wake us. */
  function nap(): void {
    const ms = outbox.dueIn()
    if (ms === undefined) return
    clearTimeout(napping)
    napping = setTimeout(() => void pump(), Math.min(ms, longestNapMs))
  }

  async function transmit(id: string, attempt: number): Promise<void> {
    let message = await outbox.message(id)
    const { max_packet, segment, max_frame = 0 } = limits
    const long = message !== undefined && message.length > max_packet
    if (long && (segment === undefined || message!.length > max_frame)) {
      outbox.strip(id)
      message = await outbox.message(id)
    }
    if (!message || !up) return forget(id)
    const inSegments = message.length > max_packet && segment !== undefined
    if (inSegments) segmenter.begin(id, message, segment)
    else if (!send(message)) return forget(id)
    clearTimeout(inFlight.get(id)?.timer)
    const timer = setTimeout(() => void resend(id, attempt + 1), resendDelay(attempt, srtt))
    const bytes = inSegments ? segmenter.window(segment) : message.length
    inFlight.set(id, { bytes, sentAt: performance.now(), attempt: inSegments ? 2 : attempt, timer })
  }

  async function resend(id: string, attempt: number): Promise<void> {
    try {
      if (!up || !inFlight.has(id)) return
      // Pieces that keep arriving are an answer too.
      if (segmenter.isBusy(id)) watch(id, attempt)
      else await transmit(id, attempt)
    } catch (error) {
      log.error("outbox_unreadable", { id, why: String(error) })
    }
  }

  function watch(id: string, attempt: number): void {
    const flight = inFlight.get(id)
    if (flight) flight.timer = setTimeout(() => void resend(id, attempt), resendDelay(1, srtt))
  }

  function forget(id: string): void {
    clearTimeout(inFlight.get(id)?.timer)
    inFlight.delete(id)
    segmenter.end(id)
  }

  function settle(acks: readonly InspectionAck[]): void {
    for (const { id } of acks) forget(id)
    outbox.settle(acks)
    for (const ack of acks) {
      if (ack.st === "bad") {
        log.error("record_refused", { id: ack.id, code: ack.code })
        onRefused(ack)
      }
      if (ack.st !== "later") continue
      const wait = ack.retry_ms ?? 5_000
      slowUntil = Math.max(slowUntil, performance.now() + wait)
      setTimeout(() => void pump(), wait)
    }
    if (outbox.depth() === 0) onDrained()
  }

  return {
    wake: (): void => void pump(),
    onUp: (): void => {
      up = true
      credit = firstCredit
      void pump()
    },
    onDown: (): void => {
      up = false
      clearTimeout(napping)
      for (const id of [...inFlight.keys()]) forget(id)
    },
    onHubState: (hub: Limits): void => {
      limits = hub
    },
    onSegmentAnswer: (answer: SegmentAnswer): void => {
      const id = segmenter.onAnswer(answer)
      if (id === undefined || answer.st === undefined) return
      const { st, code, retry_ms } = answer
      settle([{ id, st, ...(code !== undefined && { code }), ...(retry_ms !== undefined && { retry_ms }) }])
      void pump()
    },
    onAck: (message: AckMessage): void => {
      credit = message.credit
      for (const ack of message.acks) {
        const flight = inFlight.get(ack.id)
        // Karn's rule: the answer to a repeated message says nothing about the round trip.
        if (flight?.attempt === 1) {
          const roundTrip = performance.now() - flight.sentAt
          srtt = srtt === null ? roundTrip : srtt * 0.875 + roundTrip * 0.125
        }
      }
      settle(message.acks)
      void pump()
    },
  }
}
