import type { AckMessage } from "#contract/topics"
import type { Log } from "#platform/log"
import type { Outbox } from "../outbox/outbox.ts"
import { laneFor, resendDelay } from "./backoff.rules.ts"

export type SenderDeps = {
  outbox: Outbox
  /** Sends one message; false when offline. */
  send: (message: Uint8Array) => boolean
  log: Log
}

const firstCredit = { msgs: 4, bytes: 8 * 1024 * 1024 }
/** Bytes a broker takes in one packet until it says otherwise. */
const defaultMaxPacket = 8 * 1024 * 1024

type InFlight = { bytes: number; sentAt: number; attempt: number; timer: ReturnType<typeof setTimeout> }

export type Sender = ReturnType<typeof createSender>

/** Drains the outbox within the credit the hub grants. A record leaves only when the hub says it is on its disk. */
export function createSender({ outbox, send, log }: SenderDeps) {
  let credit = firstCredit
  let maxPacket = defaultMaxPacket
  let up = false
  let turn = 0
  let srtt: number | null = null
  let pumping = false
  let again = false
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
    if (inFlight.size >= Math.max(1, credit.msgs)) return false
    const lane = laneFor(turn, outbox.totals().depth, credit.msgs)
    const row = outbox.next(lane, new Set(inFlight.keys()))
    if (!row) return false
    const pending = [...inFlight.values()].reduce((sum, one) => sum + one.bytes, 0)
    if (inFlight.size > 0 && pending + row.bytes > credit.bytes) return false
    await transmit(row.id, 1)
    return true
  }

  async function transmit(id: string, attempt: number): Promise<void> {
    let message = await outbox.message(id)
    if (message && message.length > maxPacket) {
      outbox.strip(id)
      message = await outbox.message(id)
    }
    if (!message || !up || !send(message)) return forget(id)
    const timer = setTimeout(() => void resend(id, attempt + 1), resendDelay(attempt, srtt))
    inFlight.set(id, { bytes: message.length, sentAt: performance.now(), attempt, timer })
  }

  async function resend(id: string, attempt: number): Promise<void> {
    try {
      if (up && inFlight.has(id)) await transmit(id, attempt)
    } catch (error) {
      log.error("outbox_unreadable", { id, why: String(error) })
    }
  }

  function forget(id: string): void {
    clearTimeout(inFlight.get(id)?.timer)
    inFlight.delete(id)
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
      for (const id of [...inFlight.keys()]) forget(id)
    },
    onHubState: (packet: number): void => {
      maxPacket = packet
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
        forget(ack.id)
        outbox.settle(ack)
        if (ack.st === "bad") log.error("record_refused", { id: ack.id, code: ack.code })
        if (ack.st === "later") setTimeout(() => void pump(), ack.retry_ms ?? 5_000)
      }
      void pump()
    },
  }
}
