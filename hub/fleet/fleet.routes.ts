import { Hono } from "hono"
import * as v from "valibot"
import {
  type BrokerAddress,
  Device,
  Enrolment,
  EnrolmentCode,
  EnrolRequest,
  NewEnrolmentCode,
} from "#contract/fleet"
import { DeviceId } from "#contract/ids"
import { listOf } from "#contract/list"
import type { TrustedKeys } from "#contract/release"
import { DeviceEvent, TriggerFacts } from "#contract/topics"
import { actor, allow, clientIp, doc, type HubEnv, json, open, param } from "../http/kit.ts"
import type { Enrolment as EnrolmentService } from "./enrolment.service.ts"
import type { Fleet } from "./fleet.service.ts"

export function createFleetRoutes({
  fleet,
  enrolment,
  mqtt,
  keys,
}: {
  fleet: Fleet
  enrolment: EnrolmentService
  /** Where stations reach the broker; asked at each enrolment, as the port is known only after start. */
  mqtt: () => BrokerAddress
  keys: TrustedKeys
}) {
  const One = param(v.object({ id: DeviceId }))
  return new Hono<HubEnv>()
    .get("/api/devices", allow("worker"), doc("All stations.", { 200: listOf(Device) }), (c) =>
      c.json({ items: fleet.list(), next: null }),
    )
    .get(
      "/api/devices/:id/events",
      allow("worker"),
      doc("What a station told last, newest first.", {
        200: listOf(v.object({ received_at: v.number(), event: DeviceEvent })),
      }),
      One,
      (c) => {
        const events = fleet.events(c.req.valid("param").id, 200)
        return c.json({
          items: events.map(({ receivedAt, event }) => ({ received_at: receivedAt, event })),
          next: null,
        })
      },
    )
    .post(
      "/api/devices/:id/trigger",
      allow("engineer"),
      doc("Ask a connected station for an inspection, now; for stations whose trigger is the hub.", {
        202: null,
      }),
      One,
      json(TriggerFacts),
      (c) => {
        fleet.trigger(c.req.valid("param").id, c.req.valid("json"))
        return c.body(null, 202)
      },
    )
    .post(
      "/api/enrolment-codes",
      allow("admin"),
      doc("Invite a station: a code that works once, for 15 minutes.", { 201: EnrolmentCode }),
      json(NewEnrolmentCode),
      (c) => {
        const { device, name } = c.req.valid("json")
        return c.json(enrolment.createCode(actor(c), device, name), 201)
      },
    )
    .post(
      "/api/enrol",
      open("the enrolment code is the right"),
      doc("Exchange a code for the station's own secret.", { 201: Enrolment }),
      json(EnrolRequest),
      (c) => {
        const { code, device } = c.req.valid("json")
        const { secret } = enrolment.enrol(code, device, clientIp(c))
        return c.json({ device, secret, mqtt: mqtt(), keys }, 201)
      },
    )
    .delete(
      "/api/devices/:id",
      allow("admin"),
      doc("Take a station out of service; its connection ends at once.", { 204: null }),
      One,
      (c) => {
        fleet.revoke(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
}
