import { Hono } from "hono"
import * as v from "valibot"
import { ExchangeFormat, ExchangeProfile, ExportPreview, ExportView, ImportView } from "#contract/exchange"
import { Sha256, Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { FilterText } from "#contract/parts"
import { actor, allow, bodyUpTo, doc, type HubEnv, keepsBody, param, query } from "../http/kit.ts"
import { streamOf } from "../http/stream.ts"
import type { Exchange } from "./exchange.service.ts"
import type { Exports } from "./exports.service.ts"

/** What one request may carry; longer ones come in several archives. */
const maxUpload = 2 * 1024 ** 3 - 1
const yes = v.pipe(
  v.picklist(["true", "false"]),
  v.transform((text) => text === "true"),
)
const Format = v.object({ format: ExchangeFormat })
const How = v.object({
  profile: v.optional(ExchangeProfile, "clean"),
  pictures: v.optional(yes, "true"),
  /** A frozen training set. */
  dataset: v.optional(Sha256),
  /** The parts that a filter finds, with and without a label. Without either: all that are labelled. */
  filter: v.optional(FilterText),
})
const Upload = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  format: v.optional(ExchangeFormat),
  /** Classes the catalogue does not have are made, instead of refused. */
  new_classes: v.optional(yes, "false"),
})

/** Labelled parts out, and in. */
export function createExchangeRoutes({ exchange, exports }: { exchange: Exchange; exports: Exports }) {
  return new Hono<HubEnv>()
    .get("/api/exports", allow("engineer"), doc("Exports under way.", { 200: listOf(ExportView) }), (c) =>
      c.json({ items: exports.list(), next: null }),
    )
    .post(
      "/api/exports/:id/cancel",
      allow("engineer"),
      doc("Breaks an export off; whoever reads it sees that it ended early.", { 200: ExportView }),
      param(v.object({ id: Uuid })),
      (c) => c.json(exports.cancel(c.req.valid("param").id)),
    )
    .get(
      "/api/exports/:format/preview",
      allow("engineer"),
      doc("What an export would hold, and what the format leaves out.", { 200: ExportPreview }),
      param(Format),
      query(How),
      async (c) => c.json(await exports.preview({ ...c.req.valid("param"), ...c.req.valid("query") })),
    )
    .get(
      "/api/exports/:format",
      allow("engineer"),
      doc("All labelled parts, a frozen training set, or what a filter finds, as a ZIP archive.", {
        200: "application/zip",
      }),
      param(Format),
      query(How),
      (c) => {
        // Nobody reads the body of a HEAD, and an export lives as long as its reader.
        if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "application/zip" })
        const { name, bytes } = exports.start({ ...c.req.valid("param"), ...c.req.valid("query") }, actor(c))
        return new Response(streamOf(bytes), {
          headers: {
            "content-type": "application/zip",
            "content-disposition": `attachment; filename="${name}"`,
            "x-content-type-options": "nosniff",
          },
        })
      },
    )
    .post(
      "/api/imports",
      allow("engineer"),
      bodyUpTo(maxUpload),
      keepsBody,
      doc(
        "Takes labelled pictures of another program: a ZIP, JSON, JSONL, CSV or Parquet file as the body.",
        {
          202: ImportView,
        },
      ),
      query(Upload),
      async (c) => {
        const { name, format, new_classes } = c.req.valid("query")
        const body = c.req.raw.body ?? new ReadableStream<Uint8Array>({ start: (s) => s.close() })
        return c.json(
          await exchange.import(actor(c), { name, format, newClasses: new_classes }, chunksOf(body)),
          202,
        )
      },
    )
    .get("/api/imports", allow("engineer"), doc("The newest imports.", { 200: listOf(ImportView) }), (c) =>
      c.json({ items: exchange.imports(50), next: null }),
    )
    .get(
      "/api/imports/:id",
      allow("engineer"),
      doc("How far an import is, and what it has done.", { 200: ImportView }),
      param(v.object({ id: Uuid })),
      (c) => c.json(exchange.get(c.req.valid("param").id)),
    )
    .post(
      "/api/imports/:id/cancel",
      allow("engineer"),
      doc("Ends an import; what is stored stays.", { 200: ImportView }),
      param(v.object({ id: Uuid })),
      (c) => c.json(exchange.cancel(c.req.valid("param").id)),
    )
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}
