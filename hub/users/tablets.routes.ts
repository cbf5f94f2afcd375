import type { Context } from "hono"
import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  Badge,
  BadgeRequest,
  LabelPass,
  NewBadge,
  NewPin,
  NewTabletCode,
  OwnPin,
  PersonAccess,
  Tablet,
  TabletCode,
  TabletEnrolment,
  TabletPatch,
  TabletPerson,
  TabletSettings,
  ThisTablet,
  Unlock,
} from "#contract/tablets"
import { actor, allow, clientIp, doc, type HubEnv, inTheNameOf, json, open, param } from "../http/kit.ts"
import { clearTabletToken, readTabletToken, writeTabletToken } from "../http/session-cookie.ts"
import type { Sessions } from "./sessions.service.ts"
import type { KnownTablet, Tablets } from "./tablets.service.ts"

const one = param(v.object({ id: Uuid }))

/** Tablets that people share: enrolling them, and what people show on them. */
export function createTabletsRoutes({
  sessions,
  tablets,
}: {
  sessions: Sessions
  tablets: Tablets
}): Hono<HubEnv> {
  const tabletOf = (c: Context<HubEnv>): KnownTablet | undefined => {
    const token = readTabletToken(c)
    return token === undefined ? undefined : tablets.resolve(token)
  }

  return new Hono<HubEnv>()
    .get(
      "/api/tablet",
      open("the sign-in screen asks; names are told to enrolled tablets alone"),
      doc("What this tablet is, and who may sign in on it", { 200: ThisTablet }),
      (c) => {
        const token = readTabletToken(c)
        const tablet = tabletOf(c)
        if (token !== undefined && tablet) writeTabletToken(c, token)
        else if (token !== undefined) clearTabletToken(c)
        return c.json(tablets.face(tablet))
      },
    )
    .post(
      "/api/tablet",
      open("the code shown by an engineer is the right"),
      doc("Enrol this tablet", { 201: ThisTablet }),
      json(TabletEnrolment),
      (c) => {
        const { token, tablet } = tablets.enrol(c.req.valid("json").code, clientIp(c), tabletOf(c))
        writeTabletToken(c, token)
        return c.json(tablets.face(tablet), 201)
      },
    )
    .post(
      "/api/tablet/badge",
      open("answers enrolled tablets alone"),
      doc("Whose badge this is", { 200: TabletPerson }),
      json(BadgeRequest),
      (c) => c.json(tablets.whose(c.req.valid("json").badge, tabletOf(c))),
    )
    .post(
      "/api/session/unlock",
      allow("worker"),
      doc("Show that the signed-in person is back", { 204: null }),
      json(Unlock),
      async (c) => {
        await sessions.unlock(actor(c), c.req.valid("json"), clientIp(c), tabletOf(c))
        return c.body(null, 204)
      },
    )
    .put(
      "/api/session/pin",
      allow("worker"),
      doc("Change one's own PIN", { 204: null }),
      json(OwnPin),
      async (c) => {
        const { pin, current } = c.req.valid("json")
        await tablets.changeOwnPin(actor(c), pin, current, tabletOf(c))
        return c.body(null, 204)
      },
    )
    .post(
      "/api/session/label-pass",
      allow("worker"),
      doc("A pass that brings in what its owner leaves unsent on this tablet", { 201: LabelPass }),
      inTheNameOf,
      (c) => c.json(tablets.labelPass(actor(c), c.get("tabletId")), 201),
    )
    .get("/api/tablets", allow("engineer"), doc("All tablets", { 200: listOf(Tablet) }), (c) =>
      c.json({ items: tablets.list(), next: null }),
    )
    .post(
      "/api/tablets/codes",
      allow("engineer"),
      doc("A code that enrols one tablet within 15 minutes", { 201: TabletCode }),
      json(NewTabletCode),
      (c) => c.json(tablets.createCode(actor(c), c.req.valid("json").name), 201),
    )
    .get(
      "/api/tablets/settings",
      allow("engineer"),
      doc("What holds on every tablet", { 200: TabletSettings }),
      (c) => c.json(tablets.settings()),
    )
    .put(
      "/api/tablets/settings",
      allow("engineer"),
      doc("Change what holds on every tablet", { 200: TabletSettings }),
      json(TabletSettings),
      (c) => c.json(tablets.changeSettings(actor(c), c.req.valid("json"))),
    )
    .get(
      "/api/tablets/people",
      allow("engineer"),
      doc("How each person can sign in on tablets", { 200: listOf(PersonAccess) }),
      (c) => c.json({ items: tablets.access(), next: null }),
    )
    .patch(
      "/api/tablets/:id",
      allow("engineer"),
      doc("Give a tablet another name", { 204: null }),
      one,
      json(TabletPatch),
      (c) => {
        tablets.rename(actor(c), c.req.valid("param").id, c.req.valid("json").name)
        return c.body(null, 204)
      },
    )
    .delete(
      "/api/tablets/:id",
      allow("engineer"),
      doc("Take a tablet's credential back; sessions on it end at once", { 204: null }),
      one,
      (c) => {
        tablets.revoke(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .put(
      "/api/users/:id/pin",
      allow("engineer"),
      doc("Set a person's PIN", { 204: null }),
      one,
      json(NewPin),
      async (c) => {
        await tablets.setPin(actor(c), c.req.valid("param").id, c.req.valid("json").pin)
        return c.body(null, 204)
      },
    )
    .delete(
      "/api/users/:id/pin",
      allow("engineer"),
      doc("Remove a person's PIN", { 204: null }),
      one,
      (c) => {
        tablets.dropPin(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .put(
      "/api/users/:id/badge",
      allow("engineer"),
      doc("Give a person a badge; a made code is shown once", { 200: Badge }),
      one,
      json(NewBadge),
      (c) => c.json(tablets.setBadge(actor(c), c.req.valid("param").id, c.req.valid("json").code)),
    )
    .delete(
      "/api/users/:id/badge",
      allow("engineer"),
      doc("Take a person's badge back", { 204: null }),
      one,
      (c) => {
        tablets.dropBadge(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
}
