import type { DeviceEvent } from "#contract/topics"

/** Events kept while offline; the oldest go first, the state they led to stands in `reported` anyway. */
const kept = 64

export type Events = ReturnType<typeof createEvents>

/** Sends events to the hub, and those of an outage when it is over. */
export function createEvents(post: (event: DeviceEvent) => boolean) {
  let waiting: DeviceEvent[] = []
  return {
    tell: (event: DeviceEvent): void => {
      if (!post(event)) waiting = [...waiting, event].slice(-kept)
    },
    onUp: (): void => {
      const events = waiting
      waiting = []
      for (const event of events) post(event)
    },
  }
}
