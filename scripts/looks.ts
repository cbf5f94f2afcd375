#!/usr/bin/env bun
import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import { loadSharp } from "#models/native"
import { openBrowser, openTablet } from "../test/ui/support/browser.ts"
import { startFixture } from "../test/ui/support/fixture.ts"
import { lookOf, shotOf } from "../test/ui/support/looks.ts"
import { walk } from "../test/ui/support/screens.ts"
import { builtUi } from "./build-ui.ts"

/** Photographs anew what the screens are to look like (`test/ui/looks`). Whoever runs it looks at every picture that changes. */
const fixture = await startFixture({ ui: await builtUi(), pictures: 8, width: 320 })
const browser = await openBrowser()
try {
  const sharp = await loadSharp()
  const { page, close } = await openTablet(browser, { width: 1280, height: 800, language: "ko" })
  page.setDefaultTimeout(60_000)
  await walk({ page, fixture, language: "ko", pictured: true }, async ({ picture }) => {
    if (picture === undefined) return
    await page.waitForLoadState("networkidle")
    await page.waitForTimeout(500)
    const path = lookOf(picture)
    await mkdir(dirname(path), { recursive: true })
    await sharp(await shotOf(page))
      .resize(320, 200)
      .webp({ quality: 80 })
      .toFile(path)
    console.log(path)
  })
  await close()
} finally {
  await browser.close()
  await fixture.stop()
}
