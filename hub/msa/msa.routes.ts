import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { AppraiserName, MsaLimits, MsaReport, NewStudy, Study } from "#contract/msa"
import { Problem } from "#contract/problem"
import { PersonAgreement, SuspectReport } from "#contract/review"
import { Language } from "#contract/users"
import type { Clock } from "#platform/clock"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import { reportCsv } from "./csv.rules.ts"
import type { Msa } from "./msa.service.ts"
import type { PdfAsk } from "./report-pdf.ts"

const dayMs = 24 * 60 * 60_000
const Days = v.object({
  days: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(3650)),
    "90",
  ),
})
/** The reader's own language unless another is asked for. */
const Printed = { language: v.optional(Language) }
const Id = param(v.object({ id: Uuid }))

/** Attribute agreement: how far judgements can be trusted, people's and the model's. */
export function createMsaRoutes({
  msa,
  clock,
  print,
  classes,
}: {
  msa: Msa
  clock: Clock
  /** In a process of its own; absent where this hub cannot print. */
  print: ((ask: PdfAsk) => Promise<Uint8Array>) | undefined
  /** The catalogue, for names of kinds. */
  classes: () => { key: string; names: Record<Language, string> }[]
}): Hono<HubEnv> {
  async function pdf(report: MsaReport, language: Language): Promise<Response> {
    if (!print)
      throw new Problem(
        "unavailable",
        "print_off",
        "this hub does not print; the page and the CSV have the same",
      )
    const kinds = Object.fromEntries(classes().map(({ key, names }) => [key, names[language]]))
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
    const bytes = await print({ report, language, kinds, zone }).catch((error: unknown) => {
      throw new Problem(
        "unavailable",
        "print_failed",
        "the report could not be printed; nothing is lost, try again",
        {},
        error,
      )
    })
    return download(new Uint8Array(bytes), "application/pdf", report, "pdf")
  }
  const since = (days: number) => Math.max(0, clock.now() - days * dayMs)
  return new Hono<HubEnv>()
    .get(
      "/api/msa/ongoing",
      allow("reviewer"),
      doc("Agreement from known parts, blind repeats and second people", { 200: MsaReport }),
      query(Days),
      (c) => c.json(msa.ongoing(since(c.req.valid("query").days))),
    )
    .get(
      "/api/msa/ongoing.csv",
      allow("reviewer"),
      doc("The same as CSV", { 200: "text/csv" }),
      query(Days),
      (c) => csv(msa.ongoing(since(c.req.valid("query").days))),
    )
    .get(
      "/api/msa/ongoing.pdf",
      allow("reviewer"),
      doc("The same as PDF", { 200: "application/pdf" }),
      query(v.object({ ...Days.entries, ...Printed })),
      (c) => {
        const { days, language } = c.req.valid("query")
        return pdf(msa.ongoing(since(days)), language ?? actor(c).language)
      },
    )
    .get(
      "/api/msa/people",
      allow("reviewer"),
      doc("What became of each person's labels", { 200: listOf(PersonAgreement) }),
      query(Days),
      (c) => c.json({ items: msa.people(since(c.req.valid("query").days)), next: null }),
    )
    .get(
      "/api/msa/suspects",
      allow("reviewer"),
      doc("Of the labels a trainer doubted and a reviewer looked at again, how many were wrong", {
        200: SuspectReport,
      }),
      (c) => c.json(msa.suspects()),
    )
    .get(
      "/api/msa/appraisers",
      allow("reviewer"),
      doc("People who can be asked in a study", { 200: listOf(AppraiserName) }),
      (c) => c.json({ items: msa.appraisers(), next: null }),
    )
    .get("/api/msa/limits", allow("reviewer"), doc("What reports are judged by", { 200: MsaLimits }), (c) =>
      c.json(msa.limits()),
    )
    .put(
      "/api/msa/limits",
      allow("engineer"),
      doc("Change what reports are judged by", { 200: MsaLimits }),
      json(MsaLimits),
      (c) => c.json(msa.setLimits(actor(c), c.req.valid("json"))),
    )
    .get("/api/msa/studies", allow("reviewer"), doc("Studies, newest first", { 200: listOf(Study) }), (c) =>
      c.json({ items: msa.studies(), next: null }),
    )
    .post(
      "/api/msa/studies",
      allow("engineer"),
      doc("Ask people to judge the same parts blind, more than once", { 201: Study }),
      json(NewStudy),
      (c) => c.json(msa.begin(actor(c), c.req.valid("json")), 201),
    )
    .post(
      "/api/msa/studies/:id/close",
      allow("engineer"),
      doc("Ask nobody any more", { 200: Study }),
      Id,
      (c) => c.json(msa.end(actor(c), c.req.valid("param").id)),
    )
    .post(
      "/api/msa/studies/:id/model",
      allow("engineer"),
      doc("Show the parts of a study to the model on the line", { 200: Study }),
      Id,
      async (c) => c.json(await msa.askModel(c.req.valid("param").id)),
    )
    .get(
      "/api/msa/studies/:id/report",
      allow("reviewer"),
      doc("A study's report", { 200: MsaReport }),
      Id,
      (c) => c.json(msa.study(c.req.valid("param").id)),
    )
    .get(
      "/api/msa/studies/:id/report.csv",
      allow("reviewer"),
      doc("A study's report as CSV", { 200: "text/csv" }),
      Id,
      (c) => csv(msa.study(c.req.valid("param").id)),
    )
    .get(
      "/api/msa/studies/:id/report.pdf",
      allow("reviewer"),
      doc("A study's report as PDF", { 200: "application/pdf" }),
      Id,
      query(v.object(Printed)),
      (c) => pdf(msa.study(c.req.valid("param").id), c.req.valid("query").language ?? actor(c).language),
    )
}

const csv = (report: MsaReport) => download(reportCsv(report), "text/csv; charset=utf-8", report, "csv")

const download = (
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  { study }: MsaReport,
  extension: string,
) =>
  new Response(body, {
    headers: {
      "content-type": type,
      "content-disposition": `attachment; filename="msa-${study?.slice(-8) ?? "ongoing"}.${extension}"`,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  })
