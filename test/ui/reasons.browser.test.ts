import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser } from "playwright-core"
import { createOutbound } from "../../hub/platform/outbound.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"
import { makeDeliveries } from "./support/world/programs.ts"
import { makeJobs } from "./support/world/training.ts"

const available = await hasBrowser()
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  fixture = await startFixture({ ui: await builtUi(), pictures: 4, width: 320 })
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
})

/** What the hub itself says when it cannot ask somebody. */
async function outboundSays(): Promise<Record<"slow" | "away" | "nameless" | "closed", string>> {
  const silent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Bun.sleep(5_000).then(() => new Response()),
  })
  const outbound = createOutbound({
    allow: "127.0.0.0/8",
    lookUp: () => Promise.reject(new Error("no such name")),
  })
  const saidOf = (url: string) =>
    outbound.fetch(url, { timeoutMs: 100, most: 1_000 }).then(
      () => "",
      (error: Error) => error.message,
    )
  const slow = await saidOf(silent.url.href)
  await silent.stop(true)
  return {
    slow,
    away: await saidOf(silent.url.href),
    nameless: await saidOf("http://listener.plant.local/"),
    closed: await saidOf("http://10.9.8.7/"),
  }
}

const failures = [
  "training needs at least 4 readable good images",
  "interrupted twice: the hub was stopped during this job",
  "no OK parts in the training split",
]

const words = {
  ko: {
    deliveries: [
      "상대 프로그램이 503번 오류로 답했습니다",
      "제때 답하지 않았습니다",
      "그 주소에 연결할 수 없습니다",
      "그 주소에 연결할 수 없습니다",
      "허용되지 않은 주소입니다",
      "주고받지 못했습니다",
    ],
    jobs: ["양품을 4장 이상", "허브가 두 번 꺼졌습니다", "관리자에게 알려 주세요"],
    detail: "기술 정보: ",
  },
  en: {
    deliveries: [
      "answered with error 503",
      "did not answer in time",
      "That address cannot be reached",
      "That address cannot be reached",
      "may not ask this address",
      "Nothing could be exchanged",
    ],
    jobs: ["Judge at least 4 OK parts", "The hub was stopped twice", "tell an admin"],
    detail: "Technical detail: ",
  },
}

describe.skipIf(!available)(
  "what went wrong is told in the person's words, what was said stands below",
  () => {
    for (const language of ["ko", "en"] as const)
      test(`by another program, and of a training (${language})`, async () => {
        const { page, close } = await openTablet(browser, { width: 1280, height: 800, language })
        const said = await outboundSays()
        const errors = [
          "the listener answered 503",
          said.slow,
          said.away,
          said.nameless,
          said.closed,
          "the answer is longer than 65536 bytes",
        ]
        const [delivery] = makeDeliveries(Date.now())
        await page.route("**/api/webhooks/*/deliveries*", (route) =>
          route.fulfill({
            json: {
              items: errors.map((last_error, i) => ({ ...delivery!, id: `msg_${i}`, last_error })),
              next: null,
            },
          }),
        )
        const failed = makeJobs(Date.now()).find(({ state }) => state === "failed")!
        const jobs = failures.map((error, i) => ({
          ...failed,
          id: failed.id.replace(/.$/, String(i)),
          error,
        }))
        await page.route("**/api/training/jobs*", (route) =>
          route.fulfill({ json: { items: jobs, next: null } }),
        )

        await page.goto(fixture.url)
        await page.getByTestId("signin-login").fill("admin")
        await page.getByTestId("signin-password").fill(fixturePassword)
        await page.getByTestId("signin-submit").tap()
        await page.getByTestId("home-label").waitFor()
        await page.evaluate(
          (wanted) =>
            fetch("/api/session", {
              method: "PATCH",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ language: wanted }),
            }).then(() => undefined),
          language,
        )

        const expected = words[language]
        await page.goto(`${fixture.url}/connections`)
        await page.getByTestId("connections-deliveries").first().tap()
        const rows = page.getByTestId("connections-delivery")
        await rows.first().waitFor()
        const shown = await rows.allInnerTexts()
        for (const [i, error] of errors.entries()) {
          expect(shown[i]).toContain(expected.deliveries[i]!)
          expect(shown[i]).toContain(expected.detail + error)
        }

        await page.goto(`${fixture.url}/training`)
        await page
          .locator(".row-error")
          .nth(failures.length - 1)
          .waitFor()
        const trainings = await page.locator(".row-main", { has: page.locator(".row-error") }).allInnerTexts()
        for (const [i, error] of failures.entries()) {
          expect(trainings[i]).toContain(expected.jobs[i]!)
          expect(trainings[i]).toContain(expected.detail + error)
        }
        await close()
      }, 60_000)
  },
)
