import { type Signal, useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { PartCount, PartPage, type PartRow } from "#contract/parts"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp } from "../../context.ts"

const pageSize = 48

export type PartList = {
  items: Signal<PartRow[]>
  count: Signal<PartCount | undefined>
  /** How far back the search is; null when all of it is done. */
  searchedTo: Signal<number | null>
  isMore: Signal<boolean>
  busy: Signal<boolean>
  trouble: Signal<Trouble | undefined>
  more: () => void
  reload: () => void
}

/** Parts of a filter, page by page. What is rare the hub looks for piece by piece: this goes on until a page is full. */
export function usePartList(filter: string): PartList {
  const { api } = useApp()
  const items = useSignal<PartRow[]>([])
  const count = useSignal<PartCount | undefined>(undefined)
  const searchedTo = useSignal<number | null>(null)
  const isMore = useSignal(false)
  const busy = useSignal(true)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const running = useRef<AbortController | undefined>(undefined)
  const next = useRef<string | null>(null)
  const asked = `filter=${encodeURIComponent(filter)}`

  async function read(fromStart: boolean): Promise<void> {
    running.current?.abort()
    const own = new AbortController()
    running.current = own
    busy.value = true
    trouble.value = undefined
    let cursor = fromStart ? null : next.current
    let rows = fromStart ? [] : items.value
    const wanted = rows.length + pageSize
    try {
      do {
        const after: string = cursor === null ? "" : `&cursor=${cursor}`
        const limit = Math.min(pageSize, wanted - rows.length)
        const page = await api.get(`/api/parts?${asked}&limit=${limit}${after}`, PartPage, own.signal)
        if (own.signal.aborted) return
        rows = [...rows, ...page.items]
        cursor = page.next
        items.value = rows
        searchedTo.value = page.searched_to
      } while (cursor !== null && rows.length < wanted)
      next.current = cursor
      isMore.value = cursor !== null
    } catch (error) {
      if (!own.signal.aborted) trouble.value = asTrouble(error)
    } finally {
      if (running.current === own) busy.value = false
    }
  }
  async function readCount(signal: AbortSignal): Promise<void> {
    count.value = undefined
    try {
      count.value = await api.get(`/api/parts/count?${asked}`, PartCount, signal)
    } catch (error) {
      // The list itself tells what is wrong.
      if (!signal.aborted) console.info("count", error)
    }
  }

  useEffect(() => {
    const counting = new AbortController()
    items.value = []
    void read(true)
    void readCount(counting.signal)
    return () => {
      running.current?.abort()
      counting.abort()
    }
  }, [filter])

  return {
    items,
    count,
    searchedTo,
    isMore,
    busy,
    trouble,
    more: () => void read(false),
    reload: () => {
      void read(true)
      void readCount(new AbortController().signal)
    },
  }
}
