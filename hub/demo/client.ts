import * as v from "valibot"
import { Problem, ProblemBody } from "#contract/problem"
import type { Role, Session } from "#contract/users"

/**
 * The hub's public HTTP API as one signed-in account sees it; the demo has no other way in.
 * Refusals come back as the hub's own `Problem`; a hub that cannot be reached as `unavailable`.
 */
export type HubClient = {
  get<T>(path: string): Promise<T>
  /** Null on 204. */
  post<T>(path: string, body?: unknown): Promise<T | null>
  delete(path: string): Promise<void>
  /** Sends raw bytes, e.g. an image with its meta in the query. */
  upload<T>(path: string, bytes: Uint8Array, mime: string): Promise<T>
  bytes(path: string): Promise<Uint8Array>
}

export function createHubClient(base: string): HubClient {
  let cookie = ""

  async function request(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
    const headers: Record<string, string> = { origin: base, "sec-fetch-site": "same-origin" }
    if (cookie) headers.cookie = cookie
    if (type) headers["content-type"] = type
    const answer = await fetch(base + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    }).catch((cause) => {
      throw new Problem("unavailable", "hub_away", `the hub at ${base} does not answer`, {}, cause)
    })
    const set = answer.headers.get("set-cookie")
    if (set) cookie = set.split(";", 1)[0] ?? ""
    if (answer.ok) return answer
    const text = await answer.text()
    const problem = v.safeParse(v.pipe(v.string(), v.parseJson(), ProblemBody), text)
    if (!problem.success)
      throw new Problem("internal", "answer", `${method} ${path}: ${answer.status} ${text.slice(0, 200)}`)
    const { code, key, title, params } = problem.output
    throw new Problem(code, key, `${method} ${path}: ${title}`, params)
  }

  return {
    get: async <T>(path: string) => (await request("GET", path)).json() as Promise<T>,
    post: async <T>(path: string, body?: unknown) => {
      const answer = await request("POST", path, JSON.stringify(body ?? {}), "application/json")
      return answer.status === 204 ? null : ((await answer.json()) as T)
    },
    delete: async (path) => void (await request("DELETE", path)),
    upload: async <T>(path: string, bytes: Uint8Array, mime: string) =>
      (await request("POST", path, bytes as Uint8Array<ArrayBuffer>, mime)).json() as Promise<T>,
    bytes: async (path) => (await request("GET", path)).bytes(),
  }
}

export type Account = { login: string; name: string; role: Role; password: string; language: "ko" | "en" }

export async function signIn(base: string, account: Pick<Account, "login" | "password">): Promise<HubClient> {
  const client = createHubClient(base)
  await client.post<Session>("/api/session", { login: account.login, password: account.password })
  return client
}
