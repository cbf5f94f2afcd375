import { createHash } from "node:crypto"
import type { MiddlewareHandler } from "hono"
import { secureHeaders } from "hono/secure-headers"

/**
 * Nothing from outside, nothing inline (OWASP ASVS 5.0 §3.4). Images also come from memory (`blob:`, canvas `data:`),
 * and the tablet decodes them in a worker of its own.
 */
const directives = {
  "default-src": "'self'",
  "img-src": "'self' blob: data:",
  "worker-src": "'self'",
  "object-src": "'none'",
  "base-uri": "'none'",
  "form-action": "'self'",
  "frame-ancestors": "'none'",
}
const policyOf = (of: Readonly<Record<string, string>>) =>
  Object.entries(of)
    .map(([name, from]) => `${name} ${from}`)
    .join("; ")
const policy = policyOf(directives)

/** The same for a page of ours that holds a script and a style in itself: these, by their hash, and no others. */
export function policyFor(page: string): string {
  const own = (tag: "script" | "style") =>
    [...page.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(
      ([, text = ""]) => ` 'sha256-${createHash("sha256").update(text).digest("base64")}'`,
    )
  return policyOf({
    ...directives,
    "script-src": `'self'${own("script").join("")}`,
    "style-src": `'self'${own("style").join("")}`,
  })
}

/** The headers of every answer; one that names its own content security policy (stored images do) keeps it. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await others(c, next)
  if (!c.res.headers.has("content-security-policy")) c.res.headers.set("content-security-policy", policy)
}

const others = secureHeaders({
  crossOriginOpenerPolicy: "same-origin",
  crossOriginResourcePolicy: "same-origin",
  referrerPolicy: "no-referrer",
  xContentTypeOptions: "nosniff",
  xFrameOptions: "DENY",
  // An expired private certificate under HSTS would lock every tablet out; the admin turns it on in front of us.
  strictTransportSecurity: false,
})
