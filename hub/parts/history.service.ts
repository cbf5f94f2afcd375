import type { InspectionHeader } from "#contract/inspection"
import type { InspectionView, LabelRevision } from "#contract/labelling"
import type { PartHistory, PartLookBack } from "#contract/parts"
import { Problem } from "#contract/problem"
import type { PartActionStore } from "./actions.store.ts"
import type { PartHistoryStore } from "./history.store.ts"

/** A part that is looked at more often is told of its last looks. */
const mostLooks = 40

export type PartHistoriesDeps = {
  store: PartHistoryStore
  actions: Pick<PartActionStore, "ofPart">
  view: (id: string) => InspectionView | undefined
  revisions: (id: string) => LabelRevision[]
  dataset: {
    named(): { digest: string; name: string; role: "training" | "golden"; created_at: number }[]
    splitOf(part: string | null, image: string): "train" | "calib" | "golden" | undefined
    isLeftOut(id: string): boolean
  }
}

/** Where a part comes from and what became of it: looks, labels, reviews, sets, models. */
export function createPartHistories({ store, actions, view, revisions, dataset }: PartHistoriesDeps) {
  const modelOf = (digest: string) =>
    store.model(digest) ?? { digest, line: null, release: null, state: null, created_at: null }

  function lookBack(
    id: string,
    names: ReadonlyMap<string, { name: string; role: "training" | "golden"; created_at: number }>,
  ): PartLookBack {
    const inspection = view(id)
    const place = store.place(id)
    if (!inspection || !place) throw new Problem("not_found", "inspection", "there is no such part")
    const header = JSON.parse(place.header) as InspectionHeader
    const here = store.here(header.parts.map(({ sha256 }) => sha256))
    const image = inspection.image?.sha256
    const hold = store.hold(id)
    return {
      inspection,
      lot: header.job_id ?? null,
      recipe: header.recipe_id ?? null,
      step: header.step_id ?? null,
      images: header.parts.map(({ name, sha256, w, h }) => ({ name, sha256, w, h, here: here.has(sha256) })),
      waits: place.waits,
      standing: store.standing(id),
      labels: revisions(id),
      reviews: store.reviews(id).map(({ reviewer_id, name, ...review }) => ({
        ...review,
        by: { id: reviewer_id, name },
      })),
      comments: store.comments(id).map(({ user_id, name, ...comment }) => ({
        ...comment,
        by: { id: user_id, name },
      })),
      opinions: store.opinions(id),
      hold: hold ? { by: hold.by_name, reason: hold.reason, at: hold.at } : null,
      datasets:
        image === undefined
          ? []
          : store.datasets(image).flatMap(({ digest, split }) => {
              const set = names.get(digest)
              return set ? [{ digest, split, ...set }] : []
            }),
      taught: image === undefined ? [] : store.taught(image),
      deeds: actions.ofPart(place.n).map((row) => ({
        id: row.id,
        kind: (JSON.parse(row.deed) as { kind: string }).kind,
        by: row.user_name,
        at: row.at,
        undone: row.item === "undone",
      })),
    }
  }

  return {
    /** All looks at the part that one inspection saw: by its serial number, else this look alone. Throws `not_found`. */
    of(id: string): PartHistory {
      const asked = view(id)
      if (!asked) throw new Problem("not_found", "inspection", "there is no such part", { inspection: id })
      const { part_id, product_id } = asked
      const found = part_id === null ? [id] : store.sameSerial(part_id, product_id, mostLooks + 1)
      // The one that was asked about is always among them.
      const ids = found.slice(0, mostLooks)
      if (!ids.includes(id)) ids[ids.length - 1] = id
      const names = new Map(
        dataset.named().map(({ digest, name, role, created_at }) => [digest, { name, role, created_at }]),
      )
      const looks = ids.map((one) => lookBack(one, names))
      const models = new Set(looks.flatMap(({ inspection }) => inspection.model?.digest ?? []))
      const splits = looks.map(({ inspection }) =>
        dataset.splitOf(inspection.part_id, inspection.image?.sha256 ?? ""),
      )
      const split = splits.find((one) => one !== undefined) ?? null
      return {
        part_id,
        product_id,
        split,
        golden: splits.includes("golden"),
        left_out: ids.some((one) => dataset.isLeftOut(one)),
        looks,
        more: found.length > mostLooks,
        judged_by: [...models].map(modelOf),
      }
    },
  }
}
export type PartHistories = ReturnType<typeof createPartHistories>
