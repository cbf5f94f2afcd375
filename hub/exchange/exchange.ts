import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Catalogue } from "../catalogue/catalogue.service.ts"
import type { Dataset } from "../dataset/dataset.service.ts"
import type { Fleet } from "../fleet/fleet.service.ts"
import type { Labelling } from "../labelling/labelling.service.ts"
import { splitOf } from "./entry.format.ts"
import { createExchangeRoutes } from "./exchange.routes.ts"
import { createExchange, type ExchangeDeps } from "./exchange.service.ts"
import { createExporter, type ExportDeps } from "./export-order.ts"
import { createExports, type ExportsDeps } from "./exports.service.ts"
import type { FrozenVersion, LabelledSnapshot } from "./labelled-items.ts"
import { importStation } from "./taking.ts"

type StoreShot = (shot: {
  source: string
  topic: string
  picture: { bytes: Uint8Array; mime: "image/jpeg" | "image/png" | "image/webp"; w: number; h: number }
  facts: {
    part_id?: string | undefined
    product_id?: string | undefined
    ts?: number
    verdict: { eval: "undefined"; code: string }
  }
  notes: []
  identity: { id: string }
}) => Promise<{ st: string; code?: string | undefined; detail?: string | undefined; id?: string | undefined }>

/** The domain of exchange with other programs: labelled pictures out, and in. */
export function createExchangeDomain(deps: {
  db: Sqlite
  clock: Clock
  ids: Ids
  log: Log
  blobs: Pick<Blobs, "read">
  sniff: ExchangeDeps["sniff"]
  catalogue: Catalogue
  fleet: Pick<Fleet, "ensureSource">
  /** The way in for pictures that no station sends. */
  storeShot: StoreShot
  part: ExchangeDeps["part"]
  labels: LabelledSnapshot & {
    partOfImage: ExchangeDeps["partOfImage"]
    drawingAt: FrozenVersion["drawingAt"]
  }
  labelling: Pick<Labelling, "submitAll" | "newest">
  dataset: Pick<Dataset, "splitOf" | "version" | "page">
  /** What filters find; a later domain knows. */
  parts: { through: ExportsDeps["through"]; found: ExportDeps["found"] }
  /** Starts a process that reads one upload. */
  reader: ExchangeDeps["reader"]
  /** Starts a process that makes one export. */
  exporter: ExportsDeps["child"]
  /** Tasks of projects; a later domain knows. */
  projects: ExportDeps["projects"]
  /** Bundles of trainings; a later domain knows. */
  tar: ExportDeps["tar"]
  hasRoom: ExportsDeps["hasRoom"]
  folder: string
  exportsFolder: string
}) {
  const { catalogue, fleet, storeShot, labels, labelling, dataset, blobs, parts, ...rest } = deps
  const exports = createExports({
    child: deps.exporter,
    own: createExporter({
      labels,
      splitOf: (part, image) => splitOf(dataset.splitOf(part, image)),
      frozen: { page: dataset.page, drawingAt: labels.drawingAt },
      picture: blobs.read,
      found: parts.found,
      projects: deps.projects,
      tar: deps.tar,
      folder: deps.exportsFolder,
    }),
    newestLabel: labels.now,
    roleOf: (digest) => dataset.version(digest).role,
    through: parts.through,
    classes: catalogue.defectClasses,
    folder: deps.exportsFolder,
    hasRoom: deps.hasRoom,
    ids: deps.ids,
    clock: deps.clock,
    log: deps.log,
  })
  const exchange = createExchange({
    ...rest,
    partOfImage: labels.partOfImage,
    classes: catalogue.defectClasses,
    addClass: (by, { key, name }) => {
      catalogue.addDefectClass(by, { key, names: { ko: name, en: name } })
    },
    labels: labelling,
    store: async ({ id, bytes, mime, w, h, facts: { captured_at, ...facts } }) => {
      fleet.ensureSource(importStation, "Import")
      const outcome = await storeShot({
        source: importStation,
        topic: "import",
        picture: { bytes, mime, w, h },
        facts: {
          ...facts,
          ...(captured_at !== undefined && { ts: captured_at }),
          verdict: { eval: "undefined", code: "imported" },
        },
        notes: [],
        identity: { id },
      })
      if (outcome.st === "stored" || outcome.st === "repeated")
        return { id: outcome.id ?? id, stored: outcome.st === "stored" }
      return { code: outcome.code ?? "not_stored", detail: outcome.detail ?? "the hub could not store it" }
    },
  })
  return { exchange, exports, routes: createExchangeRoutes({ exchange, exports }) }
}
