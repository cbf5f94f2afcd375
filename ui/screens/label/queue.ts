import { signal } from "@preact/signals"
import {
  HeldParts,
  LabelRevision,
  LabelTask,
  mostHeld,
  QueueReason,
  type StoredImage,
} from "#contract/labelling"
import { type Api, asTrouble, type Trouble } from "../../api.ts"
import type { Picture } from "../../editor/picture.ts"
import type { Kept, Stocked } from "./kept.ts"

/** A part in the hand: leased, its picture already decoded (null: the part has none, or it cannot be opened). */
export type Held = {
  task: LabelTask
  picture: Picture | null
  /** What was marked on it before, when this is a second look. */
  earlier: LabelRevision | null
}

export type Supply =
  | { state: "loading" }
  | { state: "ready" }
  | { state: "empty" }
  | { state: "cut"; trouble: Trouble }

/** Parts laid in on the tablet for work without the network. */
export type Stock = {
  user: string
  /** Parts in all, the one in the hand among them; the hub lets a tablet name 32. */
  size: number
  kept: Pick<Kept, "putStock" | "dropStock" | "stock">
  fetchPicture: (sha256: string) => Promise<Blob>
}

/** Decoded and ready to be shown. */
const ahead = 2
const stockBytes = 200 * 1024 * 1024
const renewMs = 60_000

const rankOf = ({ task }: { task: LabelTask }) => {
  const place = QueueReason.options.indexOf(task.reason)
  return place < 0 ? QueueReason.options.length : place
}
/** The hub's order: by value, and by reason where it names none. */
const byValue = (a: { task: LabelTask }, b: { task: LabelTask }) =>
  (b.task.why?.value ?? 0) - (a.task.why?.value ?? 0) || rankOf(a) - rankOf(b)

/**
 * The next parts, fetched and decoded while the person looks at this one: no wait between parts. With a stock there are
 * many, on the tablet's disk, and work goes on without the network: a part whose lease ends meanwhile is judged all the
 * same, and the hub keeps both judgements if somebody else had it too.
 */
export function createQueue(deps: {
  api: Api
  decode: (image: StoredImage, picture?: Blob) => Promise<Picture>
  stock?: Stock | undefined
  /** A part that is leased already: it came with the page. */
  first?: LabelTask | undefined
  /** Parts that are judged and whose labels are still on their way: without this the hub would hand them out again. */
  judged?: () => readonly string[]
}) {
  const { stock, judged = () => [] } = deps
  const size = stock?.size ?? ahead
  const held: Held[] = []
  const shelf: Stocked[] = []
  const supply = signal<Supply>({ state: "loading" })
  const waiting = signal(0)
  const stocked = signal(0)
  let filling: Promise<void> | undefined
  let restored: Promise<void> | undefined
  let current: string | undefined
  let { first } = deps

  const ids = () => [
    ...(current ? [current] : []),
    ...held.map((h) => h.task.inspection.id),
    ...shelf.map((part) => part.id),
  ]
  const count = () => {
    stocked.value = held.length + shelf.length
  }
  /** With a stock it is the hub that says what is no longer ours; until it does, everything here is good to judge. */
  const hasEnded = (task: LabelTask, now: number) => !stock && task.lease.expires_at <= now

  const openPicture = async ({ inspection: { image } }: LabelTask, picture?: Blob | null) =>
    image
      ? await deps.decode(image, picture ?? undefined).catch((error: unknown) => {
          // The screen says so and offers to try again; the part stays in the hand.
          console.warn("picture", error)
          return null
        })
      : null

  /** The newest label of a part that has one: its marks are shown again, to be corrected and not drawn anew. */
  const openEarlier = async ({ inspection: { id, label } }: LabelTask): Promise<LabelRevision | null> => {
    if (!label) return null
    const revisions = await deps.api
      .list(`/api/inspections/${id}/labels`, LabelRevision)
      .catch((error: unknown) => {
        // Nothing is lost: revisions are added, never replaced. The person marks anew.
        console.warn("earlier label", error)
        return []
      })
    return revisions.findLast(({ verdict }) => verdict !== "withdrawn") ?? null
  }

  const open = async (task: LabelTask, blob?: Blob | null): Promise<Held> => {
    const [picture, earlier] = await Promise.all([openPicture(task, blob), openEarlier(task)])
    return { task, picture, earlier }
  }

  /** Takes parts from the shelf until enough are decoded. */
  async function unpack(): Promise<void> {
    while (held.length < ahead) {
      const part = shelf.shift()
      if (!part) return
      held.push(await open(part.task, part.picture))
      supply.value = { state: "ready" }
      count()
    }
  }

  /** What this tablet laid in before it was reloaded; what others left is of no use any more. */
  async function restore(): Promise<void> {
    if (!stock) return
    const parts = await stock.kept.stock()
    const here = ids()
    for (const part of parts)
      if (part.user === stock.user) {
        if (!here.includes(part.id)) shelf.push(part)
      } else await stock.kept.dropStock(part.id)
    shelf.sort((a, b) => byValue(a, b) || a.at - b.at)
    count()
    if (shelf.length > 0) await renew()
    await unpack()
  }

  /** Keeps the leases of what is here, and lets go what is somebody else's by now. */
  async function renew(): Promise<void> {
    const holding = ids()
    if (holding.length === 0) return
    try {
      const body = { holding, stock: stock !== undefined }
      const { held: ours } = await deps.api.post("/api/labelling/renew", body, HeldParts)
      const keep = <T extends { task: LabelTask }>(parts: T[]) => {
        const gone = parts.filter(({ task }) => !ours.includes(task.inspection.id))
        parts.splice(0, parts.length, ...parts.filter((part) => !gone.includes(part)))
        for (const { task } of gone) void stock?.kept.dropStock(task.inspection.id)
      }
      keep(held)
      keep(shelf)
      count()
    } catch (error) {
      // Nothing is let go unheard; it is asked again within the minute.
      console.info("leases", asTrouble(error).key)
    }
  }

  /** As if the hub had just answered with it. */
  async function takeFirst(task: LabelTask): Promise<void> {
    first = undefined
    waiting.value = task.waiting
    held.push(await open(task))
    supply.value = { state: "ready" }
    count()
    await layIn(task)
    const { id } = task.inspection
    // It may have been judged while it was laid in.
    if (!ids().includes(id)) void stock?.kept.dropStock(id)
  }

  async function fill(): Promise<void> {
    if (first) await takeFirst(first)
    restored ??= restore()
    await restored
    await unpack()
    let bytes = shelf.reduce((sum, part) => sum + (part.picture?.size ?? 0), 0)
    for (;;) {
      const holding = ids()
      const full = held.length >= ahead && (holding.length >= size || bytes >= stockBytes)
      if (full) return
      try {
        const body = {
          holding: [...new Set([...holding, ...judged()])].slice(0, mostHeld),
          stock: stock !== undefined,
        }
        const task = await deps.api.maybe("POST", "/api/labelling/next", body, LabelTask)
        if (!task || body.holding.includes(task.inspection.id)) {
          if (held.length === 0) supply.value = { state: "empty" }
          if (!task && held.length === 0) waiting.value = 0
          return
        }
        waiting.value = task.waiting
        if (held.length < ahead || !stock) {
          held.push(await open(task, stock && (await layIn(task))))
          supply.value = { state: "ready" }
        } else {
          const picture = await layIn(task)
          bytes += picture?.size ?? 0
          const part = { id: task.inspection.id, user: stock.user, at: Date.now(), task, picture }
          // The most valuable first, also when it came last.
          const place = shelf.findIndex((other) => byValue(part, other) < 0)
          shelf.splice(place < 0 ? shelf.length : place, 0, part)
        }
        count()
      } catch (error) {
        if (held.length === 0) supply.value = { state: "cut", trouble: asTrouble(error) }
        return
      }
    }
  }

  async function layIn(task: LabelTask): Promise<Blob | null> {
    if (!stock) return null
    const { image, id } = task.inspection
    const picture = image ? await stock.fetchPicture(image.sha256).catch(() => null) : null
    await stock.kept
      .putStock({ id, user: stock.user, at: Date.now(), task, picture })
      // A tablet without room works on, as one without a stock does.
      .catch((error: unknown) => console.warn("stock", error))
    return picture
  }

  function refill(): Promise<void> {
    filling ??= fill().finally(() => {
      filling = undefined
    })
    return filling
  }

  const renewing = stock && setInterval(() => void renew(), renewMs)

  return {
    supply,
    waiting,
    /** Parts that are here beside the one in the hand. */
    stocked,
    /**
     * The next part if it is already here; fetches more behind it. Without a stock, a part whose lease has run out is
     * passed over.
     */
    take(now: number): Held | null {
      if (current !== undefined) void stock?.kept.dropStock(current)
      let next = held.shift()
      while (next && hasEnded(next.task, now)) {
        void stock?.kept.dropStock(next.task.inspection.id)
        next.picture?.close()
        next = held.shift()
      }
      current = next?.task.inspection.id
      if (!next) supply.value = { state: "loading" }
      count()
      void refill()
      return next ?? null
    },
    /** Puts a part back in front, e.g. when an earlier one is judged again. */
    putBack(part: Held): void {
      held.unshift(part)
      count()
    },
    hold(id: string): void {
      current = id
    },
    refill,
    /** The network is back, or may be. */
    renew: () => renew().then(refill),
    openPicture: (task: LabelTask) => openPicture(task),
    open: (task: LabelTask) => open(task),
    stop: () => clearInterval(renewing),
  }
}
export type Queue = ReturnType<typeof createQueue>
/** Where parts to judge come from. */
export type PartSource = Pick<
  Queue,
  "supply" | "waiting" | "take" | "putBack" | "hold" | "refill" | "openPicture" | "open"
>

/** One part and no more: what is looked at beside the queue. */
export function onePart(part: Held): PartSource {
  let left: Held[] = [part]
  return {
    supply: signal<Supply>({ state: "ready" }),
    waiting: signal(0),
    take: () => left.shift() ?? null,
    putBack: (again) => {
      left = [again]
    },
    hold: () => {},
    refill: async () => {},
    openPicture: async () => part.picture,
    open: async () => part,
  }
}

export async function fetchPicture(sha256: string): Promise<Blob> {
  const response = await fetch(`/api/images/${sha256}`, { credentials: "same-origin" })
  if (!response.ok) throw new Error(`image ${sha256}: ${response.status}`)
  return response.blob()
}
