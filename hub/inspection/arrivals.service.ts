import type { Device } from "#contract/fleet"
import type { Arrival, Gap, RefusalView } from "#contract/ingest"
import type { List } from "#contract/list"
import { Problem } from "#contract/problem"
import { explainGaps } from "./gaps.rules.ts"
import type { InspectionStore } from "./inspection.store.ts"

/** All stations the hub knows, with what they last said of themselves. */
export type StationsOf = () => Pick<Device, "id" | "reported">[]

const mostGaps = 200

/** Whether everything stations inspected has arrived, and what was not taken. */
export function createArrivals({ store, stations }: { store: InspectionStore; stations: StationsOf }) {
  return {
    all: (): Arrival[] => {
      const byDevice = Map.groupBy(store.numberings(), ({ device_id }) => device_id)
      const refusals = store.refusalCounts()
      return stations().map(({ id, reported }) => {
        const numberings = byDevice.get(id) ?? []
        return {
          device_id: id,
          stored: numberings.reduce((sum, one) => sum + one.stored, 0),
          ...explainGaps(numberings, reported),
          refusals: refusals.get(id) ?? 0,
        }
      })
    },
    gaps: (device: string): Gap[] => store.gaps(device, mostGaps),
    /** Newest first. `cursor` is the `next` of the page before. */
    refusals: (device: string | undefined, cursor: number | undefined, limit: number): List<RefusalView> => {
      const found = store.refusals(device, cursor ?? Number.MAX_SAFE_INTEGER, limit + 1)
      const items = found.slice(0, limit)
      return { items, next: found.length > limit ? String(items.at(-1)!.n) : null }
    },
    /** The first bytes of a refused message. Throws `not_found` once newer refusals have taken its place. */
    refusalHead: (n: number): Uint8Array => {
      const head = store.refusalHead(n)
      if (!head) throw new Problem("not_found", "refusal", "this refusal is not kept any more")
      return head
    },
  }
}
export type Arrivals = ReturnType<typeof createArrivals>
