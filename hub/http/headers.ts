import type { MiddlewareHandler } from "hono"
import { secureHeaders } from "hono/secure-headers"

/** The headers of every answer; one that names its own content security policy (stored images do) keeps it. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  let own: string | null = null
  await forPages(c, async () => {
    await next()
    own = c.res.headers.get("content-security-policy")
  })
  if (own !== null) c.res.headers.set("content-security-policy", own)
}

/**
 * Nothing from outside, nothing inline (OWASP ASVS 5.0 §3.4). Images also come from memory (`blob:`, canvas `data:`),
 * and the tablet decodes them in a worker of its own.
 */
const forPages = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", "blob:", "data:"],
    workerSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  crossOriginOpenerPolicy: "same-origin",
  crossOriginResourcePolicy: "same-origin",
  referrerPolicy: "no-referrer",
  xContentTypeOptions: "nosniff",
  xFrameOptions: "DENY",
  // An expired private certificate under HSTS would lock every tablet out; the admin turns it on in front of us.
  strictTransportSecurity: false,
})
