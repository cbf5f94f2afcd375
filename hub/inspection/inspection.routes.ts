import { Hono } from "hono"
import * as v from "valibot"
import { DeviceId, Instant, Sha256, Uuid } from "#contract/ids"
import { Evaluation } from "#contract/inspection"
import { InspectionView } from "#contract/labelling"
import { listOf } from "#contract/list"
import { NewHold, Storage } from "#contract/storage"
import type { User } from "#contract/users"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import type { Eviction } from "./eviction.service.ts"
import type { Inspections } from "./inspection.service.ts"

const time = v.pipe(v.string(), v.regex(/^\d{1,16}$/), v.transform(Number), Instant)
const whole = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,6}$/), v.transform(Number), v.minValue(least), v.maxValue(most))

const ListQuery = v.object({
  device: v.optional(DeviceId),
  eval: v.optional(Evaluation),
  part: v.optional(v.pipe(v.string(), v.maxLength(128))),
  /** Arrival at the hub in milliseconds since 1970, both inclusive. */
  since: v.optional(time),
  until: v.optional(time),
  labelled: v.optional(
    v.pipe(
      v.picklist(["true", "false"]),
      v.transform((text) => text === "true"),
    ),
  ),
  /** `suspect`: the station's clock was wrong, so the time of capture is not to be believed. */
  clock: v.optional(v.picklist(["right", "suspect"])),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(40))),
  limit: v.optional(whole(1, 200), "50"),
})

const Count = v.object({ stored: v.number(), distinct_triggers: v.number() })

/** Parts as this person is to see them. */
export type Veil = (user: User, views: readonly InspectionView[]) => InspectionView[]

export function createInspectionRoutes({
  inspections,
  eviction,
  veil,
}: {
  inspections: Inspections
  eviction: Eviction
  veil: Veil
}) {
  const Image = param(v.object({ sha: Sha256 }))
  return new Hono<HubEnv>()
    .get(
      "/api/inspections",
      allow("worker"),
      doc("Inspections, newest first.", { 200: listOf(InspectionView) }),
      query(ListQuery),
      (c) => {
        const { cursor, limit, ...filter } = c.req.valid("query")
        const page = inspections.list(filter, cursor, limit)
        return c.json({ ...page, items: veil(actor(c), page.items) })
      },
    )
    .get(
      "/api/inspections/count",
      allow("worker"),
      doc("How many inspections and different triggers the hub holds.", { 200: Count }),
      (c) => c.json(inspections.count()),
    )
    .get(
      "/api/inspections/:id",
      allow("worker"),
      doc("One inspection.", { 200: InspectionView }),
      param(v.object({ id: Uuid })),
      (c) => c.json(veil(actor(c), [inspections.get(c.req.valid("param").id)])[0]!),
    )
    .post(
      "/api/inspections/:id/hold",
      allow("engineer"),
      doc("Keep a part's pictures, whatever the disk says.", { 204: null }),
      param(v.object({ id: Uuid })),
      json(NewHold),
      (c) => {
        inspections.hold(actor(c), c.req.valid("param").id, c.req.valid("json").reason)
        return c.body(null, 204)
      },
    )
    .delete(
      "/api/inspections/:id/hold",
      allow("engineer"),
      doc("End a hold.", { 204: null }),
      param(v.object({ id: Uuid })),
      (c) => {
        inspections.release(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .get(
      "/api/storage",
      allow("worker"),
      doc("How full the disk is, and what had to go.", { 200: Storage }),
      async (c) => c.json(await eviction.status()),
    )
    .get("/api/images/:sha", allow("worker"), doc("A stored image.", { 200: "image/*" }), Image, async (c) =>
      picture(await inspections.image(c.req.valid("param").sha)),
    )
    .get(
      "/api/images/:sha/thumb",
      allow("worker"),
      doc("A small picture of a stored image.", { 200: "image/*" }),
      Image,
      query(v.object({ max: v.optional(whole(16, 4096), "320") })),
      async (c) => picture(await inspections.thumbnail(c.req.valid("param").sha, c.req.valid("query").max)),
    )
    .get(
      "/api/images/:sha/tiles/:z/:x/:y",
      allow("worker"),
      doc(
        "A tile of 512 pixels of a large image; at level z one of its pixels stands for 2^z of the image.",
        {
          200: "image/*",
        },
      ),
      param(v.object({ sha: Sha256, z: whole(0, 16), x: whole(0, 512), y: whole(0, 512) })),
      async (c) => {
        const { sha, z, x, y } = c.req.valid("param")
        return picture(await inspections.tile(sha, z, x, y))
      },
    )
}

/**
 * Foreign bytes: the type we stored, no sniffing, and a sandbox in which nothing runs should one of them be HTML after
 * all. Named by their digest, they never change; `private`, because a shared cache knows no session.
 */
function picture({ bytes, mime }: { bytes: Uint8Array; mime: string }): Response {
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: {
      "content-type": mime,
      "content-length": String(bytes.length),
      "cache-control": "private, max-age=31536000, immutable",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    },
  })
}
