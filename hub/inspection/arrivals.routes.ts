import { Hono } from "hono"
import * as v from "valibot"
import { DeviceId } from "#contract/ids"
import { Arrival, Gap, RefusalView } from "#contract/ingest"
import { listOf } from "#contract/list"
import { allow, doc, type HubEnv, param, query } from "../http/kit.ts"
import type { Arrivals } from "./arrivals.service.ts"

const number = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number))

export function createArrivalRoutes({ arrivals }: { arrivals: Arrivals }) {
  return new Hono<HubEnv>()
    .get(
      "/api/ingest",
      allow("worker"),
      doc("How completely each station's parts have arrived.", { 200: listOf(Arrival) }),
      (c) => c.json({ items: arrivals.all(), next: null }),
    )
    .get(
      "/api/ingest/:device/gaps",
      allow("worker"),
      doc("Numbers of a station that are not here, as runs.", { 200: listOf(Gap) }),
      param(v.object({ device: DeviceId })),
      (c) => c.json({ items: arrivals.gaps(c.req.valid("param").device), next: null }),
    )
    .get(
      "/api/refusals",
      allow("worker"),
      doc("Messages the hub did not take and why, newest first.", { 200: listOf(RefusalView) }),
      query(
        v.object({
          device: v.optional(DeviceId),
          cursor: v.optional(number),
          limit: v.optional(v.pipe(number, v.minValue(1), v.maxValue(200)), "50"),
        }),
      ),
      (c) => {
        const { device, cursor, limit } = c.req.valid("query")
        return c.json(arrivals.refusals(device, cursor, limit))
      },
    )
    .get(
      "/api/refusals/:n/head",
      allow("engineer"),
      doc("The first bytes of a refused message.", { 200: "application/octet-stream" }),
      param(v.object({ n: number })),
      (c) =>
        new Response(arrivals.refusalHead(c.req.valid("param").n) as Uint8Array<ArrayBuffer>, {
          headers: {
            "content-type": "application/octet-stream",
            "content-disposition": "attachment",
            "x-content-type-options": "nosniff",
          },
        }),
    )
}
