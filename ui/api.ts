import * as v from "valibot"
import { listOf } from "#contract/list"
import { ProblemBody, type ProblemCode } from "#contract/problem"

/** What a failed request tells a person: the hub's problem, or that there was no (readable) answer. */
export type Trouble = {
  code: ProblemCode | "network" | "answer"
  key: string
  params: Record<string, string | number>
  requestId?: string
}

/** Thrown by every call of the API. `trouble` has words in `problem.*`. */
class ApiError extends Error {
  readonly trouble: Trouble
  constructor(trouble: Trouble, cause?: unknown) {
    super(`${trouble.code}/${trouble.key}`, { cause })
    this.name = "ApiError"
    this.trouble = trouble
  }
}

type Schema<T> = v.GenericSchema<unknown, T>
/** What a call may bring along beside its body. */
type With = { headers?: Record<string, string>; signal?: AbortSignal }
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** Whether trying the same request again later can succeed: no answer, or the hub is overloaded or broken. */
export const mayRetry = (trouble: Trouble): boolean =>
  ["network", "unavailable", "rate_limited", "internal", "unauthenticated"].includes(trouble.code)

async function troubleOf(response: Response): Promise<Trouble> {
  const body = v.safeParse(ProblemBody, await response.json().catch(() => undefined))
  if (body.success) {
    const { code, key, params, request_id } = body.output
    return { code, key, params, requestId: request_id }
  }
  // A proxy or a hub that is just stopping answers without a problem body.
  return {
    code: response.status >= 500 ? "unavailable" : "answer",
    key: "http",
    params: { status: response.status },
  }
}

/**
 * The hub's HTTP API. Same origin, cookie session; every answer is parsed by the contract's schema, so a screen
 * never meets a shape it was not written for.
 */
export function createApi(deps: {
  fetch: (path: string, init: RequestInit) => Promise<Response>
  onSignedOut: () => void
}) {
  async function send(method: Method, path: string, body: unknown, extra: With = {}): Promise<Response> {
    const { headers, signal } = extra
    let response: Response
    try {
      response = await deps.fetch(path, {
        method,
        credentials: "same-origin",
        headers: {
          Accept: "application/json",
          ...(body === undefined
            ? {}
            : { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      })
    } catch (cause) {
      if (signal?.aborted) throw cause
      throw new ApiError({ code: "network", key: "network", params: {} }, cause)
    }
    if (response.ok) return response
    const trouble = await troubleOf(response)
    // A wrong PIN or pass is no end of the session; only its own absence is.
    if (trouble.key === "sign_in" && path !== "/api/session") deps.onSignedOut()
    throw new ApiError(trouble)
  }

  async function read<T>(response: Response, schema: Schema<T>): Promise<T> {
    const parsed = v.safeParse(schema, await response.json().catch(() => undefined))
    if (parsed.success) return parsed.output
    const issue = parsed.issues[0]
    throw new ApiError({
      code: "answer",
      key: "answer",
      params: { path: v.getDotPath(issue) ?? "", why: issue.message },
    })
  }

  return {
    get: async <T>(path: string, schema: Schema<T>, signal?: AbortSignal): Promise<T> =>
      read(await send("GET", path, undefined, signal ? { signal } : {}), schema),
    text: async (path: string, signal?: AbortSignal): Promise<string> =>
      (await send("GET", path, undefined, signal ? { signal } : {})).text(),
    /** The items of one page of a list. */
    list: async <T>(path: string, item: Schema<T>, signal?: AbortSignal): Promise<T[]> =>
      (await read(await send("GET", path, undefined, signal ? { signal } : {}), listOf(item))).items,
    post: async <T>(path: string, body: unknown, schema: Schema<T>, extra?: With): Promise<T> =>
      read(await send("POST", path, body, extra), schema),
    /** A file as the body. */
    upload: async <T>(path: string, file: Blob, schema: Schema<T>): Promise<T> =>
      read(
        await send("POST", path, file, { headers: { "Content-Type": "application/octet-stream" } }),
        schema,
      ),
    put: async <T>(path: string, body: unknown, schema: Schema<T>): Promise<T> =>
      read(await send("PUT", path, body), schema),
    patch: async <T>(path: string, body: unknown, schema: Schema<T>): Promise<T> =>
      read(await send("PATCH", path, body), schema),
    /** Sends a file as it is. */
    file: async <T>(path: string, file: Blob, schema: Schema<T>): Promise<T> =>
      read(await send("POST", path, file), schema),
    /** For answers without a body that matters. */
    run: async (method: Method, path: string, body?: unknown): Promise<void> => {
      await send(method, path, body)
    },
    /** Null on 204. */
    maybe: async <T>(method: Method, path: string, body: unknown, schema: Schema<T>): Promise<T | null> => {
      const response = await send(method, path, body)
      return response.status === 204 ? null : read(response, schema)
    },
  }
}
export type Api = ReturnType<typeof createApi>

export const imageUrl = (sha256: string): string => `/api/images/${sha256}`
/** A tile of a large image; at level n its pixels stand for 2ⁿ × 2ⁿ of the image. */
export const tileUrl = (sha256: string, level: number, x: number, y: number): string =>
  `/api/images/${sha256}/tiles/${level}/${x}/${y}`
/** `max` = longest side in pixels. */
export const thumbUrl = (sha256: string, max: number): string => `/api/images/${sha256}/thumb?max=${max}`

export const asTrouble = (error: unknown): Trouble =>
  error instanceof ApiError
    ? error.trouble
    : { code: "answer", key: "answer", params: { why: String(error) } }
