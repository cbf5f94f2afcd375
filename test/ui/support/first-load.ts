import { join } from "node:path"
import type { UiFile } from "../../../scripts/build-ui.ts"

/**
 * What a browser must have before a screen can be used: the page, everything that it and the screen import, and the words
 * of one language.
 */
export async function firstLoad(
  folder: string,
  files: readonly UiFile[],
  screen: string,
  language: "ko" | "en",
): Promise<UiFile[]> {
  const found = new Map<string, UiFile>()
  const add = async (path: string): Promise<void> => {
    const file = files.find((known) => known.path === path)
    if (!file || found.has(path) || /\.(woff2|svg)$/.test(path)) return
    found.set(path, file)
    const text = await Bun.file(join(folder, path)).text()
    const named = path.endsWith(".html")
      ? text.matchAll(/"\/(assets\/[^"]+)"/g)
      : text.matchAll(/(?:from|import)\s*"\/(assets\/[^"]+)"/g)
    for (const [, next = ""] of named) await add(next)
  }
  await add("index.html")
  for (const name of [screen, language]) {
    const own = files.find(({ path }) => path.startsWith(`assets/${name}-`) && path.endsWith(".js"))
    if (!own) throw new Error(`the build has no ${name}`)
    await add(own.path)
  }
  return [...found.values()]
}
