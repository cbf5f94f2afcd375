import type { Reported } from "#contract/release"

export type ReporterDeps = {
  /** The document as it is now. */
  document: () => Reported
  /** Publishes it; false when offline. */
  publish: (document: Reported) => boolean
}

const leastGapMs = 2_000
const heartbeatMs = 60_000

/** Keeps the retained `reported` document true: on change at most one in 2 s, at once for a step of an activation. */
export function createReporter({ document, publish }: ReporterDeps) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let sentAt = Number.NEGATIVE_INFINITY
  let dueAt = Number.POSITIVE_INFINITY
  let up = false

  function send() {
    clearTimeout(timer)
    timer = undefined
    if (!up) return
    sentAt = performance.now()
    publish(document())
    timer = setTimeout(send, heartbeatMs)
    dueAt = sentAt + heartbeatMs
  }

  return {
    /** Something in the document has changed. */
    changed: (): void => {
      if (!up) return
      const at = Math.max(performance.now(), sentAt + leastGapMs)
      if (timer !== undefined && dueAt <= at) return
      clearTimeout(timer)
      dueAt = at
      timer = setTimeout(send, Math.max(0, at - performance.now()))
    },
    now: send,
    onUp: (): void => {
      up = true
      send()
    },
    onDown: (): void => {
      up = false
      clearTimeout(timer)
      timer = undefined
    },
  }
}
