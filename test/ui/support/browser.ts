import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"

const executablePath = process.env.CRUX_CHROMIUM ?? "/usr/bin/chromium"

/** Whether a browser is at hand; tests that need one are skipped elsewhere. */
export const hasBrowser = (): Promise<boolean> => Bun.file(executablePath).exists()

/** Headless, and silent towards the network: nothing but the page's own requests. */
export function openBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  })
}

export type View = {
  width: number
  height: number
  locale?: string
  dark?: boolean
  touch?: boolean
  theme?: "auto" | "light" | "dark" | "contrast"
  language?: "ko" | "en"
  /** Somebody has clicked the warning of a certificate away. */
  clickedThrough?: boolean
}

/** A tablet with its settings, and everything its console complained about. */
export async function openTablet(browser: Browser, view: View) {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    hasTouch: view.touch ?? true,
    locale: view.locale ?? "ko-KR",
    colorScheme: view.dark ? "dark" : "light",
    ignoreHTTPSErrors: view.clickedThrough ?? false,
  })
  const prefs = JSON.stringify({ language: view.language ?? "ko", theme: view.theme ?? "auto" })
  await context.addInitScript((stored) => {
    localStorage.setItem("crux.prefs", stored)
    // As on a tablet that has been here before: its typeface is shown from the first frame on.
    localStorage.setItem("crux.typeface", "yes")
  }, prefs)
  const page: Page = await context.newPage()
  const complaints: string[] = []
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  page.setDefaultTimeout(10_000)
  return { context, page, complaints, close: () => context.close() }
}
