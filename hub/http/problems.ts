import type { Context } from "hono"
import { HTTPException } from "hono/http-exception"
import { Problem, type ProblemBody, type ProblemCode, problemStatus } from "#contract/problem"
import type { Log } from "#platform/log"
import { SQLITE, sqliteCodeOf } from "#platform/sqlite"
import type { HubEnv } from "./kit.ts"

/** Any thrown value as the Problem a person may see. What we did not foresee says nothing but the request id. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof HTTPException) return fromStatus(error)
  if (((sqliteCodeOf(error) ?? 0) & 0xff) === SQLITE.full || isDiskFull(error))
    return new Problem("unavailable", "no_space", "the hub's disk is full; nothing was stored", {}, error)
  return new Problem("internal", "internal", "the hub failed; nothing was changed", {}, error)
}

function fromStatus(error: HTTPException): Problem {
  const code = (Object.keys(problemStatus) as ProblemCode[]).find(
    (name) => problemStatus[name] === error.status,
  )
  if (code === undefined || code === "internal")
    return new Problem("internal", "internal", "the hub failed; nothing was changed", {}, error)
  // Hono's own refusals (a malformed body, mostly) are fixed sentences without details of ours.
  return new Problem(code, code === "invalid" ? "input" : code, error.message, {}, error)
}

const isDiskFull = (error: unknown) =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")

/** Answers with `application/problem+json` (RFC 9457); unforeseen errors go to the log with their stack. */
export function answerProblem(c: Context<HubEnv>, error: unknown, log: Log): Response {
  const problem = asProblem(error)
  const requestId = c.get("requestId")
  if (problem.code === "internal" || problem.code === "unavailable") {
    const cause = problem.cause instanceof Error ? problem.cause : problem
    log.error("request_failed", { request_id: requestId, error: String(cause), stack: cause.stack ?? null })
  }
  const body: ProblemBody = {
    type: "about:blank",
    title: problem.message,
    status: problem.status,
    code: problem.code,
    key: problem.key,
    params: problem.params,
    request_id: requestId,
  }
  c.header("Content-Type", "application/problem+json")
  c.header("Cache-Control", "no-store")
  const wait = problem.params.seconds
  if (problem.code === "rate_limited" && wait !== undefined) c.header("Retry-After", String(wait))
  return c.body(JSON.stringify(body), problemStatus[problem.code])
}
