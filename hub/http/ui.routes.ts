import { createHash } from "node:crypto"
import { Hono } from "hono"
import { Problem } from "#contract/problem"
import { type HubEnv, open } from "./kit.ts"

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

/** The screens. A path without a file extension is a screen's address, so it gets the page (deep links, reload). */
export function createUiRoutes({ openAsset }: { openAsset: OpenAsset }): Hono<HubEnv> {
  const pack = createPacker()
  return new Hono<HubEnv>().get("/*", open("the page itself holds no data"), async (c) => {
    const name = c.req.path.slice(1)
    if (name === "api" || name.startsWith("api/"))
      throw new Problem("not_found", "route", "there is no such address")
    const path = /\.[a-z0-9]+$/i.test(name) ? name : "index.html"
    const bytes = await openAsset(`ui/${path}`)
    if (!bytes) throw new Problem("not_found", "page", "there is no such page")
    const type = mediaTypes[path.slice(path.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream"
    const packed = worthPacking.test(type) && /\bgzip\b/.test(c.req.header("accept-encoding") ?? "")
    const digest = createHash("sha256").update(bytes).digest("base64url")
    // The packed bytes are another representation and need a name of their own (RFC 9110 §8.8.3.3).
    const etag = packed ? `"${digest}-gzip"` : `"${digest}"`
    c.header("ETag", etag)
    c.header("Vary", "Accept-Encoding")
    c.header("Cache-Control", unchanging.test(path) ? "public, max-age=31536000, immutable" : "no-cache")
    if (c.req.header("if-none-match") === etag) return c.body(null, 304)
    c.header("Content-Type", type)
    if (!packed) return c.body(bytes)
    c.header("Content-Encoding", "gzip")
    return c.body(await pack(digest, bytes))
  })
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
