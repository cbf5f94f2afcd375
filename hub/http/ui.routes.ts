import { createHash } from "node:crypto"
import type { Context } from "hono"
import { Hono } from "hono"
import { firstPicture } from "#contract/first-picture"
import type { Opening } from "#contract/opening"
import { Problem } from "#contract/problem"
import { policyFor } from "./headers.ts"
import { type HubEnv, open } from "./kit.ts"
import { readSessionToken, readTabletToken, writeTabletToken } from "./session-cookie.ts"

/** Bytes of a shipped file by name, e.g. "ui/index.html"; null when there is none. */
export type OpenAsset = (name: string) => Promise<Uint8Array<ArrayBuffer> | null>

const mediaTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  webmanifest: "application/manifest+json",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  ico: "image/x-icon",
  woff2: "font/woff2",
  wasm: "application/wasm",
  txt: "text/plain; charset=utf-8",
}

/** The build puts a content hash into every name in there; such a file never changes. */
const unchanging = /^assets\//
const worthPacking = /^(text\/|application\/(json|manifest)|image\/svg)/

/** What the work screen needs at once, for whoever these credentials belong to. */
export type OpenWork = (session: string, tablet: string | undefined) => Opening | null

/** Where the page of the work screen is given what it carries. */
const slot = "<!-- opening -->"

/**
 * The screens. A path without a file extension is a screen's address, so it gets the page (deep links, reload). That of
 * the work screen carries the first part for whoever is signed in: a slow tablet need not ask.
 */
export function createUiRoutes({
  openAsset,
  openWork,
}: {
  openAsset: OpenAsset
  openWork: OpenWork
}): Hono<HubEnv> {
  const pack = createPacker()
  /** The page of the work screen before it carries anything, and what may run in it. */
  let work: { text: string; policy: string } | undefined

  async function file(c: Context<HubEnv>): Promise<Response> {
    const name = c.req.path.slice(1)
    if (name === "api" || name.startsWith("api/"))
      throw new Problem("not_found", "route", "there is no such address")
    const path = /\.[a-z0-9]+$/i.test(name) ? name : "index.html"
    const bytes = await openAsset(`ui/${path}`)
    if (!bytes) throw new Problem("not_found", "page", "there is no such page")
    const type = mediaTypes[path.slice(path.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream"
    const packing = worthPacking.test(type) ? await packingOf(c, path) : null
    const digest = createHash("sha256").update(bytes).digest("base64url")
    // The packed bytes are another representation and need a name of their own (RFC 9110 §8.8.3.3).
    const etag = packing ? `"${digest}-${packing.coding}"` : `"${digest}"`
    c.header("ETag", etag)
    c.header("Vary", "Accept-Encoding")
    c.header("Cache-Control", unchanging.test(path) ? "public, max-age=31536000, immutable" : "no-cache")
    if (c.req.header("if-none-match") === etag) return c.body(null, 304)
    c.header("Content-Type", type)
    if (!packing) return c.body(bytes)
    c.header("Content-Encoding", packing.coding)
    return c.body(packing.bytes ?? (await pack(digest, bytes)))
  }

  /** Brotli, which browsers take over TLS alone, is made by the build. Null for a client that takes neither. */
  async function packingOf(c: Context<HubEnv>, path: string) {
    const bytes = accepts(c, "br") ? await openAsset(`ui/${path}.br`) : null
    if (bytes) return { coding: "br", bytes }
    return accepts(c, "gzip") ? { coding: "gzip", bytes: undefined } : null
  }

  return new Hono<HubEnv>()
    .get(
      "/label",
      open("to whom its cookie signs in it carries what that session may read, to others nothing"),
      async (c) => {
        const token = readSessionToken(c)
        // A page that is fetched on suspicion is not looked at: it must not hold a part.
        const isLookedAt = c.req.method === "GET" && !c.req.header("sec-purpose") && !c.req.header("purpose")
        const template = token !== undefined && isLookedAt ? await openAsset("ui/work.html") : null
        if (token === undefined || !template) return file(c)
        const credential = readTabletToken(c)
        const opening = openWork(token, credential)
        if (!opening) return file(c)
        // As at every start of the screens.
        if (credential !== undefined && opening.tablet.tablet) writeTabletToken(c, credential)
        const text = new TextDecoder().decode(template)
        const page = new TextEncoder().encode(text.replace(slot, () => carried(opening)))
        if (work?.text !== text) work = { text, policy: policyFor(text) }
        c.header("Content-Security-Policy", work.policy)
        c.header("Cache-Control", "no-store")
        c.header("Content-Type", mediaTypes.html ?? "")
        c.header("Vary", "Accept-Encoding, Cookie")
        if (!accepts(c, "gzip")) return c.body(page)
        c.header("Content-Encoding", "gzip")
        return c.body(await gzip(page))
      },
    )
    .get("/*", open("the page itself holds no data"), file)
}

const accepts = (c: Context<HubEnv>, coding: "br" | "gzip"): boolean =>
  (c.req.header("accept-encoding") ?? "").split(",").some((offer) => {
    const [name, quality] = offer.split(";").map((part) => part.trim())
    // A weight of zero refuses (RFC 9110 §12.4.2).
    return name === coding && !/^q=0(\.0*)?$/.test(quality ?? "")
  })

/** Data and no script: whatever a name in it says, it cannot end the element it stands in. */
function carried(opening: Opening): string {
  const image = opening.task?.inspection.image
  const data = JSON.stringify(opening).replaceAll("<", "\\u003c")
  const picture = image
    ? `<link rel="preload" as="image" href="${firstPicture(image)}" fetchpriority="high" />`
    : ""
  return `${picture}<script type="application/json" id="opening">${data}</script>`
}

/** Compresses each content once; there are only as many as the build has files. */
function createPacker() {
  const known = new Map<string, Promise<Uint8Array<ArrayBuffer>>>()
  return (digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
    const packed = known.get(digest) ?? gzip(bytes)
    known.set(digest, packed)
    return packed
  }
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
