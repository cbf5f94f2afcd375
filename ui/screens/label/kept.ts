import { type DBSchema, openDB } from "idb"
import * as v from "valibot"
import type { DeedReceipt } from "#contract/flow"
import { type LabelReceipt, LabelTask } from "#contract/labelling"
import { LabelPass } from "#contract/tablets"
import { openOutboxDisk, putOnDisk } from "./outbox-disk.ts"

const common = {
  id: v.string(),
  user: v.string(),
  at: v.number(),
  refused: v.optional(v.string()),
}
/**
 * A verdict on its way, or what else was done with a part. It belongs to the person who did it and is only sent in that
 * name. What it holds is the hub's to check: one that an older version of the screens has left behind must not become
 * invisible here.
 */
const Entry = v.union([
  v.object({
    ...common,
    label: v.looseObject({ id: v.string(), inspection_id: v.string(), verdict: v.string() }),
  }),
  v.object({
    ...common,
    deed: v.looseObject({ id: v.string(), inspection_id: v.string(), do: v.string() }),
  }),
])
export type Entry = v.InferOutput<typeof Entry>

/** What the hub said to it: the proof that it is on the hub's disk. */
export type Received = { user: string; receipt: v.InferOutput<typeof LabelReceipt> | DeedReceipt }

const Pass = v.object({ user: v.string(), made: v.number(), ...LabelPass.entries })
export type Pass = v.InferOutput<typeof Pass>

const Stocked = v.object({ id: v.string(), user: v.string(), at: v.number(), task: LabelTask })
/** A part laid in for work without the network; its picture is null when it has none. */
export type Stocked = v.InferOutput<typeof Stocked> & { picture: Blob | null }

/** What a tablet keeps, whatever becomes of the page, the browser and the hub. */
export type Kept = {
  put: (entry: Entry) => Promise<void>
  all: () => Promise<Entry[]>
  /** Keeps the receipt, then lets the entry go. */
  receive: (id: string, received: Received) => Promise<void>
  /** Lets an entry go that has become pointless. */
  remove: (id: string) => Promise<void>
  putPass: (pass: Pass) => Promise<void>
  passes: () => Promise<Pass[]>
  dropPass: (user: string) => Promise<void>
  putStock: (part: Stocked) => Promise<void>
  dropStock: (id: string) => Promise<void>
  stock: () => Promise<Stocked[]>
}

/** Beside the outbox and not in it: a tab that still runs an older version must never keep this one from opening it. */
interface Tablet extends DBSchema {
  receipts: { key: string; value: unknown; indexes: { stored: number } }
  passes: { key: string; value: unknown }
  stock: { key: string; value: unknown }
}

/** A few days of work, to be asked about. */
const receiptsKept = 500

/** On the tablet's disk, so that a closed browser or an empty battery loses nothing. */
export async function openKept(): Promise<Kept> {
  const outbox = await openOutboxDisk()
  const tablet = await openDB<Tablet>("crux-tablet", 1, {
    upgrade(database) {
      database
        .createObjectStore("receipts", { keyPath: "receipt.id" })
        .createIndex("stored", "receipt.stored_at")
      database.createObjectStore("passes", { keyPath: "user" })
      database.createObjectStore("stock", { keyPath: "id" })
    },
  })
  return {
    put: (entry) => putOnDisk(outbox, entry),
    all: async () => readable(Entry, await outbox.getAll("outbox")),
    receive: async (id, received) => {
      const transaction = tablet.transaction("receipts", "readwrite")
      await transaction.store.put(received)
      const many = (await transaction.store.count()) - receiptsKept
      let oldest = many > 0 ? await transaction.store.index("stored").openCursor() : null
      for (let i = 0; oldest && i < many; i++) {
        await oldest.delete()
        oldest = await oldest.continue()
      }
      await transaction.done
      await outbox.delete("outbox", id)
    },
    remove: (id) => outbox.delete("outbox", id),
    putPass: async (pass) => void (await tablet.put("passes", pass)),
    passes: async () => readable(Pass, await tablet.getAll("passes")),
    dropPass: (user) => tablet.delete("passes", user),
    putStock: async (part) => void (await tablet.put("stock", part)),
    dropStock: (id) => tablet.delete("stock", id),
    stock: async () =>
      (await tablet.getAll("stock")).flatMap((row) => {
        const [part] = readable(Stocked, [row])
        const picture = typeof row === "object" && row !== null && "picture" in row ? row.picture : null
        return part ? [{ ...part, picture: picture instanceof Blob ? picture : null }] : []
      }),
  }
}

function readable<T>(schema: v.GenericSchema<unknown, T>, rows: readonly unknown[]): T[] {
  return rows.flatMap((row) => {
    const parsed = v.safeParse(schema, row)
    return parsed.success ? [parsed.output] : []
  })
}

/** For browsers that refuse IndexedDB (private windows): kept until the page is closed. */
export function createMemoryKept(): Kept {
  const entries = new Map<string, Entry>()
  const passes = new Map<string, Pass>()
  const stock = new Map<string, Stocked>()
  return {
    put: async (entry) => void entries.set(entry.id, entry),
    all: async () => [...entries.values()],
    receive: async (id) => void entries.delete(id),
    remove: async (id) => void entries.delete(id),
    putPass: async (pass) => void passes.set(pass.user, pass),
    passes: async () => [...passes.values()],
    dropPass: async (user) => void passes.delete(user),
    putStock: async (part) => void stock.set(part.id, part),
    dropStock: async (id) => void stock.delete(id),
    stock: async () => [...stock.values()],
  }
}
