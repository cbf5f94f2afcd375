import { copyFile, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { ensureBackbone } from "../models/backbone/convert.ts"
import { makeIfStale } from "./build/fingerprint.ts"
import { builtUi } from "./build-ui.ts"

const root = join(import.meta.dirname, "..")

/** Of the typeface of the screens the two weights that reports are printed in. */
async function copyFonts(): Promise<void> {
  await mkdir(join(root, "dist/fonts"), { recursive: true })
  for (const weight of ["Regular", "Bold"]) {
    const name = `Pretendard-${weight}.otf`
    await copyFile(
      join(root, "node_modules/pretendard/dist/public/static", name),
      join(root, "dist/fonts", name),
    )
  }
}

/**
 * Makes what the program needs beside its packages: the default backbone, the built screens, the fonts of reports. Quick
 * when fresh.
 */
export async function prepare(): Promise<void> {
  await ensureBackbone()
  await makeIfStale("dist/fonts", ["scripts/prepare.ts"], copyFonts)
  await builtUi()
}

if (import.meta.main) await prepare()
