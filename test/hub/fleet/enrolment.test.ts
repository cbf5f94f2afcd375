import { afterAll, beforeAll, expect, test } from "bun:test"
import { connectDevice, enrol } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.stop())

const invite = async (device: string) => {
  const admin = await hub.as("admin")
  const answer = await admin.post("/api/enrolment-codes", {
    device,
    name: `Station ${device}`,
    pre_approved: true,
  })
  return ((await answer.json()) as { code: string }).code
}
const use = (code: string, device: string, ip?: string) =>
  hub.browser(ip).post("/api/enrol", { code, device })

test("a code works once, for its own device, as people type it", async () => {
  const code = await invite("line-1")
  expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/)
  expect((await use(code, "line-2")).status).toBe(403)
  expect((await use(code.toLowerCase().replaceAll("-", " "), "line-1")).status).toBe(201)
  expect((await use(code, "line-1")).status).toBe(403)
})

test("a code dies after 15 minutes", async () => {
  const code = await invite("line-3")
  hub.clock.pass(15 * 60_000 + 1)
  expect((await use(code, "line-3")).status).toBe(403)
})

test("guessing codes is slowed down for the address that guesses, not for others", async () => {
  for (let i = 0; i < 10; i++) expect((await use(`guess-${i}`, "line-4", "10.0.0.66")).status).toBe(403)
  expect((await use("guess-11", "line-4", "10.0.0.66")).status).toBe(429)
  expect((await use(await invite("line-4"), "line-4", "10.0.0.67")).status).toBe(201)
})

test("only an admin invites or removes a station; a worker sees them", async () => {
  const worker = await hub.as("worker")
  expect((await worker.get("/api/devices")).status).toBe(200)
  expect((await worker.post("/api/enrolment-codes", { device: "line-5", name: "x" })).status).toBe(403)
  expect((await worker.send("DELETE", "/api/devices/line-1")).status).toBe(403)
})

test("neither code nor secret is stored as it is", async () => {
  const code = await invite("line-6")
  const { secret } = (await (await use(code, "line-6")).json()) as { secret: string }
  const stored = JSON.stringify([
    hub.hub.db.prepare("SELECT * FROM device").all(),
    hub.hub.db.prepare("SELECT * FROM enrolment_code").all(),
    hub.hub.db.prepare("SELECT * FROM audit").all(),
    hub.log,
  ])
  expect(stored).not.toContain(secret)
  expect(stored).not.toContain(code.replaceAll("-", ""))
  expect(stored).not.toContain(code)
})

test("a box enrolled anew under a name cuts off the older box, and revisions go on rising", async () => {
  const first = await enrol(hub, "line-7")
  const older = await connectDevice(first)
  const wish = { lines: {}, floor: {}, sampling: { audit: 0, image_ok: "none" as const } }
  const { rev } = hub.hub.fleet.setDesired("line-7", wish)
  const second = await enrol(hub, "line-7")
  expect(second.secret).not.toBe(first.secret)
  await expect(connectDevice(first)).rejects.toThrow("Not authorized")
  expect(older.closed()).toBe(true)
  expect(hub.hub.fleet.setDesired("line-7", wish).rev).toBe(rev + 1)
})
