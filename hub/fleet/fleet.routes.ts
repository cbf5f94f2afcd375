import { type Context, Hono } from "hono"
import * as v from "valibot"
import {
  type BrokerAddress,
  CollectRequest,
  Device,
  Enrolment,
  EnrolmentCode,
  EnrolmentRequest,
  EnrolmentWaiting,
  EnrolRequest,
  NewEnrolmentCode,
  RenewedCertificate,
  RenewRequest,
} from "#contract/fleet"
import { DeviceId, Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { Problem } from "#contract/problem"
import type { TrustedKeys } from "#contract/release"
import { DeviceEvent, TriggerFacts } from "#contract/topics"
import { actor, allow, clientIp, doc, type HubEnv, json, open, param } from "../http/kit.ts"
import type { Enrolment as EnrolmentService, Proof } from "./enrolment.service.ts"
import type { Fleet } from "./fleet.service.ts"

export function createFleetRoutes({
  fleet,
  enrolment,
  mqtt,
  keys,
  trust,
}: {
  fleet: Fleet
  enrolment: EnrolmentService
  /**
   * Where stations reach the broker; asked at each enrolment, as the port is known only after start. Undefined when it
   * takes no certificates.
   */
  mqtt: (byCertificate: boolean) => BrokerAddress | undefined
  keys: TrustedKeys
  trust: { pem: string; fingerprint: string }
}) {
  const One = param(v.object({ id: DeviceId }))
  const OneRequest = param(v.object({ id: Uuid }))
  const placeFor = (byCertificate: boolean): BrokerAddress => {
    const place = mqtt(byCertificate)
    if (!place) throw noCertificates()
    return place
  }
  const enrolled = (device: string, proof: Proof) => {
    const place = placeFor(proof.certificate !== undefined)
    return { device, ...proof, mqtt: place, keys }
  }
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
        const { device, name, pre_approved } = c.req.valid("json")
        const made = enrolment.createCode(actor(c), device, name, { preApproved: pre_approved })
        const ticket = ticketOf({ hub: originOf(c), device, code: made.code, ca: trust.fingerprint })
        return c.json({ ...made, ca: trust.fingerprint, ticket }, 201)
      },
    )
    .post(
      "/api/enrol",
      open("the enrolment code is the right"),
      doc("Exchange a code for the station's own secret or certificate; 202 when a person must approve it.", {
        201: Enrolment,
        202: EnrolmentWaiting,
      }),
      json(EnrolRequest),
      async (c) => {
        const { code, device, csr } = c.req.valid("json")
        placeFor(csr !== undefined)
        const answer = await enrolment.enrol(code, device, clientIp(c), csr)
        return "waiting" in answer ? c.json(answer, 202) : c.json(enrolled(device, answer), 201)
      },
    )
    .post(
      "/api/enrol/collect",
      open("the token of the waiting station is the right"),
      doc("Ask whether a person has approved; 202 while not, 201 once.", { 201: Enrolment, 202: null }),
      json(CollectRequest),
      async (c) => {
        const found = await enrolment.collect(c.req.valid("json").token, clientIp(c))
        return found ? c.json(enrolled(found.device, found.proof), 201) : c.body(null, 202)
      },
    )
    .post(
      "/api/enrol/renew",
      open("the key of the present certificate is the right"),
      doc("A new certificate before the present one ends.", { 201: RenewedCertificate }),
      json(RenewRequest),
      async (c) => c.json({ certificate: await enrolment.renew(c.req.valid("json")) }, 201),
    )
    .get(
      "/api/enrolment-requests",
      allow("engineer"),
      doc("Stations that wait for a person's approval, oldest first.", { 200: listOf(EnrolmentRequest) }),
      (c) => c.json({ items: enrolment.waiting(), next: null }),
    )
    .post(
      "/api/enrolment-requests/:id/approve",
      allow("engineer"),
      doc("Let a waiting station in.", { 204: null }),
      OneRequest,
      (c) => {
        enrolment.approve(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .post(
      "/api/enrolment-requests/:id/refuse",
      allow("engineer"),
      doc("Turn a waiting station away.", { 204: null }),
      OneRequest,
      (c) => {
        enrolment.refuse(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .delete(
      "/api/devices/:id/clone",
      allow("engineer"),
      doc("Say that only one box speaks with this identity again.", { 204: null }),
      One,
      (c) => {
        fleet.clearClone(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
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

/** A broker of the plant checks the proofs of stations itself, and may not know the hub's authority. */
const noCertificates = () =>
  new Problem(
    "conflict",
    "enrolment_certificate",
    "this broker of the plant takes no certificates; enrol without --certificate, the code stays good",
  )

/** Where the caller reached the hub, which is where a station beside them reaches it. */
function originOf(c: Context<HubEnv>): string {
  const url = new URL(c.req.url)
  return `${c.env?.secure ? "https:" : url.protocol}//${url.host}`
}

function ticketOf(parts: { hub: string; device: string; code: string; ca: string }): string {
  return `crux://enrol?${new URLSearchParams(parts)}`
}
