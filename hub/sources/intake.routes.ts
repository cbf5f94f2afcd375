import { type Context, Hono } from "hono"
import * as v from "valibot"
import { DeviceId } from "#contract/ids"
import { Problem } from "#contract/problem"
import { maxSourceBytes, SourceReceipt } from "#contract/source"
import type { Clock } from "#platform/clock"
import { clientIp, doc, forMachines, type HubEnv, open, param } from "../http/kit.ts"
import { createBodyBudget, messageOf, readBody } from "./body.ts"
import type { Intake } from "./intake.service.ts"
import type { Sources } from "./sources.service.ts"

/** Wrong tokens taken per address and minute. */
const wrongPerMinute = 20

/** The door for cameras that post: `POST /api/in/{source}`. */
export function createIntakeRoutes({
  sources,
  intake,
  clock,
}: {
  sources: Pick<Sources, "isTokenOf" | "profile">
  intake: Pick<Intake, "take" | "refuse">
  clock: Clock
}) {
  const budget = createBodyBudget()
  const wrong = new Map<string, { minute: number; count: number }>()

  const checkToken = (c: Context<HubEnv>, source: string): void => {
    const ip = clientIp(c)
    const minute = Math.floor(clock.now() / 60_000)
    for (const [key, entry] of wrong) if (entry.minute !== minute) wrong.delete(key)
    const count = wrong.get(ip)?.count ?? 0
    if (count >= wrongPerMinute)
      throw new Problem("rate_limited", "source_token", "too many wrong tokens; try again in a minute", {
        seconds: 60,
      })
    const token = tokenOf(c)
    if (token !== undefined && sources.isTokenOf(source, new TextEncoder().encode(token))) return
    // A first request without a token is how many cameras ask which way to sign in: it is not counted.
    if (token !== undefined) wrong.set(ip, { minute, count: count + 1 })
    c.header("WWW-Authenticate", 'Basic realm="CRUX", charset="UTF-8"')
    throw new Problem("unauthenticated", "source_token", "this source is unknown, off, or has another token")
  }

  return new Hono<HubEnv>().post(
    "/api/in/:source",
    open("the source's token is the right"),
    forMachines(),
    doc(
      "Take what a camera sends: an image as it is, a form with an image, or JSON. Sign in with the source's token " +
        "as bearer token, or as password with any name.",
      { 200: SourceReceipt, 201: SourceReceipt, 202: SourceReceipt },
    ),
    param(v.object({ source: DeviceId })),
    async (c) => {
      const { source } = c.req.valid("param")
      checkToken(c, source)
      const profile = sources.profile(source)
      const refuse = (code: string, size: number) =>
        intake.refuse(source, { via: "http", topic: c.req.path, size }, code)
      const said = Number(c.req.header("content-length") ?? profile.max_bytes)
      if (profile.kind !== "http") {
        refuse("not_over_http", said)
        throw new Problem("conflict", "source_way", "the profile of this source does not read HTTP")
      }
      if (!/^(identity)?$/i.test(c.req.header("content-encoding") ?? "")) {
        refuse("packed", said)
        throw new Problem("unsupported", "content_encoding", "send the body as it is, not packed")
      }
      // A form is a little longer than the picture in it.
      const most = Math.min(maxSourceBytes, profile.max_bytes) + 64 * 1024
      const giveBack = budget.take(Math.min(said, most))
      try {
        const bytes = await readBody(c.req.raw, most).catch((error: unknown) => {
          if (error instanceof Problem && error.code === "too_large") refuse("too_large", said)
          throw error
        })
        const outcome = await intake.take(source, await messageOf(c.req.raw, bytes))
        const { st, id, code, detail } = outcome
        if (st === "later")
          throw new Problem("unavailable", code ?? "store_failed", "not stored; send it again later")
        if (st === "quarantined" && code === "too_large")
          throw new Problem("too_large", "body", detail ?? "", { max: profile.max_bytes })
        const status = st === "stored" ? 201 : st === "quarantined" ? 202 : 200
        return c.json({ st, ...(id && { id }), ...(code && { code }) }, status)
      } finally {
        giveBack()
      }
    },
  )
}

/** Bearer, the password of Basic, or `?token=` for cameras that can do nothing but call an address. */
function tokenOf(c: Context<HubEnv>): string | undefined {
  const authorization = c.req.header("authorization") ?? ""
  const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(authorization) ?? []
  if (/^bearer$/i.test(scheme)) return value
  if (/^basic$/i.test(scheme)) {
    const text = Buffer.from(value, "base64").toString()
    return text.slice(text.indexOf(":") + 1)
  }
  return c.req.query("token")
}
