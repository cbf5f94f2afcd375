import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Hono } from "hono"
import { type Role, roles } from "#contract/users"
import type { RouteAccess } from "../../hub/http/access.ts"
import { accessTable } from "../../hub/http/access.ts"
import { allow, type HubEnv, open } from "../../hub/http/kit.ts"
import { type Browser, startTestHub, type TestHub } from "./support/hub.ts"

let hub: TestHub
const people = new Map<Role | "nobody", Browser>()
beforeAll(async () => {
  hub = await startTestHub()
  people.set("nobody", hub.browser())
  for (const role of roles) people.set(role, await hub.as(role))
})
afterAll(() => hub.stop())

const as = (who: Role | "nobody") => people.get(who)!

/** A well-formed address of a route, naming things that do not exist. */
function addressOf(path: string): string {
  const id = "01890000-0000-7000-8000-000000000000"
  return path.replaceAll(/:(\w+)(\{[^}]*\})?/g, (_, name: string) =>
    /sha|digest|model/.test(name) ? "0".repeat(64) : id,
  )
}

/** Asks with a body that no schema takes, so that a permitted call has no effect. */
async function probe(who: Role | "nobody", { method, path }: RouteAccess): Promise<number> {
  const body = method === "GET" || method === "DELETE" ? undefined : []
  const answer = await as(who).send(method, addressOf(path), body)
  await answer.body?.cancel()
  return answer.status
}

describe("every route", () => {
  test("names one access, and there is no route beside the table", () => {
    const table = hub.hub.routes()
    expect(table.length).toBeGreaterThan(15)
    const open = table.filter(({ access }) => "open" in access).map(({ method, path }) => `${method} ${path}`)
    expect(open.filter((route) => !openRoutes.includes(route))).toEqual([])
  })

  test("answers 401 to strangers and 403 to lower roles, before it looks at anything else", async () => {
    const wrong: string[] = []
    for (const route of hub.hub.routes()) {
      if (!("role" in route.access)) continue
      const needed = roles.indexOf(route.access.role)
      for (const who of ["nobody", ...roles.slice(0, needed)] as const) {
        const status = await probe(who, route)
        const expected = who === "nobody" ? 401 : 403
        if (status !== expected) wrong.push(`${route.method} ${route.path} as ${who}: ${status}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test("lets its role through, and fails on nonsense without an internal error", async () => {
    const wrong: string[] = []
    for (const route of hub.hub.routes()) {
      // Signing out would end the session of the tests that follow.
      if (!("role" in route.access) || route.method === "DELETE") continue
      const status = await probe(route.access.role, route)
      if (status === 401 || status === 403 || status >= 500)
        wrong.push(`${route.method} ${route.path}: ${status}`)
    }
    expect(wrong).toEqual([])
  })

  test("without an access, or with two, keeps the hub from starting", () => {
    const none = new Hono<HubEnv>().get("/api/none", (c) => c.text("secret"))
    const two = new Hono<HubEnv>().get("/api/two", allow("admin"), open("by mistake"), (c) =>
      c.text("secret"),
    )
    expect(() => accessTable(none)).toThrow("GET /api/none must name exactly one access")
    expect(() => accessTable(two)).toThrow("GET /api/two must name exactly one access")
  })
})

/** Whoever adds a route that needs no session says so here as well. */
const openRoutes = [
  "GET /*",
  "GET /label",
  "GET /api/ca.pem",
  "GET /api/setup",
  "GET /api/tablet",
  "GET /livez",
  "GET /readyz",
  "POST /api/enrol",
  "POST /api/enrol/collect",
  "POST /api/enrol/renew",
  "POST /api/in/:source",
  "POST /api/labelling/deeds/kept",
  "POST /api/labels/kept",
  "POST /api/session",
  "POST /api/setup",
  "POST /api/tablet",
  "POST /api/tablet/badge",
  "POST /api/token/refresh",
  "POST /api/token/refresh/",
  "GET /trainer/v1/jobs/:id",
  "GET /trainer/v1/jobs/:id/artifacts/:sha256",
  "GET /trainer/v1/jobs/:id/blobs/:sha256",
  "GET /trainer/v1/jobs/:id/bundle",
  "PUT /trainer/v1/jobs/:id/artifacts/:sha256",
  "PUT /trainer/v1/jobs/:id/checkpoints/:n",
  ...["claim", "register"].map((call) => `POST /trainer/v1/${call}`),
  ...["complete", "fail", "heartbeat", "logs", "metrics", "released"].map(
    (call) => `POST /trainer/v1/jobs/:id/${call}`,
  ),
  ...["GET", "POST", "PUT", "PATCH", "DELETE"].flatMap((method) => [
    `${method} /label-studio`,
    `${method} /label-studio/*`,
  ]),
]

const product = { key: "bracket", names: { ko: "브래킷", en: "Bracket" } }

/** Who asks what, what comes back, what must be in it and what must not. */
const scenarios: {
  name: string
  who: Role | "nobody"
  method?: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  status: number
  has?: string[]
  not?: string[]
}[] = [
  {
    name: "the page for a deep link",
    who: "nobody",
    path: "/label/next",
    status: 200,
    has: ["<!doctype html>"],
  },
  { name: "a file that is not shipped", who: "nobody", path: "/main.js", status: 404, has: ['"not_found"'] },
  {
    name: "a way out of the assets",
    who: "nobody",
    path: "/..%2f..%2fpackage.json",
    status: 404,
    not: ["crux"],
  },
  {
    name: "an unknown address of the API",
    who: "admin",
    path: "/api/nothing",
    status: 404,
    has: ['"route"'],
  },
  { name: "an unknown method", who: "admin", method: "PUT", path: "/api/users", status: 404 },
  {
    name: "liveness, which says nothing",
    who: "nobody",
    path: "/livez",
    status: 200,
    has: ["ok"],
    not: ["version"],
  },
  { name: "readiness", who: "nobody", path: "/readyz", status: 200, has: ["ready"] },
  {
    name: "people, to a worker",
    who: "worker",
    path: "/api/users",
    status: 403,
    has: ['"role":"engineer"'],
    not: ["login"],
  },
  {
    name: "people, to the admin",
    who: "admin",
    path: "/api/users",
    status: 200,
    has: ["login"],
    not: ["scrypt", "token"],
  },
  {
    name: "who I am",
    who: "reviewer",
    path: "/api/session",
    status: 200,
    has: ['"reviewer"'],
    not: ["password"],
  },
  {
    name: "a body that is not JSON",
    who: "engineer",
    method: "POST",
    path: "/api/products",
    headers: { "x-body": "{" },
    body: "{",
    status: 400,
    not: ["SyntaxError", " at "],
  },
  {
    name: "a body of another shape",
    who: "engineer",
    method: "POST",
    path: "/api/products",
    body: { key: "A B" },
    status: 400,
    has: ['"input"', '"path":"key"'],
  },
  {
    name: "a product",
    who: "engineer",
    method: "POST",
    path: "/api/products",
    body: product,
    status: 201,
    has: ["브래킷"],
  },
  {
    name: "a product with more than is asked",
    who: "engineer",
    method: "POST",
    path: "/api/products",
    body: { ...product, key: "b2", created_at: 1, __proto__: null },
    status: 201,
    not: ["created_at"],
  },
  {
    name: "SQL in an id",
    who: "admin",
    method: "PATCH",
    path: "/api/users/'%20OR%201=1",
    body: {},
    status: 400,
    not: ["SQL"],
  },
  {
    name: "the interface's description",
    who: "worker",
    path: "/api/openapi.json",
    status: 200,
    has: ['"openapi":"3.1.0"', '"x-crux-access":"admin"'],
    not: ["/livez"],
  },
]

describe("the answer", () => {
  for (const {
    name,
    who,
    method = "GET",
    path,
    body,
    headers = {},
    status,
    has = [],
    not = [],
  } of scenarios) {
    test(`to ${who}: ${name}`, async () => {
      const answer = await as(who).send(method, path, body, headers)
      const text = await answer.text()
      expect({ status: answer.status, text }).toMatchObject({ status })
      for (const part of has) expect(text).toContain(part)
      for (const part of not) expect(text).not.toContain(part)
    })
  }

  test("carries the headers that keep a browser safe, whatever happened", async () => {
    for (const path of ["/", "/api/session", "/api/nothing"]) {
      const { headers } = await as("nobody").get(path)
      expect(headers.get("content-security-policy")).toContain("default-src 'self'")
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'")
      expect(headers.get("content-security-policy")).not.toContain("unsafe")
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      expect(headers.get("referrer-policy")).toBe("no-referrer")
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin")
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f]{16}$/)
      if (path !== "/") expect(headers.get("cache-control")).toBe("no-store")
    }
  })

  test("of the page is revalidated by its digest", async () => {
    const first = await as("nobody").get("/")
    const etag = first.headers.get("etag")!
    expect((await as("nobody").get("/", { "if-none-match": etag })).status).toBe(304)
  })

  test("of the page is packed for browsers that take it, under another digest", async () => {
    const plain = await as("nobody").get("/")
    const packed = await as("nobody").get("/", { "accept-encoding": "gzip, br" })
    expect(packed.headers.get("content-encoding")).toBe("gzip")
    expect(packed.headers.get("etag")).not.toBe(plain.headers.get("etag"))
    const bytes = Bun.gunzipSync(new Uint8Array(await packed.arrayBuffer()))
    expect(new TextDecoder().decode(bytes)).toBe(await plain.text())
  })

  test("to a failure inside says nothing but the request id, which the log explains", async () => {
    hub.hub.db.exec("ALTER TABLE product RENAME TO hidden_product")
    const answer = await as("worker").get("/api/products")
    hub.hub.db.exec("ALTER TABLE hidden_product RENAME TO product")
    const text = await answer.text()
    expect(answer.status).toBe(500)
    expect(text).not.toContain("product")
    const id = JSON.parse(text).request_id
    expect(hub.log.find((line) => line.includes(id) && line.includes("request_failed"))).toContain(
      "no such table",
    )
  })

  test("to a body above the limit is 413, by its stated and by its real length", async () => {
    const big = JSON.stringify({ key: "x".repeat(1024 * 1024) })
    expect((await as("engineer").post("/api/products", { key: big })).status).toBe(413)
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(" ".repeat(65_536)))
      },
    })
    const answer = await hub.hub.fetch(
      new Request("http://hub.test/api/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: stream,
        duplex: "half",
      } as RequestInit),
    )
    expect(answer.status).toBe(413)
  })
})

describe("a change asked for by another site", () => {
  const foreign: [string, Record<string, string>][] = [
    ["names its origin", { origin: "http://evil.test", "sec-fetch-site": "cross-site" }],
    [
      "is on the same machine under another port",
      { origin: "http://hub.test:81", "sec-fetch-site": "same-site" },
    ],
    ["comes from a browser without Sec-Fetch-Site", { origin: "http://evil.test", "sec-fetch-site": "" }],
    ["comes from a sandboxed page", { origin: "null", "sec-fetch-site": "cross-site" }],
  ]
  for (const [name, headers] of foreign) {
    test(`is refused when it ${name}`, async () => {
      const answer = await as("engineer").post("/api/products", { ...product, key: "evil" }, headers)
      expect(await answer.json()).toMatchObject({ status: 403, key: "cross_site" })
    })
  }

  test("is refused as a form, a text or without naming any origin", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ]) {
      const answer = await as("engineer").post("/api/products", product, { "content-type": type })
      expect(answer.status).toBe(415)
    }
    const bare = new Request("http://hub.test/api/products", {
      method: "POST",
      headers: { cookie: as("engineer").cookie(), "content-type": "application/json" },
      body: JSON.stringify({ ...product, key: "evil" }),
    })
    expect((await hub.hub.fetch(bare)).status).toBe(403)
  })

  test("has changed nothing", async () => {
    expect(await (await as("worker").get("/api/products")).text()).not.toContain("evil")
  })
})
