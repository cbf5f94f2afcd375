import type * as v from "valibot"
import type { DefectClass, NewDefectClass, Product } from "#contract/catalogue"
import { Problem } from "#contract/problem"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import { createCatalogueStore } from "./catalogue.store.ts"

/** Reserved: abnormal, but no kind the catalogue has. Always there, never created. */
export const unknownKind = "unknown"

/** Entries of the UI's defect palette; new kinds take them in turn, so that neighbours differ. */
const palette = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"] as const

export type Catalogue = {
  products(): Product[]
  /** Throws `conflict` for a key that is taken. */
  addProduct(by: Actor, product: Product): Product
  defectClasses(): DefectClass[]
  /** Active at once; icon, colour and severity are chosen when not given. Throws `conflict`. */
  addDefectClass(by: Actor, asked: v.InferOutput<typeof NewDefectClass>): DefectClass
  /** Whether a label may name this kind: it is in the catalogue, or `unknown`. */
  hasKind(key: string): boolean
}

/** The plant's own words: what it makes and what can be wrong with it. Every change is audited. */
export function createCatalogue(deps: {
  db: Sqlite
  audit: Audit
  clock: Clock
  events: Pick<Events, "announce">
}): Catalogue {
  const { db, audit, clock, events } = deps
  const store = createCatalogueStore(db)
  return {
    products: store.products,
    addProduct(by, product) {
      return db.transaction(() => {
        if (store.hasProduct(product.key)) throw taken("product", product.key)
        store.insertProduct(product, clock.now())
        audit.record({
          by,
          action: "product.create",
          subject: `product:${product.key}`,
          before: null,
          after: product,
        })
        return product
      })
    },
    defectClasses: store.classes,
    addDefectClass(by, { key, names, icon, color, severity }) {
      const made = db.transaction(() => {
        if (key === unknownKind || store.hasClass(key)) throw taken("defect_class", key)
        const added: DefectClass = {
          key,
          names,
          icon: icon ?? unknownKind,
          color: color ?? palette[store.classes().length % palette.length]!,
          severity: severity ?? "major",
          active: true,
        }
        store.insertClass(added, clock.now())
        audit.record({
          by,
          action: "defect_class.create",
          subject: `defect_class:${key}`,
          before: null,
          after: added,
        })
        return added
      })
      // Every tablet offers the new kind at once: two people must not name it twice.
      events.announce("catalogue", { key: made.key })
      return made
    },
    hasKind: (key) => key === unknownKind || store.hasClass(key),
  }
}

function taken(what: "product" | "defect_class", key: string): Problem {
  return new Problem("conflict", `${what}_taken`, `the catalogue has ${key} already`, { key })
}
