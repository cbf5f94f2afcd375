import { useEffect } from "preact/hooks"
import { useApp } from "../context.ts"
import { afterFrame } from "../parts/after-frame.ts"
import type { Labelling } from "../screens/label/labelling.ts"
import type { Outbox } from "../screens/label/outbox.ts"

/** Two frames: in the first the canvas learns its size, in the second it is drawn. */
const afterFrames = (then: () => void) => requestAnimationFrame(() => afterFrame(then))

/** Once the part is to be seen here as well, the work goes on from what was done at the first screen. */
export function useTakeOver({
  work,
  outbox,
}: {
  work: Labelling
  outbox: Pick<Outbox, "add" | "flush">
}): void {
  const { opened } = useApp()
  const isShown = work.held.value !== null
  useEffect(() => {
    if (!isShown) return
    let gone = false
    afterFrames(() => {
      const ended = gone ? undefined : opened.end()
      if (!ended) return
      const { shownAt, label, kept, later, keys } = ended
      if (shownAt !== undefined) work.shownSince(shownAt)
      if (label) {
        work.pass(label)
        // The same id twice is one label.
        void kept.then((isKept) => (isKept ? outbox.flush() : outbox.add(label)))
      } else if (later) void work.decide(later)
      for (const key of keys) dispatchEvent(new KeyboardEvent("keydown", { ...key, cancelable: true }))
    })
    return () => {
      gone = true
    }
  }, [isShown, opened, outbox, work])
}
