import { afterAll, beforeAll, expect, test } from "bun:test"
import * as v from "valibot"
import { Opening } from "#contract/opening"
import { theHub } from "../../hub/platform/audit.ts"
import { type Browser, startTestHub, type TestHub, testPassword } from "./support/hub.ts"
import { storeParts } from "./support/parts.ts"

let hub: TestHub

beforeAll(async () => {
  const pages: Record<string, string> = {
    "ui/index.html": "<!doctype html><title>index</title>",
    "ui/work.html": "<!doctype html><title>work</title><!-- opening --><p>end</p><script>first()</script>",
  }
  hub = await startTestHub({
    ports: {
      openAsset: async (name) => (pages[name] ? new TextEncoder().encode(pages[name]) : null),
    },
  })
  const engineer = await hub.as("engineer")
  await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
})
afterAll(() => hub.stop())

const leases = () => hub.hub.db.prepare<{ n: number }>("SELECT count(*) AS n FROM label_lease").get()?.n

/** What the page carries, and the page. */
async function openWork(browser: Pick<Browser, "get">) {
  const answer = await browser.get("/label")
  const page = await answer.text()
  const data = /<script type="application\/json" id="opening">(.*?)<\/script>/s.exec(page)?.[1]
  return { answer, page, opening: data === undefined ? undefined : v.parse(Opening, JSON.parse(data)) }
}

test("the page of the work screen carries who is signed in and a part that is leased to them", async () => {
  storeParts(hub, 2)
  const worker = await hub.as("worker")
  const { answer, page, opening } = await openWork(worker)
  expect(answer.headers.get("cache-control")).toBe("no-store")
  expect(opening?.session.user.id).toBe(worker.userId)
  expect(opening?.kinds.map(({ key }) => key)).toContain("scratch")
  const task = opening?.task
  expect(page).toContain(`href="/api/images/${task?.inspection.image?.sha256}"`)
  expect(page).toContain("<p>end</p>")
  // What the page itself brings may run, by its hash; nothing else that stands in it.
  const policy = answer.headers.get("content-security-policy")
  const hash = new Bun.CryptoHasher("sha256").update("first()").digest("base64")
  expect(policy).toContain(`script-src 'self' 'sha256-${hash}';`)
  expect(policy).toContain("default-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain("unsafe")
  // It is handed to nobody else, and the label is taken under its lease.
  const other = await hub.as("worker")
  const next = await (await other.post("/api/labelling/next", {})).json()
  expect(next.inspection.id).not.toBe(task?.inspection.id)
  const stored = await worker.post("/api/labels", {
    id: Bun.randomUUIDv7(),
    inspection_id: task?.inspection.id,
    lease_id: task?.lease.id,
    verdict: "ok",
    kinds: [],
    boxes: [],
    accepted: false,
    shown_at: 1,
    decided_at: 2,
    active_ms: 1,
  })
  expect(stored.status).toBe(201)
})

test("strangers get the plain page, and so does what is fetched on suspicion or for its head", async () => {
  storeParts(hub, 3)
  const before = leases()
  const stranger = await openWork(hub.browser())
  expect(stranger.page).toContain("<title>index</title>")
  expect(stranger.answer.headers.get("cache-control")).toBe("no-cache")
  const worker = await hub.as("worker")
  for (const headers of [{ "sec-purpose": "prefetch;prerender" }, { purpose: "prefetch" }])
    expect(await (await worker.get("/label", headers)).text()).toContain("<title>index</title>")
  expect((await worker.send("HEAD", "/label")).status).toBe(200)
  expect(leases()).toBe(before)
  expect(await (await worker.get("/labels-of-others")).text()).toContain("<title>index</title>")
  expect(await (await worker.get("/")).text()).toContain("<title>index</title>")
})

test("a session that has ended opens nothing", async () => {
  const worker = await hub.as("worker")
  const cookie = worker.cookie()
  await worker.send("DELETE", "/api/session")
  const answer = await worker.get("/label", { cookie })
  expect(await answer.text()).toContain("<title>index</title>")
})

test("no name can end the element that the data stands in", async () => {
  const name = "</script><script>alert(1)</script><!--"
  const login = "mallory"
  await hub.hub.users.create(theHub, { login, name, role: "worker", language: "en", password: testPassword })
  const browser = hub.browser()
  expect((await browser.post("/api/session", { login, password: testPassword })).status).toBe(201)
  const { page, opening } = await openWork(browser)
  expect(opening?.session.user.name).toBe(name)
  // That of the data, and that of the page itself.
  expect(page.match(/<\/script>/g)).toHaveLength(2)
  expect(page.match(/<script>[^<]*/g)).toEqual(["<script>first()"])
})
