import { createHash } from "node:crypto"

export type Credentials = { user: string; password: string }
export type Challenge = { scheme: "basic" } | { scheme: "digest"; params: Record<string, string> }

const hashes: Record<string, string> = { MD5: "md5", "SHA-256": "sha256" }

/**
 * Reads `WWW-Authenticate`; Digest where the camera offers one we can answer (RFC 7616: MD5 or SHA-256, qop auth or the
 * old form without), else Basic, else undefined.
 */
export function readChallenge(header: string | null): Challenge | undefined {
  if (header === null) return undefined
  // Several challenges stand in one header, and commas also stand between the parameters of each.
  const starts = [...header.matchAll(/(?:^|,\s*)(Digest|Basic)(?=\s|$|,)/gi)]
  const challenges = starts.map((start, i) => ({
    scheme: start[1]!.toLowerCase(),
    params: paramsOf(header.slice(start.index + start[0].length, starts[i + 1]?.index)),
  }))
  const digest = challenges.find(
    ({ scheme, params }) =>
      scheme === "digest" &&
      (params.algorithm ?? "MD5").toUpperCase() in hashes &&
      params.realm !== undefined &&
      params.nonce !== undefined &&
      (params.qop === undefined || params.qop.split(/\s*,\s*/).includes("auth")),
  )
  if (digest) return { scheme: "digest", params: digest.params }
  return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined
}

function paramsOf(text: string): Record<string, string> {
  const found = text.matchAll(/([a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi)
  return Object.fromEntries(
    [...found].map(([, name, quoted, bare]) => [
      name!.toLowerCase(),
      quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "",
    ]),
  )
}

/** The value of `Authorization` for one request. `count` rises with each use of the same challenge. */
export function authorize(
  challenge: Challenge,
  { user, password }: Credentials,
  request: { method: string; uri: string; count: number; cnonce: string },
): string {
  if (challenge.scheme === "basic") return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
  const { realm = "", nonce = "", opaque, qop, algorithm } = challenge.params
  const { method, uri, cnonce } = request
  const hash = (text: string) =>
    createHash(hashes[(algorithm ?? "MD5").toUpperCase()] ?? "md5")
      .update(text)
      .digest("hex")
  const nc = request.count.toString(16).padStart(8, "0")
  const [secret, what] = [hash(`${user}:${realm}:${password}`), hash(`${method}:${uri}`)]
  const response = hash(
    qop === undefined ? `${secret}:${nonce}:${what}` : `${secret}:${nonce}:${nc}:${cnonce}:auth:${what}`,
  )
  const quoted = Object.entries({
    username: user,
    realm,
    nonce,
    uri,
    response,
    ...(opaque && { opaque }),
  }).map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`)
  const bare = [
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    ...(qop === undefined ? [] : ["qop=auth", `nc=${nc}`, `cnonce="${cnonce}"`]),
  ]
  return `Digest ${[...quoted, ...bare].join(", ")}`
}
