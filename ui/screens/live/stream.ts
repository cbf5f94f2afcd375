import { type Signal, useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import * as v from "valibot"
import { InspectionView } from "#contract/labelling"
import { useApp } from "../../context.ts"

const shown = 48
const flushMs = 300

/** The newest inspections, newest first. A fast line is drawn three times a second; `held` stops the picture, not the line. */
export function useStream(): { items: Signal<InspectionView[]>; held: Signal<boolean>; toggle: () => void } {
  const { api, live } = useApp()
  const items = useSignal<InspectionView[]>([])
  const held = useSignal(false)
  const arrived = useRef<InspectionView[]>([])

  useEffect(() => {
    let stopped = false
    const read = async () => {
      const list = await api
        .list(`/api/inspections?limit=${shown}`, InspectionView)
        .catch((error: unknown) => {
          // The stream fills by itself as parts come in; the connection banner tells what is wrong.
          console.warn("inspections", error)
          return []
        })
      if (!stopped && list.length > 0) items.value = list
    }
    const flush = () => {
      if (held.value || arrived.current.length === 0) return
      const known = new Set(arrived.current.map((inspection) => inspection.id))
      items.value = [...arrived.current, ...items.value.filter((i) => !known.has(i.id))].slice(0, shown)
      arrived.current = []
    }
    void read()
    const timer = setInterval(flush, flushMs)
    const off = live.on(["inspection"], (data) => {
      if (data === "") return void read()
      const parsed = v.safeParse(InspectionView, parse(data))
      if (parsed.success) arrived.current = [parsed.output, ...arrived.current].slice(0, shown)
    })
    return () => {
      stopped = true
      clearInterval(timer)
      off()
    }
  }, [api, live])

  return {
    items,
    held,
    toggle: () => {
      held.value = !held.value
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A torn event is no inspection; the schema refuses it.
    return undefined
  }
}
