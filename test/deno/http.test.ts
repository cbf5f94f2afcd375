import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { type DenoChild, spawnDeno } from "./deno.ts"

/** The hub on Deno, reached over loopback as a browser would. */
let child: DenoChild
let url: string
let setupCode: string
let cookie = ""

beforeAll(async () => {
  child = spawnDeno("http.deno.ts")
  const hello: { port: number; setupCode: string } = JSON.parse(await firstLine(child))
  url = `http://127.0.0.1:${hello.port}`
  setupCode = hello.setupCode
}, 30_000)

afterAll(async () => {
  child.stdin.end()
  await child.exited
})

async function send(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(method === "GET" ? {} : { origin: url, "sec-fetch-site": "same-origin" }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(cookie ? { cookie } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie
  return answer
}

describe("the hub's HTTP side on Deno", () => {
  test("says that it is ready", async () => {
    expect((await send("GET", "/readyz")).status).toBe(200)
  })

  test("refuses a stranger with problem details", async () => {
    const answer = await send("GET", "/api/users")
    expect(answer.status).toBe(401)
    expect(answer.headers.get("content-type")).toStartWith("application/problem+json")
    expect(await answer.json()).toMatchObject({ code: "unauthenticated", status: 401 })
  })

  test("makes the first admin with the setup code and keeps the session", async () => {
    expect(await (await send("GET", "/api/setup")).json()).toEqual({ needed: true })
    const admin = {
      code: setupCode,
      login: "kim",
      name: "김철수",
      password: "a torque wrench in spring",
      language: "ko",
    }
    expect((await send("POST", "/api/setup", admin)).status).toBe(201)
    const session = await send("GET", "/api/session")
    expect(await session.json()).toMatchObject({ user: { login: "kim", name: "김철수", role: "admin" } })
  })

  test("checks a body against its schema", async () => {
    const answer = await send("POST", "/api/users", { login: "x" })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: "invalid" })
  })

  test("describes itself as OpenAPI 3.1", async () => {
    const document = await (await send("GET", "/api/openapi.json")).json()
    expect(document.openapi).toStartWith("3.1")
    expect(Object.keys(document.paths)).toContain("/api/session")
  })
})

async function firstLine(child: DenoChild): Promise<string> {
  let text = ""
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const end = text.indexOf("\n")
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error(`Deno ended early: ${await new Response(child.stderr).text()}`)
}
