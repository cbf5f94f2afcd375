import { Problem } from "#contract/problem"
import type { SourceProfile, SourceTestResult } from "#contract/source"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import { idOfContent, idOfNamed } from "./identity.rules.ts"
import type { Message } from "./message.ts"
import type { Monitor } from "./monitor.ts"
import type { Pairing } from "./pairing.ts"
import { headOf, type Sniff } from "./picture.rules.ts"
import type { Quarantine } from "./quarantine.ts"
import { type Reading, readMessage } from "./reading.rules.ts"
import type { SourceStore, StoredSource } from "./source.store.ts"
import type { Outcome, Storing } from "./storing.ts"

const rememberedTopics = 1024

/**
 * Takes messages of cameras, whichever way they come: read by the source's profile, stored as an inspection or kept in
 * quarantine with a reason. `later` alone means that nothing was kept and the camera must not be told otherwise.
 */
export function createIntake({
  store,
  storing,
  pairing,
  quarantine,
  monitor,
  sniff,
  clock,
  ids,
  log,
}: {
  store: SourceStore
  storing: Storing
  pairing: Pairing
  quarantine: Quarantine
  monitor: Monitor
  sniff: Sniff
  clock: Clock
  ids: Ids
  log: Log
}) {
  /** What each topic's kept message was last: a camera that starts again sends it again. */
  const retained = new Map<string, string>()

  const sourceOf = (id: string): StoredSource => {
    const source = store.get(id)
    if (!source?.enabled) throw new Problem("not_found", "source", `there is no source ${id} in service`)
    return source
  }

  const identityOf = (
    source: StoredSource,
    message: Message,
    reading: Extract<Reading, { is: "part" }>,
  ): { id: string; before?: string } => {
    const { key } = reading.facts
    if (key !== undefined) return { id: idOfNamed(source.naming, key) }
    if (message.key !== undefined) return { id: idOfNamed(source.naming, `${message.via} ${message.key}`) }
    // An engineer who says that nothing is a repeat takes the risk of counting one twice.
    if (source.profile.repeat_s === 0) return { id: ids.uuid() }
    const content = `${message.via} ${message.topic} ${sha256Of(message.bytes)}`
    return idOfContent(source.naming, content, clock.now(), source.profile.repeat_s * 1000)
  }

  const isKeptAgain = (source: string, message: Message): boolean => {
    if (!message.retained) return false
    const name = `${source} ${message.topic}`
    return retained.get(name) === sha256Of(message.bytes)
  }
  const rememberKept = (source: string, message: Message) => {
    if (!message.retained) return
    const name = `${source} ${message.topic}`
    retained.delete(name)
    retained.set(name, sha256Of(message.bytes))
    if (retained.size > rememberedTopics) retained.delete(retained.keys().next().value ?? "")
  }

  const understand = async (source: StoredSource, message: Message): Promise<Outcome> => {
    const reading = readMessage(source.profile, message, sniff, clock.now())
    switch (reading.is) {
      case "refused":
        return { st: "quarantined", code: reading.code, detail: reading.detail }
      case "ignored":
        return { st: "ignored", code: reading.code, detail: reading.detail }
      case "part": {
        if (isKeptAgain(source.id, message)) return { st: "repeated", code: "kept_message" }
        const { picture, facts, notes } = reading
        const outcome = await storing.store({
          source: source.id,
          topic: message.topic,
          picture,
          // Read again later, it still is of the time it came.
          facts: { ...facts, ...(facts.ts === undefined && message.at !== undefined && { ts: message.at }) },
          notes,
          identity: identityOf(source, message, reading),
        })
        if (outcome.st === "stored") rememberKept(source.id, message)
        return outcome
      }
      default: {
        if (source.profile.kind !== "pair") throw new Error("only pairs have halves")
        if (isKeptAgain(source.id, message)) return { st: "repeated", code: "kept_message" }
        const outcome = await pairing.take(source, source.profile, message, reading)
        rememberKept(source.id, message)
        return outcome
      }
    }
  }

  const note = (source: string, via: Message["via"] | "retry", message: Message, outcome: Outcome) => {
    const { st, code, detail, id, sha256, facts, notes = [] } = outcome
    monitor.note(source, {
      via,
      topic: message.topic.slice(0, 256),
      size: message.bytes.length,
      head: headOf(message.bytes),
      st,
      ...(code !== undefined && { code }),
      ...(detail !== undefined && { detail }),
      ...(id !== undefined && { inspection_id: id }),
      // A picture is shown when it is in the store.
      ...(sha256 !== undefined && ["stored", "repeated"].includes(st) && { sha256 }),
      ...(facts && { facts }),
      notes,
    })
  }

  return {
    /** Takes one message. Throws `not_found` for a source that is unknown or off; anything else has an outcome. */
    take: async (id: string, message: Message): Promise<Outcome> => {
      const source = sourceOf(id)
      let outcome: Outcome
      try {
        outcome = await understand(source, message)
        if (outcome.st === "quarantined")
          await quarantine.keep(
            id,
            message,
            { code: outcome.code ?? "", detail: outcome.detail ?? "" },
            // What is over the source's limit is not understood better later.
            outcome.code !== "too_large",
          )
      } catch (error) {
        // The hub's trouble, not the message's: whoever sent it keeps it.
        log.error("source_not_stored", { source: id, error: String(error) })
        const full = error instanceof Problem && error.key === "disk_full"
        outcome = {
          st: "later",
          code: full ? "disk_full" : "store_failed",
          detail: "the hub could not store it",
        }
      }
      note(id, message.via, message, outcome)
      return outcome
    },

    /** Something was not even let in: it is shown, and nothing is kept. */
    refuse: (id: string, message: { via: "mqtt" | "http"; topic: string; size: number }, code: string) => {
      monitor.note(id, {
        via: message.via,
        topic: message.topic.slice(0, 256),
        size: message.size,
        head: "",
        st: "refused",
        code,
        notes: [],
      })
    },

    /** Tries a quarantined message with the profile as it is now. Throws `not_found`. */
    retry: async (id: string, n: number): Promise<Outcome> => {
      const source = sourceOf(id)
      const message = await quarantine.read(id, n)
      const outcome = await understand(source, message)
      if (outcome.st === "quarantined")
        await quarantine.setReason(n, { code: outcome.code ?? "", detail: outcome.detail ?? "" })
      else if (outcome.st !== "later") await quarantine.remove(n)
      note(id, "retry", message, outcome)
      return outcome
    },

    /** How a profile would understand a sample; nothing is stored. */
    preview: (profile: SourceProfile, message: Message): SourceTestResult => {
      const reading = readMessage(profile, message, sniff, clock.now())
      const picture = "picture" in reading ? reading.picture : undefined
      return {
        understood: reading.is,
        notes: "notes" in reading ? reading.notes : [],
        ...("facts" in reading && { facts: reading.facts }),
        ...("code" in reading && { code: reading.code, detail: reading.detail }),
        ...(picture && {
          image: { mime: picture.mime, w: picture.w, h: picture.h, size: picture.bytes.length },
        }),
      }
    },
  }
}
export type Intake = ReturnType<typeof createIntake>
