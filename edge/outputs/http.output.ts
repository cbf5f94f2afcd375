import { pause } from "../cameras/pace.ts"
import { placeOf } from "../place.ts"
import { type OutputDriver, Superseded } from "./output.ts"

export type HttpOutputOptions = {
  name: string
  url: string
  token?: string | undefined
  /** For one try. */
  timeout_ms?: number
  /** Tries after the first; each part's run beside those of the next. */
  retries?: number
  /** For receivers that keep all verdicts and order them by `run` and `seq`: tries again also after a later one. */
  every?: boolean
}

const pauseMs = 200
/** A verdict's first try waits so long for the answer to the one before, so that it does not overtake it on its way. */
const inOrderMs = 50

/**
 * POSTs each verdict as JSON, one after the other while the other side answers within 50 ms. A slower one is not waited
 * for: verdicts may then overtake each other on their way, and `run` and `seq` tell which is the later. What the other side refuses (4xx) is not tried again, what it cannot do just now is, unless
 * a later verdict has gone out meanwhile: whoever acts on the last one it hears must not hear an old one last.
 */
export function createHttpOutput(options: HttpOutputOptions): OutputDriver {
  const { name, url, token, timeout_ms = 1_000, retries = 2, every = false } = options
  let latest = 0
  let before: Promise<unknown> = Promise.resolve()
  const place = placeOf(url)
  const pauses = Array.from({ length: retries }, (_, i) => pauseMs * 2 ** i)

  async function post(
    body: string,
    id: string,
    signal: AbortSignal,
  ): Promise<"done" | { again: boolean; why: string }> {
    const limit = AbortSignal.timeout(timeout_ms)
    try {
      const response = await fetch(url, {
        method: "POST",
        body,
        headers: {
          "content-type": "application/json",
          "idempotency-key": id,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        redirect: "manual",
        signal: AbortSignal.any([signal, limit]),
      })
      await response.body?.cancel()
      if (response.ok) return "done"
      const again = response.status >= 500 || response.status === 429
      return { again, why: `${place} answers HTTP ${response.status}` }
    } catch {
      return {
        again: true,
        why: `${place} ${limit.aborted ? `did not answer within ${timeout_ms} ms` : "does not answer"}`,
      }
    }
  }

  return {
    name,
    limit_ms: timeout_ms * (retries + 1) + pauses.reduce((sum, ms) => sum + ms, 0) + inOrderMs + 100,
    atOnce: 8,
    send: async (message, { signal }) => {
      const body = JSON.stringify(message)
      const { seq = 0 } = message
      latest = Math.max(latest, seq)
      const first = Promise.race([before, Bun.sleep(inOrderMs)]).then(() => post(body, message.id, signal))
      before = first
      for (let attempt = 0; ; attempt++) {
        const outcome = await (attempt === 0 ? first : post(body, message.id, signal))
        if (outcome === "done") return
        const wait = pauses[attempt]
        if (!outcome.again || wait === undefined || !(await pause(wait, signal))) throw new Error(outcome.why)
        if (!every && latest > seq) throw new Superseded(`${outcome.why}; a later verdict has gone out since`)
      }
    },
  }
}
