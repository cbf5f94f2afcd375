import { type ReadonlySignal, signal } from "@preact/signals"
import { openDB } from "idb"
import * as v from "valibot"
import { LabelReceipt, NewLabel } from "#contract/labelling"
import { type Api, asTrouble, mayRetry, type Trouble } from "../../api.ts"

/** A verdict on its way. It belongs to the person who gave it and is only sent in their name. */
const Entry = v.object({
  id: v.string(),
  user: v.string(),
  at: v.number(),
  label: NewLabel,
  refused: v.optional(v.string()),
})
export type Entry = v.InferOutput<typeof Entry>

export type OutboxStore = {
  put: (entry: Entry) => Promise<void>
  remove: (id: string) => Promise<void>
  all: () => Promise<Entry[]>
}

/** On the tablet's disk, so that a closed browser or an empty battery loses nothing. */
export async function openOutboxStore(): Promise<OutboxStore> {
  const db = await openDB("crux", 1, {
    upgrade(database) {
      database.createObjectStore("outbox", { keyPath: "id" })
    },
  })
  return {
    put: async (entry) => {
      // `strict` flushes to disk before it answers: a label is kept when we say so.
      const transaction = db.transaction("outbox", "readwrite", { durability: "strict" })
      await transaction.store.put(entry)
      await transaction.done
    },
    remove: (id) => db.delete("outbox", id),
    all: async () => {
      const rows: unknown[] = await db.getAll("outbox")
      return rows.flatMap((row) => {
        const parsed = v.safeParse(Entry, row)
        return parsed.success ? [parsed.output] : []
      })
    },
  }
}

/** For browsers that refuse IndexedDB (private windows): kept until the page is closed. */
export function createMemoryStore(): OutboxStore {
  const entries = new Map<string, Entry>()
  return {
    put: async (entry) => {
      entries.set(entry.id, entry)
    },
    remove: async (id) => {
      entries.delete(id)
    },
    all: async () => [...entries.values()],
  }
}

export type Outbox = {
  unsent: ReadonlySignal<number>
  refused: ReadonlySignal<number>
  lastTrouble: ReadonlySignal<Trouble | undefined>
  add: (label: NewLabel) => Promise<void>
  flush: () => Promise<void>
  stop: () => void
}

/**
 * Sends verdicts in the order they were given. Each is stored on the tablet first and removed after the hub's receipt;
 * the label's own id makes a repeat harmless. What the hub refuses for good is kept and counted, never dropped.
 */
export function createOutbox(deps: { store: OutboxStore; api: Api; user: string; retryMs?: number }): Outbox {
  const unsent = signal(0)
  const refused = signal(0)
  const lastTrouble = signal<Trouble | undefined>(undefined)
  let running: Promise<void> | undefined
  let again = false
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  const mine = async () =>
    (await deps.store.all())
      .filter((entry) => entry.user === deps.user)
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))

  async function count(): Promise<Entry[]> {
    const entries = await mine()
    const waiting = entries.filter((entry) => entry.refused === undefined)
    unsent.value = waiting.length
    refused.value = entries.length - waiting.length
    return waiting
  }

  async function sendAll(): Promise<void> {
    for (const entry of await count()) {
      if (stopped) return
      try {
        await deps.api.post("/api/labels", entry.label, LabelReceipt)
        failures = 0
        lastTrouble.value = undefined
        await deps.store.remove(entry.id)
        unsent.value = Math.max(0, unsent.value - 1)
      } catch (error) {
        const trouble = asTrouble(error)
        lastTrouble.value = trouble
        // An answer we cannot read may still be a receipt: sending the same id again is safe.
        if (mayRetry(trouble) || trouble.code === "answer") {
          failures += 1
          clearTimeout(timer)
          timer = setTimeout(() => void flush(), Math.min(30_000, (deps.retryMs ?? 1_000) * 2 ** failures))
          return
        }
        await deps.store.put({ ...entry, refused: trouble.key })
        await count()
      }
    }
  }

  async function flush(): Promise<void> {
    if (running) {
      again = true
      return running
    }
    running = (async () => {
      do {
        again = false
        await sendAll()
      } while (again && !stopped)
    })()
    try {
      await running
    } finally {
      running = undefined
    }
  }

  return {
    unsent,
    refused,
    lastTrouble,
    async add(label) {
      await deps.store.put({ id: label.id, user: deps.user, at: Date.now(), label })
      unsent.value += 1
      void flush()
    },
    flush,
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
