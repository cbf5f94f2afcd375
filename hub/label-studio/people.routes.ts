import { type Context, Hono } from "hono"
import * as v from "valibot"
import {
  LsRefreshBody,
  LsUserBody,
  NewProgramKey,
  ProgramKey,
  ProgramKeyWithToken,
} from "#contract/label-studio"
import { listOf } from "#contract/list"
import { Problem } from "#contract/problem"
import { actor, allow, doc, type HubEnv, json, open, param } from "../http/kit.ts"
import { bodyOf, numberOf } from "./app.ts"
import type { People } from "./people.service.ts"
import { iso, userShape } from "./wire.rules.ts"

/** People, keys, versions: what a program asks first. */
export function createPeopleRoutes({ people, version }: { people: People; version: string }): Hono<HubEnv> {
  const organization = (me: number) => ({
    id: 1,
    title: "CRUX",
    created_by: me,
    contact_info: null,
    created_at: iso(0),
    users: people.list().map(({ row }) => row.id),
  })
  const lasting = (c: Context<HubEnv>) =>
    people.demandLasting(c.req.header("authorization"), c.req.header("x-api-key"))
  return new Hono<HubEnv>()
    .get("/health", open("says only that the hub is up"), (c) => c.json({ status: "UP" }))
    .get("/api/version", open("clients ask for it before they sign in"), (c) =>
      c.json({
        release: "1.23.0",
        edition: "Community",
        "label-studio-os-package": { version: "1.23.0" },
        crux: version,
      }),
    )
    .get("/api/current-user/whoami", allow("worker"), (c) =>
      c.json(userShape(people.numberOf(actor(c).id), actor(c))),
    )
    .get("/api/current-user/token", allow("worker"), (c) => {
      // A program that signs in by its key knows it; it is stored only as a hash.
      const token = /^Token\s+(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1]
      if (token === undefined) lasting(c)
      return c.json({ token: token ?? people.makeKey(actor(c), "legacy", 0).token })
    })
    .post("/api/current-user/reset-token", allow("worker"), (c) => {
      lasting(c)
      people.endKeys(actor(c), "legacy")
      return c.json({ token: people.makeKey(actor(c), "legacy", 0).token }, 201)
    })
    .get("/api/current-user/hotkeys", allow("worker"), (c) => c.json({ custom_hotkeys: {} }))
    .get("/api/users", allow("worker"), (c) =>
      c.json(people.list().map(({ row, user }) => userShape(row, user))),
    )
    .post("/api/users", allow("admin"), async (c) => {
      const sent = await bodyOf(c, LsUserBody)
      const email = sent.email ?? (sent.username?.includes("@") ? sent.username.toLowerCase() : undefined)
      if (email === undefined) throw new Problem("invalid", "email", "a person needs an e-mail address")
      const name = [sent.first_name, sent.last_name].filter(Boolean).join(" ").trim() || email.split("@")[0]!
      const { row, user } = await people.add(actor(c), { email, name: name.slice(0, 64) })
      return c.json(userShape(row, user), 201)
    })
    .get("/api/users/:id{[0-9]+}", allow("worker"), (c) => {
      const { row, user } = people.byNumber(numberOf(c.req.param("id")))
      return c.json(userShape(row, user))
    })
    .get("/api/organizations", allow("worker"), (c) => c.json([{ id: 1, title: "CRUX" }]))
    .get("/api/organizations/:id{[0-9]+}", allow("worker"), (c) =>
      c.json(organization(people.numberOf(actor(c).id).id)),
    )
    .get("/api/organizations/:id{[0-9]+}/memberships", allow("worker"), (c) => {
      const results = people
        .list()
        .map(({ row, user }) => ({ id: row.id, organization: 1, user: userShape(row, user) }))
      return c.json({ count: results.length, next: null, previous: null, results })
    })
    .post("/api/token/refresh", open("the refresh token is the right"), async (c) => {
      const { refresh } = await bodyOf(c, LsRefreshBody)
      return c.json({ access: people.refresh(refresh) })
    })
    .get("/api/token", allow("worker"), (c) =>
      c.json(
        people
          .keys(actor(c))
          .map(({ id, ends_at }) => ({ token: id, expires_at: ends_at === null ? null : iso(ends_at) })),
      ),
    )
    .post("/api/token", allow("worker"), (c) => {
      lasting(c)
      const made = people.makeKey(actor(c), "refresh", 365)
      return c.json({ token: made.token, expires_at: iso(made.ends_at ?? 0) }, 201)
    })
    .post("/api/token/blacklist", allow("worker"), async (c) => {
      people.blacklist(actor(c), (await bodyOf(c, LsRefreshBody)).refresh)
      return c.body(null, 204)
    })
    .post("/api/token/rotate", allow("worker"), async (c) => {
      lasting(c)
      people.blacklist(actor(c), (await bodyOf(c, LsRefreshBody)).refresh)
      return c.json({ refresh: people.makeKey(actor(c), "refresh", 365).token })
    })
}

/** Where a signed-in person makes keys for programs: the hub's own interface. */
export function createKeyRoutes(people: Pick<People, "keys" | "makeKey" | "endKey">): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get(
      "/api/label-studio/keys",
      allow("worker"),
      doc("One's own keys for programs written for Label Studio.", { 200: listOf(ProgramKey) }),
      (c) => c.json({ items: people.keys(actor(c)), next: null }),
    )
    .post(
      "/api/label-studio/keys",
      allow("worker"),
      doc(
        "Make a key for such a program; it is shown once and may do what its scope names and its person may.",
        {
          201: ProgramKeyWithToken,
        },
      ),
      json(NewProgramKey),
      (c) => {
        const { kind, days, scope } = c.req.valid("json")
        return c.json(people.makeKey(actor(c), kind, days, scope), 201)
      },
    )
    .delete(
      "/api/label-studio/keys/:key",
      allow("worker"),
      doc("End a key; programs that use it are shut out at once.", { 204: null }),
      param(v.object({ key: v.pipe(v.string(), v.maxLength(64)) })),
      (c) => {
        people.endKey(actor(c), c.req.valid("param").key)
        return c.body(null, 204)
      },
    )
}
