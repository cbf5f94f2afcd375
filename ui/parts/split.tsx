import { type ComponentType, h } from "preact"
import { useEffect, useState } from "preact/hooks"
import { Wait } from "./states.tsx"

/**
 * A screen in its own file, fetched when it is first shown. Own code instead of a Suspense lazy: the wait is drawn in
 * place and a failed fetch (new build on the hub) reaches the error boundary.
 */
export function split<P extends object>(
  load: () => Promise<ComponentType<P>>,
): ComponentType<P> & { preload: () => void } {
  let loaded: ComponentType<P> | undefined
  let loading: Promise<ComponentType<P>> | undefined
  const fetchOnce = () => {
    loading ??= load().then((component) => {
      loaded = component
      return component
    })
    return loading
  }
  function Split(props: P) {
    const [failed, setFailed] = useState<unknown>(undefined)
    const [, shown] = useState(() => loaded)
    useEffect(() => {
      // Also when it has come since this was drawn: without a change of state nobody would draw it.
      fetchOnce().then((component) => shown(() => component), setFailed)
    }, [])
    if (failed !== undefined) throw failed
    return loaded ? h(loaded, props) : <Wait />
  }
  return Object.assign(Split, {
    preload: () => {
      fetchOnce().catch(() => {
        // A failed preload is asked for again when the screen is opened, and told there.
        loading = undefined
      })
    },
  })
}
