import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  NewUser,
  OneTimeSignIn,
  OwnPatch,
  type Session,
  Session as SessionSchema,
  SetupRequest,
  SetupState,
  SignInRequest,
  User,
  UserPatch,
} from "#contract/users"
import { actor, allow, clientIp, doc, type HubEnv, json, open, param } from "../http/kit.ts"
import {
  clearSessionToken,
  readSessionToken,
  readTabletToken,
  writeSessionToken,
} from "../http/session-cookie.ts"
import type { Sessions } from "./sessions.service.ts"
import type { Tablets } from "./tablets.service.ts"
import type { Users } from "./users.service.ts"

export function createUsersRoutes({
  users,
  sessions,
  tablets,
}: {
  users: Users
  sessions: Sessions
  tablets: Tablets
}): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get(
      "/api/setup",
      open("the first page asks before anyone can sign in"),
      doc("Whether the hub waits for its first admin", { 200: SetupState }),
      (c) => c.json({ needed: sessions.setupNeeded() }),
    )
    .post(
      "/api/setup",
      open("the setup code printed by the hub is the right"),
      doc("Make the first admin", { 201: SessionSchema }),
      json(SetupRequest),
      async (c) => {
        const { token, lifeMs, session } = await sessions.setUp(c.req.valid("json"), clientIp(c))
        writeSessionToken(c, token, lifeMs)
        return c.json(session, 201)
      },
    )
    .post(
      "/api/session",
      open("signing in"),
      doc("Sign in", { 201: SessionSchema }),
      json(SignInRequest),
      async (c) => {
        const credential = readTabletToken(c)
        const tablet = credential === undefined ? undefined : tablets.resolve(credential)
        const at = { previous: c.get("sessionId"), tablet }
        const signedIn = await sessions.signIn(c.req.valid("json"), clientIp(c), at)
        writeSessionToken(c, signedIn.token, signedIn.lifeMs)
        return c.json(signedIn.session, 201)
      },
    )
    .get("/api/session", allow("worker"), doc("Who is signed in", { 200: SessionSchema }), (c) => {
      const now = sessions.resolve(readSessionToken(c) ?? "")
      const credential = readTabletToken(c)
      const tablet = credential === undefined ? undefined : tablets.resolve(credential)
      return c.json({
        user: actor(c),
        expires_at: now?.expires_at ?? 0,
        ...(tablet && tablet.id === now?.tabletId && { tablet: { id: tablet.id, name: tablet.name } }),
      } satisfies Session)
    })
    .patch(
      "/api/session",
      allow("worker"),
      doc("Change one's own language", { 200: User }),
      json(OwnPatch),
      (c) => c.json(sessions.changeOwnLanguage(actor(c).id, c.req.valid("json").language)),
    )
    .delete("/api/session", allow("worker"), doc("Sign out", { 204: null }), (c) => {
      const id = c.get("sessionId")
      if (id !== undefined) sessions.signOut(id)
      clearSessionToken(c)
      c.header("Clear-Site-Data", '"cache"')
      return c.body(null, 204)
    })
    .post(
      "/api/session/one-time",
      allow("worker"),
      doc("Make a link that signs the caller in once on another screen", { 201: OneTimeSignIn }),
      (c) => c.json({ token: sessions.oneTimeToken(actor(c).id) }, 201),
    )
    .get("/api/users", allow("engineer"), doc("All people", { 200: listOf(User) }), (c) =>
      c.json({ items: users.list(), next: null }),
    )
    .post("/api/users", allow("admin"), doc("Add a person", { 201: User }), json(NewUser), async (c) =>
      c.json(await users.create(actor(c), c.req.valid("json")), 201),
    )
    .patch(
      "/api/users/:id",
      allow("admin"),
      doc("Change, disable or enable a person", { 200: User }),
      param(v.object({ id: Uuid })),
      json(UserPatch),
      async (c) => c.json(await users.change(actor(c), c.req.valid("param").id, c.req.valid("json"))),
    )
}
