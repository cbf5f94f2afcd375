#!/usr/bin/env bun
import { mkdir, rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress } from "node:zlib"
import sharp from "sharp"
import { makeIfStale } from "./build/fingerprint.ts"

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
 * Builds the UI into `outdir`: `index.html`, `work.html` (never cached) and `assets/*` (names carry a content hash: cache for ever).
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
  const style = await Bun.build({
    ...common,
    entrypoints: [join(root, "ui/main.css"), join(root, "ui/opening/first.css")],
  })
  // One file that shares nothing with the others: it is all that is run before the first part is seen.
  const opening = await Bun.build({
    ...common,
    entrypoints: [join(root, "ui/opening/work.ts")],
    // A plain script runs a little sooner than a module.
    format: "iife",
  })
  const fonts = await buildFonts(assets)
  const entry = (outputs: { path: string; kind: string }[], name: string, end: string) => {
    const found = outputs.find(
      ({ path, kind }) =>
        basename(path).startsWith(`${name}-`) &&
        path.endsWith(end) &&
        (end === ".css" || kind === "entry-point"),
    )
    if (!found) throw new Error(`the build made no ${name}${end} entry`)
    return `/assets/${basename(found.path)}`
  }
  const scripts = new Map(
    await Promise.all(
      script.outputs.map(
        async (output) => [`/assets/${basename(output.path)}`, await output.text()] as const,
      ),
    ),
  )
  const worker = [...scripts.keys()].filter((path) => workScreen.test(path))
  const early = graphOf([entry(script.outputs, "main", ".js"), ...worker], scripts)
  const chunk = (name: string) => {
    const found = [...scripts.keys()]
      .map((path) => basename(path))
      .find((file) => file.startsWith(`${name}-`))
    if (!found) throw new Error(`the build made no ${name}`)
    return found
  }
  const icon = await Bun.file(join(root, "ui/icon.svg")).text()
  const iconName = `icon-${shortHash(icon)}.svg`
  await Bun.write(join(assets, iconName), icon)
  const [main, mainStyle] = [entry(script.outputs, "main", ".js"), entry(style.outputs, "main", ".css")]
  const page = async (name: string) =>
    (await Bun.file(join(root, "ui", name)).text())
      .replace("./fonts.css", `/assets/${fonts}`)
      .replace("./icon.svg", `/assets/${iconName}`)
  const index = (await page("index.html"))
    .replace("./main.tsx", main)
    .replace("./main.css", mainStyle)
    .replace("  </head>", `${early.map(preload).join("")}  </head>`)
  await Bun.write(join(outdir, "index.html"), index)
  const screens = {
    main,
    style: mainStyle,
    fonts: `/assets/${fonts}`,
    scripts: early,
    words: Object.fromEntries(languages.map((code) => [code, `/assets/${chunk(code)}`])),
  }
  // In the page and not beside it: a slow tablet pays for every file it fetches. The hub lets these run by their hash.
  const within = async (tag: "style" | "script", path: string) => {
    const file = Bun.file(join(outdir, path))
    const text = await file.text()
    if (/<\/(style|script)|<!--/i.test(text)) throw new Error(`${path} would end its own element`)
    await file.delete()
    return () => `<${tag}>${text}</${tag}>`
  }
  const work = (await page("work.html"))
    .replace("<style></style>", await within("style", entry(style.outputs, "first", ".css")))
    .replace("<script></script>", await within("script", entry(opening.outputs, "work", ".js")))
    .replace('id="screens">', (start) => start + JSON.stringify(screens))
  await Bun.write(join(outdir, "work.html"), work)
  await buildIcons(outdir, icon)
  await Bun.write(
    join(outdir, "manifest.webmanifest"),
    await Bun.file(join(root, "ui/manifest.webmanifest")).text(),
  )
  await buildWorker(outdir, minify)
  if (minify) await packTexts(assets)
  return uiFiles(outdir)
}

/** Where the screens of this very source lie built. */
export async function builtUi(): Promise<string> {
  await makeIfStale("dist/ui", ["ui", "hub/contract", "scripts/build-ui.ts"], () => buildUi())
  return join(root, "dist/ui")
}

/** In which the screens speak; each has its words in a file of its own. */
const languages = ["ko", "en"] as const

/** What the work screen is made of: most who open the hub are workers, and nothing of theirs waits for something else. */
const workScreen = /\/(label\.screen|outbox|kept)-[^/]+\.js$/
const preload = (path: string) => `    <link rel="modulepreload" href="${path}" />\n`

/** These scripts and all they import, each once. */
function graphOf(entries: readonly string[], scripts: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>()
  const add = (path: string): void => {
    const text = scripts.get(path)
    if (text === undefined || found.has(path)) return
    found.add(path)
    for (const [, next = ""] of text.matchAll(/(?:from|import)\s*"([^"]+)"/g)) add(next)
  }
  entries.forEach(add)
  return [...found]
}

/** For home screens, which take no drawings. A maskable one may be cut to a circle: its sign stays in the middle. */
async function buildIcons(outdir: string, drawing: string): Promise<void> {
  const png = (size: number, svg: string) =>
    sharp(Buffer.from(svg), { density: 72 * (size / 64) })
      .resize(size, size)
      .png()
      .toBuffer()
  await Bun.write(join(outdir, "icon-192.png"), await png(192, drawing))
  await Bun.write(join(outdir, "icon-512.png"), await png(512, drawing))
  const whole = drawing
    .replace('viewBox="0 0 64 64"', 'viewBox="-10 -10 84 84"')
    .replace(/<rect[^>]*>/, '<rect x="-10" y="-10" width="84" height="84" fill="#14181c"/>')
  await Bun.write(join(outdir, "icon-maskable-512.png"), await png(512, whole))
}

/**
 * The service worker with the files it holds: all but the pieces of the font, which it keeps as they are used. Its name
 * is fixed (browsers look there for the next one), so its text must change with any file.
 */
async function buildWorker(outdir: string, minify: boolean): Promise<void> {
  const files = (await uiFiles(outdir)).map(({ path }) => path)
  const held = files
    // The page of the work screen is the hub's to fill in.
    .filter((path) => !path.endsWith(".woff2") && path !== "work.html")
    .map((path) => (path === "index.html" ? "/" : `/${path}`))
  const texts = await Promise.all(files.map((path) => Bun.file(join(outdir, path)).bytes()))
  const build = shortHash(texts.map(shortHash).join())
  const made = await Bun.build({
    entrypoints: [join(root, "ui/sw.ts")],
    target: "browser",
    format: "iife",
    minify,
    define: { CRUX_BUILD: JSON.stringify(build), CRUX_FILES: JSON.stringify(held) },
  })
  await Bun.write(join(outdir, "sw.js"), await made.outputs[0]!.text())
}

const brotli = promisify(brotliCompress)

/** Beside each text what it is in Brotli, a seventh less than what the hub would make of it in passing: too slow to be done there. */
async function packTexts(folder: string): Promise<void> {
  const texts = await Array.fromAsync(new Bun.Glob("*.{js,css,svg}").scan(folder))
  const pack = async (name: string) => {
    const path = join(folder, name)
    await Bun.write(`${path}.br`, await brotli(await Bun.file(path).bytes()))
  }
  await Promise.all(texts.map(pack))
}

/** What has been built, by name. */
export async function uiFiles(outdir: string): Promise<UiFile[]> {
  const files: UiFile[] = []
  for await (const path of new Bun.Glob("**/*").scan(outdir)) {
    if (path.endsWith(".br")) continue
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
