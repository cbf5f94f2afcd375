import type { Page } from "playwright-core"
import type { Role } from "#contract/users"
import { theHub } from "../../../hub/platform/audit.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { builtUi } from "../../../scripts/build-ui.ts"
import { startTestHub, testPassword } from "../../hub/support/hub.ts"
import { assetsOf } from "./built.ts"

/** A real hub with the built screens, at an address a browser can open. */
export async function startRealHub() {
  const ui = await builtUi()
  const test = await startTestHub({ ports: { openAsset: assetsOf(ui) } })
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => test.hub.fetch(request, { ip: "127.0.0.1" }),
  })
  const url = `http://127.0.0.1:${server.port}`
  return {
    ...test,
    url,
    /** Where the built screens lie. */
    ui,
    /** Signs a new person in on a page and opens the work. */
    async signIn(page: Page, role: Role, language: "ko" | "en" = "ko"): Promise<void> {
      const login = `${role}-${systemIds.random(4)}`
      await test.hub.users.create(theHub, { login, name: login, role, language, password: testPassword })
      await page.goto(`${url}/label`)
      await page.getByTestId("signin-login").fill(login)
      await page.getByTestId("signin-password").fill(testPassword)
      await page.getByTestId("signin-submit").click()
      await page.getByTestId("label-canvas").waitFor()
    },
    async stop() {
      await server.stop(true)
      await test.stop()
    },
  }
}
