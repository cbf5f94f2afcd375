import { expect } from "bun:test"
import * as v from "valibot"
import { JobView } from "#contract/registry"
import { testPassword } from "../support/hub.ts"
import { fillHub } from "./kit.ts"

export const engineerLogin = "engineer"
export type Client = Awaited<ReturnType<typeof createClient>>

/** An engineer at a hub that is a process of its own. */
export async function createClient(url: string) {
  let cookie = ""
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const raw = body instanceof Uint8Array
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        origin: url,
        cookie,
        ...(body !== undefined && {
          "content-type": raw ? "application/octet-stream" : "application/json",
        }),
      },
      ...(body !== undefined && { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
    })
    cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0])[0] ?? cookie
    return answer
  }
  const items = async (path: string) =>
    ((await (await send("GET", path)).json()) as { items: Record<string, unknown>[] }).items
  const signedIn = await send("POST", "/api/session", { login: engineerLogin, password: testPassword })
  expect(signedIn.status).toBe(201)
  const golden = (await (await send("GET", "/api/golden")).json()) as { ok: number }
  if (golden.ok === 0)
    await fillHub({
      send,
      get: (path) => send("GET", path),
      post: (path, body) => send("POST", path, body),
      cookie: () => cookie,
    })
  return {
    send,
    hire: async (id: string): Promise<string> =>
      ((await (await send("POST", "/api/trainers", { id })).json()) as { token: string }).token,
    recipes: async () => (await items("/api/training/recipes")).map(({ id }) => id),
    models: async () => (await items("/api/models")).map(({ digest }) => String(digest)),
    async start(recipe: object): Promise<string> {
      const answer = await send("POST", "/api/training/jobs", { recipe })
      expect(answer.status).toBe(201)
      return ((await answer.json()) as { id: string }).id
    },
    job: async (id: string): Promise<JobView> =>
      v.parse(JobView, await (await send("GET", `/api/training/jobs/${id}`)).json()),
  }
}
