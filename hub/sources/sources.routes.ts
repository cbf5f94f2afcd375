import { Hono } from "hono"
import * as v from "valibot"
import { DeviceId } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  NewSource,
  QuarantinedMessage,
  SourceMessage,
  SourcePatch,
  SourcePreset,
  SourceReceipt,
  SourceTest,
  SourceTestResult,
  SourceView,
  SourceWithToken,
} from "#contract/source"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Intake } from "./intake.service.ts"
import type { Message } from "./message.ts"
import type { Monitor } from "./monitor.ts"
import { presets } from "./presets.rules.ts"
import type { Quarantine } from "./quarantine.ts"
import type { Sources } from "./sources.service.ts"

const maxSampleBytes = 13 * 1024 * 1024

/** Everything here is for engineers: a profile decides what a camera's word means. */
export function createSourceRoutes({
  sources,
  intake,
  monitor,
  quarantine,
}: {
  sources: Sources
  intake: Intake
  monitor: Monitor
  quarantine: Quarantine
}) {
  const One = param(v.object({ id: DeviceId }))
  const whole = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number))
  const Row = param(v.object({ id: DeviceId, n: whole }))
  return new Hono<HubEnv>()
    .get(
      "/api/source-presets",
      allow("engineer"),
      doc("Ready profiles for cameras.", { 200: listOf(SourcePreset) }),
      (c) => c.json({ items: presets, next: null }),
    )
    .get(
      "/api/sources",
      allow("engineer"),
      doc("Cameras and systems of other makers.", { 200: listOf(SourceView) }),
      (c) => c.json({ items: sources.list(), next: null }),
    )
    .post(
      "/api/sources",
      allow("engineer"),
      doc("Add a source; its token is shown once.", { 201: SourceWithToken }),
      json(NewSource),
      (c) => c.json(sources.create(actor(c), c.req.valid("json")), 201),
    )
    .get("/api/sources/:id", allow("engineer"), doc("One source.", { 200: SourceView }), One, (c) =>
      c.json(sources.get(c.req.valid("param").id)),
    )
    .patch(
      "/api/sources/:id",
      allow("engineer"),
      doc("Change how a source is read, where it may publish, or switch it off.", { 200: SourceView }),
      One,
      json(SourcePatch),
      (c) => c.json(sources.change(actor(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .delete(
      "/api/sources/:id",
      allow("engineer"),
      doc("Take a source away; what it has sent stays, and its name is free for another.", { 204: null }),
      One,
      (c) => {
        sources.remove(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .post(
      "/api/sources/:id/token",
      allow("engineer"),
      doc("Make a new token; the old one ends at once.", { 201: SourceWithToken }),
      One,
      (c) => c.json(sources.renewToken(actor(c), c.req.valid("param").id), 201),
    )
    .get(
      "/api/sources/:id/messages",
      allow("engineer"),
      doc("The last messages and what became of each, newest first.", { 200: listOf(SourceMessage) }),
      One,
      (c) => {
        const { id } = sources.get(c.req.valid("param").id)
        return c.json({ items: monitor.messages(id), next: null })
      },
    )
    .get(
      "/api/sources/:id/quarantine",
      allow("engineer"),
      doc("Messages that were not understood, newest first.", { 200: listOf(QuarantinedMessage) }),
      One,
      (c) => {
        const { id } = sources.get(c.req.valid("param").id)
        return c.json({ items: quarantine.list(id), next: null })
      },
    )
    .get(
      "/api/sources/:id/quarantine/:n",
      allow("engineer"),
      doc("A message as it came.", { 200: "application/octet-stream" }),
      Row,
      async (c) => {
        const { id, n } = c.req.valid("param")
        const { bytes } = await quarantine.read(id, n)
        return new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: {
            "content-type": "application/octet-stream",
            "content-disposition": `attachment; filename="${id}-${n}.bin"`,
            "content-security-policy": "default-src 'none'; sandbox",
          },
        })
      },
    )
    .post(
      "/api/sources/:id/quarantine/:n/retry",
      allow("engineer"),
      doc("Try a message again with the profile as it is now.", { 200: SourceReceipt }),
      Row,
      async (c) => {
        const { id, n } = c.req.valid("param")
        const { st, code, id: inspection } = await intake.retry(id, n)
        return c.json({ st, ...(inspection && { id: inspection }), ...(code && { code }) })
      },
    )
    .post(
      "/api/source-tests",
      allow("engineer"),
      bodyUpTo(maxSampleBytes),
      doc("Try a profile on a sample file; nothing is stored.", { 200: SourceTestResult }),
      json(SourceTest),
      (c) => {
        const { profile, topic, type, sample, sidecar } = c.req.valid("json")
        const via = profile.kind === "http" || profile.kind === "folder" ? profile.kind : "mqtt"
        const name = topic.split("/").at(-1) ?? ""
        const message: Message = {
          via,
          topic,
          type,
          bytes: Buffer.from(sample, "base64"),
          beside: via === "mqtt" ? {} : { $file: { name, stem: name.replace(/\.[^.]*$/, "") } },
          ...(sidecar !== undefined && { data: Buffer.from(sidecar, "base64") }),
        }
        return c.json(intake.preview(profile, message))
      },
    )
}
