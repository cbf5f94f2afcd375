import type * as v from "valibot"
import type {
  DefectClass,
  DefectClassPatch,
  NewDefectClass,
  NewProduct,
  Product,
  ProductPatch,
} from "#contract/catalogue"
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
  addProduct(by: Actor, asked: v.InferOutput<typeof NewProduct>): Product
  /** Names it otherwise, or deprecates it. Throws `not_found`. */
  changeProduct(by: Actor, key: string, patch: v.InferOutput<typeof ProductPatch>): Product
  defectClasses(): DefectClass[]
  /** Active at once; icon, colour and severity are chosen when not given. Throws `conflict`. */
  addDefectClass(by: Actor, asked: v.InferOutput<typeof NewDefectClass>): DefectClass
  /** Changes how it is shown, or deprecates it: tablets offer it no more, and labels that name it stay. Throws `not_found`. */
  changeDefectClass(by: Actor, key: string, patch: v.InferOutput<typeof DefectClassPatch>): DefectClass
  hasProduct(key: string): boolean
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

  function changed<T extends { key: string }>(
    by: Actor,
    what: "product" | "defect_class",
    key: string,
    find: (key: string) => T | undefined,
    update: (entry: T) => void,
    patch: { [K in keyof T]?: T[K] | undefined },
  ): T {
    const after = db.transaction(() => {
      const before = find(key)
      if (!before) throw new Problem("not_found", what, `the catalogue has no ${key}`, { key })
      const given = Object.entries(patch).filter(([, value]) => value !== undefined)
      const entry: T = { ...before, ...Object.fromEntries(given) }
      update(entry)
      audit.record({ by, action: `${what}.change`, subject: `${what}:${key}`, before, after: entry })
      return entry
    })
    events.announce("catalogue", { key })
    return after
  }

  return {
    products: store.products,
    addProduct(by, asked) {
      return db.transaction(() => {
        if (store.product(asked.key)) throw taken("product", asked.key)
        const product = { ...asked, active: true }
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
    changeProduct(by, key, patch) {
      return changed(by, "product", key, store.product, store.updateProduct, patch)
    },
    defectClasses: store.classes,
    changeDefectClass(by, key, patch) {
      return changed(by, "defect_class", key, store.class, store.updateClass, patch)
    },
    hasProduct: (key) => store.product(key) !== undefined,
    addDefectClass(by, { key, names, icon, color, severity }) {
      const made = db.transaction(() => {
        if (key === unknownKind || store.class(key)) throw taken("defect_class", key)
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
    hasKind: (key) => key === unknownKind || store.class(key) !== undefined,
  }
}

function taken(what: "product" | "defect_class", key: string): Problem {
  return new Problem("conflict", `${what}_taken`, `the catalogue has ${key} already`, { key })
}
