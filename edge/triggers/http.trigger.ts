import { createHash, timingSafeEqual } from "node:crypto"
import { Problem } from "#contract/problem"
import { readTrigger, type Trigger, type TriggerSink, triggerBytes } from "./trigger.ts"

export type HttpTriggerOptions = {
  host: string
  port: number
  /** Demanded as `Authorization: Bearer …` when set; without it only this machine may be listened to. */
  token?: string | undefined
}

/**
 * `POST /trigger` on a port of the station: a PLC, a light barrier's controller, a test with curl. Throws a Problem
 * when the port is taken, or would be open to the network without a token.
 */
export function createHttpTrigger({ host, port, token }: HttpTriggerOptions): Trigger & { port: number } {
  if (token === undefined && !isLoopback(host)) {
    throw new Problem(
      "invalid",
      "trigger_open",
      `A trigger port on ${host} is open to the network and needs a token. Set one, or listen on 127.0.0.1.`,
    )
  }
  let sink: TriggerSink | undefined
  const server = serve()
  return {
    port: server.port ?? port,
    listen: async (to, signal) => {
      sink = to
      signal.addEventListener(
        "abort",
        () => {
          sink = undefined
          void server.stop(true)
        },
        { once: true },
      )
    },
  }

  function serve() {
    try {
      return Bun.serve({
        hostname: host,
        port,
        maxRequestBodySize: triggerBytes,
        idleTimeout: 10,
        fetch: (request) => (sink ? answer(request, sink) : problem(503, "The station is not ready yet.")),
        error: () => problem(400, "The request is not understood."),
      })
    } catch (error) {
      throw new Problem(
        "unavailable",
        "trigger_port",
        `The trigger cannot listen on ${host}:${port}. Stop the program that uses the port, or choose another.`,
        {},
        error,
      )
    }
  }

  async function answer(request: Request, sink: TriggerSink): Promise<Response> {
    if (new URL(request.url).pathname !== "/trigger") return problem(404, "There is only POST /trigger.")
    if (request.method !== "POST") return problem(405, "A trigger is a POST.", { allow: "POST" })
    if (!mayTrigger(request)) {
      sink.refuse("an HTTP request without the right token")
      return problem(401, "The token is missing or wrong.", { "www-authenticate": "Bearer" })
    }
    let fired: ReturnType<TriggerSink["fire"]>
    try {
      fired = sink.fire(readTrigger(await request.text()))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      sink.refuse(why)
      return problem(400, why)
    }
    if (fired.taken) return Response.json({ id: fired.id }, { status: 202 })
    return Response.json(
      {
        id: fired.id,
        missed: "The station could not take a picture. The part is undecidable and must not pass.",
      },
      { status: 503 },
    )
  }

  /** Without a token a page in a browser on this machine must not trigger either: browsers name their origin. */
  function mayTrigger(request: Request): boolean {
    if (token === undefined) return request.headers.get("origin") === null
    const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? ""
    const digest = (text: string) => createHash("sha256").update(text).digest()
    return timingSafeEqual(digest(given), digest(token))
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)
}

function problem(status: number, title: string, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify({ type: "about:blank", title, status })}\n`, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  })
}
