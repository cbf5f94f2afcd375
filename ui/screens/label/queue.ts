import { signal } from "@preact/signals"
import { LabelTask } from "#contract/labelling"
import { type Api, asTrouble, type Trouble } from "../../api.ts"

/** A part in the hand: leased, its picture already decoded (null: the part has none, or it cannot be opened). */
export type Held = { task: LabelTask; picture: ImageBitmap | null }

export type Supply =
  | { state: "loading" }
  | { state: "ready" }
  | { state: "empty" }
  | { state: "cut"; trouble: Trouble }

const ahead = 2

/** The next parts, fetched and decoded while the person looks at this one: no wait between parts. */
export function createQueue(deps: { api: Api; decode: (sha256: string) => Promise<ImageBitmap> }) {
  const held: Held[] = []
  const supply = signal<Supply>({ state: "loading" })
  const waiting = signal(0)
  let filling: Promise<void> | undefined
  let current: string | undefined

  const open = async (task: LabelTask): Promise<Held> => {
    const image = task.inspection.image
    const picture = image
      ? await deps.decode(image.sha256).catch((error: unknown) => {
          // The screen says so and offers to try again; the part stays in the hand.
          console.warn("picture", error)
          return null
        })
      : null
    return { task, picture }
  }

  async function fill(): Promise<void> {
    while (held.length < ahead) {
      const holding = held.map((h) => h.task.inspection.id)
      if (current) holding.push(current)
      try {
        const task = await deps.api.maybe("POST", "/api/labelling/next", { holding }, LabelTask)
        if (!task || holding.includes(task.inspection.id)) {
          if (held.length === 0) supply.value = { state: "empty" }
          if (!task && held.length === 0) waiting.value = 0
          return
        }
        waiting.value = task.waiting
        held.push(await open(task))
        supply.value = { state: "ready" }
      } catch (error) {
        if (held.length === 0) supply.value = { state: "cut", trouble: asTrouble(error) }
        return
      }
    }
  }

  function refill(): Promise<void> {
    filling ??= fill().finally(() => {
      filling = undefined
    })
    return filling
  }

  return {
    supply,
    waiting,
    /** The next part if it is already here; fetches more behind it. A part whose lease has run out is passed over. */
    take(now: number): Held | null {
      let next = held.shift()
      while (next && next.task.lease.expires_at <= now) next = held.shift()
      current = next?.task.inspection.id
      if (!next) supply.value = { state: "loading" }
      void refill()
      return next ?? null
    },
    /** Puts a part back in front, e.g. when an earlier one is judged again. */
    putBack(part: Held): void {
      held.unshift(part)
    },
    hold(id: string): void {
      current = id
    },
    refill,
    reopen: open,
  }
}
export type Queue = ReturnType<typeof createQueue>

/** Fetches and decodes off the main thread; the hub's answer is cached for ever by its hash. */
export async function decodePicture(sha256: string): Promise<ImageBitmap> {
  const response = await fetch(`/api/images/${sha256}`, { credentials: "same-origin" })
  if (!response.ok) throw new Error(`image ${sha256}: ${response.status}`)
  return createImageBitmap(await response.blob())
}
