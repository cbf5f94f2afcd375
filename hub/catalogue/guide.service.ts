import type * as v from "valibot"
import type { Criterion, Guide, LimitSample, NewCriterion, NewLimitSample } from "#contract/catalogue"
import type { StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { Catalogue } from "./catalogue.service.ts"
import { createGuideStore } from "./guide.store.ts"

const historyLength = 200

export type GuideService = ReturnType<typeof createGuide>

/** What people judge by: criteria in words, and pictures at the boundary. */
export function createGuide(deps: {
  db: Sqlite
  catalogue: Pick<Catalogue, "hasKind" | "hasProduct">
  /** The picture of a part: null when it has none, undefined when there is no such part. */
  imageOf: (inspection: string) => StoredImage | null | undefined
  audit: Audit
  clock: Clock
  events: Pick<Events, "announce">
}) {
  const { db, catalogue, imageOf, audit, clock, events } = deps
  const store = createGuideStore(db)

  function demandKnown({ kind, product }: { kind: string | null; product: string | null }): void {
    if (kind !== null && !catalogue.hasKind(kind))
      throw new Problem("invalid", "label_kind", `the catalogue has no defect class ${kind}`, { kind })
    if (product !== null && !catalogue.hasProduct(product))
      throw new Problem("invalid", "product", `the catalogue has no product ${product}`, { product })
  }

  return {
    /** The newest version; 0 before there are criteria. */
    version: (): number => store.version(),

    /** What holds now, or held at a version. Throws `not_found` for one that is still to come. */
    guide(at?: number): Guide {
      const newest = store.version()
      if (at !== undefined && at > newest)
        throw new Problem("not_found", "criteria_version", "the criteria have no such version")
      return { version: at ?? newest, criteria: store.criteria(at ?? newest), samples: store.samples() }
    },
    /** Every version, the newest first. */
    history: (): Criterion[] => store.history(historyLength),

    /** Publishes the next version. Throws `invalid` for a kind or product the catalogue does not have. */
    publish(by: Actor, asked: v.InferOutput<typeof NewCriterion>): Criterion {
      demandKnown(asked)
      const made = db.transaction(() => {
        const same = ({ kind, product }: Criterion) => kind === asked.kind && product === asked.product
        const before = store.criteria(store.version()).find(same)
        store.insert(asked, by, clock.now())
        const version = store.version()
        audit.record({
          by,
          action: "criterion.publish",
          subject: `criterion:${version}`,
          before: before ? { version: before.version, texts: before.texts } : null,
          after: asked,
        })
        return store.history(1)[0]!
      })
      events.announce("catalogue", { criteria: made.version })
      return made
    },

    /** Makes a part's picture a limit sample. The same id again answers the first. Throws `not_found`, `conflict`, `invalid`. */
    addSample(by: Actor, asked: v.InferOutput<typeof NewLimitSample>): LimitSample {
      demandKnown(asked)
      const { made, isNew } = db.transaction(() => {
        const known = store.sample(asked.id)
        if (known) {
          const { retired: _, ...sample } = known
          if (sample.inspection_id !== asked.inspection_id || sample.verdict !== asked.verdict)
            throw new Problem("conflict", "limit_sample_id", "this id was used for another limit sample")
          return { made: sample, isNew: false }
        }
        const image = imageOf(asked.inspection_id)
        if (image === undefined) throw new Problem("not_found", "inspection", "there is no such part")
        if (image === null)
          throw new Problem("invalid", "limit_sample_image", "this part has no picture to show")
        const { sha256, w, h } = image
        store.insertSample({ ...asked, image: { sha256, w, h } }, by, clock.now())
        audit.record({
          by,
          action: "limit_sample.add",
          subject: `limit_sample:${asked.id}`,
          before: null,
          after: asked,
        })
        const { retired: _, ...sample } = store.sample(asked.id)!
        return { made: sample, isNew: true }
      })
      if (isNew) events.announce("catalogue", { sample: made.id })
      return made
    },

    /** Shows a limit sample no more; its picture stays, because labels were given by it. Throws `not_found`. */
    retireSample(by: Actor, id: string): void {
      const retired = db.transaction(() => {
        if (!store.sample(id)) throw new Problem("not_found", "limit_sample", "there is no such limit sample")
        if (!store.retire(id, clock.now())) return false
        audit.record({
          by,
          action: "limit_sample.retire",
          subject: `limit_sample:${id}`,
          before: null,
          after: null,
        })
        return true
      })
      if (retired) events.announce("catalogue", { sample: id })
    },

    /** Of these parts, those whose picture is a limit sample. */
    keeps(parts: readonly { id: string; sha256: string }[]): Set<string> {
      const kept = store.kept(parts.map(({ sha256 }) => sha256))
      return new Set(parts.filter(({ sha256 }) => kept.has(sha256)).map(({ id }) => id))
    },
  }
}
