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

/** The bundler puts a content hash into the name; such a file never changes. */
const hashedName = /[-.][a-z0-9]{8,}\.[a-z0-9]+$/i

/** The screens. A path without a file extension is a screen's address, so it gets the page (deep links, reload). */
export function createUiRoutes({ openAsset }: { openAsset: OpenAsset }): Hono<HubEnv> {
  return new Hono<HubEnv>().get("/*", open("the page itself holds no data"), async (c) => {
    const name = c.req.path.slice(1)
    if (name === "api" || name.startsWith("api/"))
      throw new Problem("not_found", "route", "there is no such address")
    const isFile = /\.[a-z0-9]+$/i.test(name)
    const path = isFile ? name : "index.html"
    const bytes = await openAsset(`ui/${path}`)
    if (!bytes) throw new Problem("not_found", "page", "there is no such page")
    const etag = `"${createHash("sha256").update(bytes).digest("base64url")}"`
    c.header("ETag", etag)
    c.header("Cache-Control", hashedName.test(path) ? "public, max-age=31536000, immutable" : "no-cache")
    if (c.req.header("if-none-match") === etag) return c.body(null, 304)
    const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase()
    c.header("Content-Type", mediaTypes[extension] ?? "application/octet-stream")
    return c.body(bytes)
  })
}
