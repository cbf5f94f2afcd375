import { parseEnvelope } from "#contract/dsse"
import { Problem } from "#contract/problem"
import type { Desired, Envelope, TrustedKeys } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"
import type { Log } from "#platform/log"
import { refusalOfDesired, type Target, targetOf } from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import type { Why } from "./journal.ts"
import { openDesired, SchemaMismatch } from "./signed.ts"

export type WishDeps = {
  store: ActivationStore
  device: string
  keys: TrustedKeys
  now: () => number
  onChange: () => void
  onEvent: (event: DeviceEvent) => void
  log: Log
}

export type Wish = ReturnType<typeof createWish>

/** What the hub wants of this station: signed, newer than anything before, and on disk before it is acted on. */
export function createWish({ store, device, keys, now, onChange, onEvent, log }: WishDeps) {
  let refusal: Why | undefined

  /** Why it was not taken; "known" for the one that was taken before. */
  function accept(bytes: Uint8Array): { reason: string; detail: string } | "known" | undefined {
    let envelope: Envelope
    let desired: Desired
    try {
      envelope = parseEnvelope(bytes)
      desired = openDesired(envelope, keys)
    } catch (error) {
      if (error instanceof SchemaMismatch) return { reason: "schema", detail: error.message }
      if (error instanceof Problem) return { reason: "signature", detail: error.message }
      throw error
    }
    const reason = refusalOfDesired(desired, { device, rev_seen: store.revSeen() })
    // A retained document comes again with every connection: the one already accepted is no replay.
    if (reason === "rev" && store.desired()?.payload === envelope.payload) return "known"
    if (reason) return { reason, detail: `rev ${desired.rev}, last accepted ${store.revSeen()}` }
    store.transaction(() => {
      store.setRevSeen(desired.rev)
      store.setDesired(envelope)
      store.setSampling(desired.sampling)
      for (const [line, release] of Object.entries(desired.floor)) store.raiseFloor(line, release)
    })
    return undefined
  }

  return {
    /** Takes a desired envelope as it came over the wire; true when it is new. What is not acceptable is reported. */
    take: (bytes: Uint8Array): boolean => {
      const refused = accept(bytes)
      if (refused === "known") return false
      if (refused === undefined) {
        refusal = undefined
        onChange()
        return true
      }
      // The journal keeps its state: a replayed document must not look like a change of the model.
      const { reason, detail } = refused
      refusal = { reason, detail: `desired refused: ${detail}`.slice(0, 300) }
      log.warn("desired_refused", { reason, detail })
      onEvent({ v: 1, ts: now(), kind: "desired_refused", level: "alarm", detail: { reason, detail } })
      onChange()
      return false
    },
    /** The accepted one, proven again; undefined before the first. */
    current: (): { desired: Desired; target: Target | undefined } | undefined => {
      const envelope = store.desired()
      if (!envelope) return undefined
      const desired = openDesired(envelope, keys)
      return { desired, target: targetOf(desired) }
    },
    /** Why the last document was refused, until one is accepted. */
    refusal: (): Why | undefined => refusal,
  }
}
