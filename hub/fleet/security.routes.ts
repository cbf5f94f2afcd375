import { Hono } from "hono"
import { type CertificateAlarm, Security } from "#contract/security"
import { allow, doc, type HubEnv, open } from "../http/kit.ts"

/** What the doors know; asked at each request. */
export type SecurityFacts = Omit<Security, "ca" | "certificates">

export function createSecurityRoutes({
  trust,
  certificates,
  security,
}: {
  trust: { pem: string; fingerprint: string }
  certificates: () => CertificateAlarm[]
  security: () => SecurityFacts
}) {
  return new Hono<HubEnv>()
    .get(
      "/api/ca.pem",
      open("a certificate is public; a station compares its fingerprint"),
      doc("The certificate that stations pin and tablets trust.", { 200: "application/x-pem-file" }),
      (c) =>
        c.body(trust.pem, 200, {
          "content-type": "application/x-pem-file",
          "content-disposition": 'attachment; filename="crux-ca.pem"',
        }),
    )
    .get(
      "/api/security",
      allow("engineer"),
      doc("How the hub's doors are locked, and what they turned away.", { 200: Security }),
      (c) => c.json({ ca: trust.fingerprint, certificates: certificates(), ...security() }),
    )
}
