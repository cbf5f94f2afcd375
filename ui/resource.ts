import { type Signal, useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { LiveEventType } from "#contract/rollout"
import { asTrouble, type Trouble } from "./api.ts"
import { useApp } from "./context.ts"

export type Resource<T> = {
  data: Signal<T | undefined>
  trouble: Signal<Trouble | undefined>
  reload: () => void
}

/**
 * Something a screen shows: read when `id` changes and again when one of the live events `on` arrives, at most once in
 * `everyMs` however many come. Old data stays on screen while new data is on its way, also when reading fails.
 */
export function useResource<T>(
  id: string,
  load: (signal: AbortSignal) => Promise<T>,
  on: readonly LiveEventType[] = [],
  everyMs = 700,
): Resource<T> {
  const { live } = useApp()
  const data = useSignal<T | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const loader = useRef(load)
  loader.current = load
  const reload = useRef(() => {})

  useEffect(() => {
    let stopped = false
    let running: AbortController | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let last = 0

    async function read() {
      last = Date.now()
      running?.abort()
      const controller = new AbortController()
      running = controller
      try {
        const value = await loader.current(controller.signal)
        if (stopped || controller.signal.aborted) return
        data.value = value
        trouble.value = undefined
      } catch (error) {
        if (stopped || controller.signal.aborted) return
        trouble.value = asTrouble(error)
      }
    }
    function soon() {
      if (timer !== undefined) return
      timer = setTimeout(
        () => {
          timer = undefined
          void read()
        },
        Math.max(0, last + everyMs - Date.now()),
      )
    }
    data.value = undefined
    reload.current = () => void read()
    void read()
    const off = live.on(on, soon)
    return () => {
      stopped = true
      running?.abort()
      clearTimeout(timer)
      off()
    }
  }, [id])

  return { data, trouble, reload: () => reload.current() }
}
