import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { Device, EnrolmentCode } from "#contract/fleet"
import type { List } from "#contract/list"
import { Security } from "#contract/security"
import { certificateStep } from "../../../hub/fleet/certificate.rules.ts"
import { makeRequest, newKeyPem } from "../../../hub/platform/certificate-authority.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

const day = 86_400_000

describe("how urgent the end of a certificate is", () => {
  const step = (days: number, renewedWithDays?: number) =>
    certificateStep({ expiresAt: days * day, renewedWithDays }, 0)

  test("is told 60, 30 and 7 days before, and when it has ended", () => {
    expect([90, 61, 60, 31, 30, 8, 7, 0.5, 0, -3].map((days) => step(days))).toEqual([
      undefined,
      undefined,
      60,
      60,
      30,
      30,
      7,
      7,
      0,
      0,
    ])
  })
  test("is nobody's business while the certificate renews itself, until a day after it should have", () => {
    expect(step(30, 30)).toBeUndefined()
    expect(step(29.5, 30)).toBeUndefined()
    expect(step(29, 30)).toBe(30)
    expect(step(60, 122)).toBe(60)
  })
})

describe("certificates that nobody renews", () => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await startTestHub()
    const admin = await hub.as("admin")
    const made = await admin.post("/api/enrolment-codes", {
      device: "away",
      name: "Away",
      pre_approved: true,
    })
    const { code } = v.parse(EnrolmentCode, await made.json())
    const csr = await makeRequest(newKeyPem(), "away")
    expect((await hub.browser().post("/api/enrol", { code, device: "away", csr })).status).toBe(201)
  })
  afterAll(() => hub.stop())

  const security = async () =>
    v.parse(Security, await (await (await hub.as("engineer")).get("/api/security")).json())
  const station = async () => {
    const { items } = (await (await (await hub.as("worker")).get("/api/devices")).json()) as List<unknown>
    return v.parse(Device, items[0])
  }
  const told = () =>
    hub.hub.fleet.events("away", 10).filter(({ event }) => event.kind === "certificate_expires")

  test("a station that stays away is told of three times and once more when it is over; the hub's own renews itself", async () => {
    await hub.hub.checkCertificates()
    expect((await security()).certificates).toEqual([])
    expect((await station()).certificate_within_days).toBeUndefined()
    for (const [pass, days] of [
      [306, 60],
      [30, 30],
      [23, 7],
      [10, 0],
    ] as const) {
      hub.clock.pass(pass * day)
      await hub.hub.checkCertificates()
      // Looking twice tells once.
      await hub.hub.checkCertificates()
      const { certificates } = await security()
      expect(certificates).toMatchObject([{ of: "station", device: "away", name: "Away", within_days: days }])
      expect((await station()).certificate_within_days).toBe(days)
    }
    expect(told().map(({ event }) => [event.level, event.detail.within_days])).toEqual([
      ["alarm", 0],
      ["alarm", 7],
      ["warn", 30],
      ["warn", 60],
    ])
    expect(hub.log.filter((line) => line.includes("certificate_expires"))).toHaveLength(4)
  })

  test("the hub's own is told of when it cannot be renewed, and no more once it is", async () => {
    const own = async () => (await security()).certificates.filter(({ of }) => of === "hub")
    // Its folder is gone, so a new one cannot be kept.
    const keys = join(hub.folder, "keys")
    const moved = `${keys}.away`
    const { renameSync } = await import("node:fs")
    renameSync(keys, moved)
    hub.clock.pass(84 * day)
    await hub.hub.checkCertificates()
    expect(await own()).toMatchObject([{ of: "hub", within_days: 7 }])
    rmSync(keys, { recursive: true, force: true })
    renameSync(moved, keys)
    await hub.hub.checkCertificates()
    expect(await own()).toEqual([])
  })
})
