import { secureHeaders } from "hono/secure-headers"

/**
 * Nothing from outside, nothing inline (OWASP ASVS 5.0 §3.4). Images also come from memory (`blob:`, canvas `data:`),
 * and the tablet decodes them in a worker of its own.
 */
export const securityHeaders = secureHeaders({
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
