#!/usr/bin/env bun
import { mkdir, rm } from "node:fs/promises"
import { basename, join } from "node:path"

/** One file of the built UI; `gzip` is its size on the wire. */
export type UiFile = { path: string; size: number; gzip: number }

const root = join(import.meta.dir, "..")
const fontFolder = join(root, "node_modules/pretendard/dist/web/variable")

/** First 10 hex digits of the SHA-256: enough to tell two builds of one file apart. */
function shortHash(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 10)
}

/**
 * Writes the variable Pretendard in its 92 unicode-range pieces, so that a tablet on bad Wi-Fi fetches the ~300 KB
 * its words need and not 2 MB. Done by hand because Bun's CSS bundler inlines small files as data: URLs,
 * which `default-src 'self'` forbids.
 */
async function buildFonts(assets: string): Promise<string> {
  const css = await Bun.file(join(fontFolder, "pretendardvariable-dynamic-subset.css")).text()
  const names = new Map<string, string>()
  for (const [, file] of css.matchAll(/url\(\.\/woff2-dynamic-subset\/([^)]+)\)/g)) {
    if (file === undefined || names.has(file)) continue
    const bytes = await Bun.file(join(fontFolder, "woff2-dynamic-subset", file)).bytes()
    const hashed = `${file.replace(/^PretendardVariable\.subset\./, "pretendard-").replace(/\.woff2$/, "")}-${shortHash(bytes)}.woff2`
    await Bun.write(join(assets, hashed), bytes)
    names.set(file, hashed)
  }
  const out = css
    .replace(/url\(\.\/woff2-dynamic-subset\/([^)]+)\)/g, (_, file: string) => `url(${names.get(file)})`)
    .replace(/\/\* \[\d+\] \*\/|[\n\t]/g, "")
  const name = `fonts-${shortHash(out)}.css`
  await Bun.write(join(assets, name), out)
  return name
}

/**
 * Builds the UI into `outdir`: `index.html` (never cached) and `assets/*` (names carry a content hash: cache for ever).
 * @throws AggregateError with Bun's build messages.
 */
export async function buildUi(outdir = join(root, "dist/ui"), minify = true): Promise<UiFile[]> {
  const assets = join(outdir, "assets")
  await rm(outdir, { recursive: true, force: true })
  await mkdir(assets, { recursive: true })
  const naming = { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" }
  const common = { outdir: assets, minify, target: "browser", naming, publicPath: "/assets/" } as const
  const script = await Bun.build({
    ...common,
    entrypoints: [join(root, "ui/main.tsx")],
    splitting: true,
    define: { "process.env.NODE_ENV": '"production"' },
  })
  const style = await Bun.build({ ...common, entrypoints: [join(root, "ui/main.css")] })
  const fonts = await buildFonts(assets)
  const entry = (outputs: { path: string; kind: string }[], end: string) => {
    const found = outputs.find((o) => o.path.endsWith(end) && (end === ".css" || o.kind === "entry-point"))
    if (!found) throw new Error(`the build made no ${end} entry`)
    return `/assets/${basename(found.path)}`
  }
  const icon = await Bun.file(join(root, "ui/icon.svg")).text()
  const iconName = `icon-${shortHash(icon)}.svg`
  await Bun.write(join(assets, iconName), icon)
  const html = (await Bun.file(join(root, "ui/index.html")).text())
    .replace("./main.tsx", entry(script.outputs, ".js"))
    .replace("./main.css", entry(style.outputs, ".css"))
    .replace("./fonts.css", `/assets/${fonts}`)
    .replace("./icon.svg", `/assets/${iconName}`)
  await Bun.write(join(outdir, "index.html"), html)
  return measure(outdir)
}

async function measure(outdir: string): Promise<UiFile[]> {
  const files: UiFile[] = []
  for await (const path of new Bun.Glob("**/*").scan(outdir)) {
    const bytes = await Bun.file(join(outdir, path)).bytes()
    files.push({ path, size: bytes.length, gzip: Bun.gzipSync(bytes).length })
  }
  return files.sort((a, b) => a.path.localeCompare(b.path))
}

if (import.meta.main) {
  const files = await buildUi(process.argv[2])
  for (const f of files.filter((f) => /\.(js|css|html)$/.test(f.path)))
    console.log(`${String(f.size).padStart(8)} ${String(f.gzip).padStart(8)} gz  ${f.path}`)
  const fonts = files.filter((f) => f.path.endsWith(".woff2"))
  console.log(
    `${String(fonts.reduce((n, f) => n + f.size, 0)).padStart(8)}              ${fonts.length} font pieces`,
  )
}
