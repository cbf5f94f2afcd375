import type { Verdict } from "#contract/inspection"
import type { TriggerFacts, VerdictMessage } from "#contract/topics"
import type { Log } from "#platform/log"

/** The part a signal is about. */
export type SignalledPart = TriggerFacts & { id: string; ts: number }

/** Tells the line what to do with the part. Only `ok` lets it pass; everything else is for the reject lane. */
export type Output = {
  /** A part is being looked at: what was said of the one before no longer holds. Each is followed by one `signal`. */
  begin: () => void
  /** Resolves when the line has been told, or when waiting longer would hold up the next part. Never rejects. */
  signal: (part: SignalledPart, verdict: Verdict) => Promise<void>
  /** Leaves every output in its safe state: no part may pass. */
  close: () => Promise<void>
}

/** One way to tell the line. It may fail, hang and throw; `createOutputs` sees to what follows from that. */
export type OutputDriver = {
  /** How it appears in reports and events: a key. */
  name: string
  /** A verdict that has not arrived by then is given up. */
  limit_ms: number
  /** Verdicts under way at once; 1 keeps their order. */
  atOnce: number
  /** The first part after a pause is being looked at. */
  begin?: () => Promise<void>
  /** `busy`: more parts are being looked at. Rejects when the verdict has not arrived. */
  send: (message: VerdictMessage, now: { signal: AbortSignal; busy: boolean }) => Promise<void>
  close?: () => Promise<void>
}

/** Not tried again: a later verdict has gone out, and this one would be taken for it. */
export class Superseded extends Error {}

/** Where a verdict stands among all that were said. */
export type Order = { run: number; seq: number }

export function messageFor(
  { id, ts, ...facts }: SignalledPart,
  verdict: Verdict,
  order: Order,
): VerdictMessage {
  return { v: 1, id, ts, ...order, pass: verdict.eval === "ok", ...verdict, ...facts }
}

/** Verdicts as lines of the station's log. */
export function logOutput(log: Log): OutputDriver {
  return {
    name: "log",
    limit_ms: 1_000,
    atOnce: 1,
    send: async ({ id, part_id, eval: evaluation, score, code }) => {
      log.info("verdict", { id, part_id, eval: evaluation, score, code })
    },
  }
}
