import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { type Device, EnrolmentCode, EnrolmentRequest } from "#contract/fleet"
import { listOf } from "#contract/list"
import { renewCertificate } from "../../edge/identity.ts"
import { makeRequest, newKeyPem, openCertificateAuthority } from "../../hub/platform/certificate-authority.ts"
import { serveHttp } from "../../hub/serve.bun.ts"
import { createFakeClock, hasFaketime } from "../../scripts/faults/faketime.ts"
import { connectDevice, until } from "../hub/support/device.ts"
import { startTestHub, type TestHub } from "../hub/support/hub.ts"
import { startCrux } from "../system/support/crux.ts"
import { tempFolder } from "./support/kit.ts"
import { spawnEdge } from "./support/process.ts"

let site: TestHub
let url: string
let served: ReturnType<typeof serveHttp>
const cleanups: (() => unknown)[] = []
beforeAll(async () => {
  site = await startTestHub()
  served = serve(0)
  url = `https://127.0.0.1:${served.port}`
  cleanups.push(
    () => site.stop(),
    () => served.stop(),
  )
})
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const serve = (port: number) =>
  serveHttp({
    host: "127.0.0.1",
    port,
    tls_in_front: false,
    certificate: site.hub.tls.web,
    fetch: (request, client) => site.hub.fetch(request, client),
  })
async function invite(device: string) {
  const admin = await site.as("admin")
  const made = await admin.post("/api/enrolment-codes", { device, name: device })
  const { code, ca } = v.parse(EnrolmentCode, await made.json())
  return ["--hub", url, "--device", device, "--enrol", code, "--ca", ca]
}
const station = (...args: string[]) => stationWith({}, ...args)
async function stationWith(env: Record<string, string>, ...args: string[]) {
  const folder = tempFolder()
  await mkdir(join(folder, "line"))
  const edge = spawnEdge(folder, ["--camera", "folder", "--folder", join(folder, "line"), ...args], env)
  cleanups.push(() => edge.child.kill("SIGKILL"))
  return { ...edge, identity: join(folder, "station", "identity.json") }
}
const waiting = (device: string) =>
  until("the station to wait", async () => {
    const answer = await (await site.as("engineer")).get("/api/enrolment-requests")
    return v.parse(listOf(EnrolmentRequest), await answer.json()).items.find((one) => one.device === device)
  })
const decide = async (id: string, how: "approve" | "refuse") =>
  (await site.as("engineer")).post(`/api/enrolment-requests/${id}/${how}`)
const known = async (device: string): Promise<Device | undefined> => site.hub.fleet.get(device)

describe("crux edge at a hub over HTTPS, whose authority it was told", () => {
  test("waits until a person approves what it shows, then goes on by itself, with a key that never left it", async () => {
    const edge = await station(...(await invite("cert-1")), "--certificate")
    const { id, fingerprint, proof } = await waiting("cert-1")
    expect(proof).toBe("certificate")
    await decide(id, "approve")
    await until("the station to be online", async () => (await known("cert-1"))?.presence === "online")
    expect(statSync(edge.identity).mode & 0o777).toBe(0o600)
    const kept = JSON.parse(readFileSync(edge.identity, "utf8"))
    expect([kept.secret, kept.key.includes("PRIVATE KEY")]).toEqual(["", true])
    edge.child.kill("SIGTERM")
    const { code, err } = await edge.ended()
    expect(code).toBe(0)
    expect(err).toContain(`Approve only if it shows ${fingerprint}`)

    // Nothing to do before two thirds of the year; then a new one comes over HTTPS, and is kept before it is used.
    const keys = { newKeyPem, makeRequest }
    const early = await renewCertificate(edge.identity, kept, keys, Date.now())
    expect(early).toBe(kept)
    const renewed = await renewCertificate(edge.identity, kept, keys, Date.now() + 250 * 86_400_000)
    expect(renewed.certificate).not.toBe(kept.certificate)
    expect(JSON.parse(readFileSync(edge.identity, "utf8"))).toEqual(renewed)
  }, 60_000)

  test("ends with a clear sentence when it is refused, and keeps nothing", async () => {
    const edge = await station(...(await invite("cert-2")))
    await decide((await waiting("cert-2")).id, "refuse")
    const { code, err } = await edge.ended()
    expect([code, err]).toEqual([3, expect.stringContaining("this station was not let in")])
    expect(() => statSync(edge.identity)).toThrow()
  }, 60_000)

  test("says what to do when the hub's authority has become another one", async () => {
    const first = await station(...(await invite("cert-4")))
    await decide((await waiting("cert-4")).id, "approve")
    await until("the station to be online", async () => (await known("cert-4"))?.presence === "online")
    first.child.kill("SIGTERM")
    await first.ended()
    // For the station it is the same whichever of the two has changed.
    const other = await openCertificateAuthority({ dataDir: tempFolder() })
    const kept = JSON.parse(readFileSync(first.identity, "utf8"))
    kept.mqtt.ca = other.pem
    writeFileSync(first.identity, JSON.stringify(kept))
    const folder = join(first.identity, "../..")
    const again = startCrux([
      ...["edge", "--data", join(folder, "station")],
      ...["--camera", "folder", "--folder", join(folder, "line")],
    ])
    cleanups.push(() => again.child.kill("SIGKILL"))
    await again.says(/another authority than this station was enrolled with/)
    again.child.kill("SIGTERM")
    expect((await again.ended()).code).toBe(0)
  }, 60_000)

  test("does not show its code to a hub with another authority", async () => {
    const other = await openCertificateAuthority({ dataDir: tempFolder() })
    const told = [...(await invite("cert-3")).slice(0, -1), other.fingerprint]
    const { code, err } = await (await station(...told)).ended()
    expect([code, err]).toEqual([3, expect.stringContaining("its certificate is another")])
  }, 60_000)

  // Last: the hub's clock goes on by most of a year.
  const reason = hasFaketime()
  if (reason !== undefined) console.warn(`renewal while running is not tested here: ${reason}`)
  test.skipIf(reason !== undefined)(
    "renews its certificate while it runs, and goes on with the new one; the old one is worth nothing then",
    async () => {
      const clock = createFakeClock(join(tempFolder(), "time"))
      const edge = await stationWith(clock.env, ...(await invite("cert-5")), "--certificate")
      await decide((await waiting("cert-5")).id, "approve")
      await until("the station to be online", async () => (await known("cert-5"))?.presence === "online")
      const identity = () => JSON.parse(readFileSync(edge.identity, "utf8"))
      const before = identity()
      const proof = { key: before.key, cert: before.certificate }
      const endBefore = (await known("cert-5"))?.certificate_expires_at ?? 0

      const ahead = 250 * 86_400_000
      site.clock.pass(ahead)
      clock.set("+250d")
      await site.hub.checkCertificates()
      const { port } = served
      await served.stop()
      served = serve(port)
      // Somebody with its key pushes it out for a moment: it comes back, and looks at its certificate.
      await Bun.sleep(1_500)
      const intruder = await connectDevice(before, proof)
      await intruder.end()
      await until("a new certificate", () => identity().certificate !== before.certificate)
      // It may have come back with the old one while the new one was on its way: that must not cost it the new one.
      const second = await connectDevice(before, proof).catch(() => undefined)
      await second?.end()
      await until("the new one in use", async () => {
        const now = await known("cert-5")
        return now?.presence === "online" && (now.certificate_expires_at ?? 0) > endBefore + ahead / 2
      })
      await until("the end of the old one", async () => {
        const old = await connectDevice(before, proof).catch(() => undefined)
        await old?.end()
        return old === undefined
      })
      edge.child.kill("SIGTERM")
      expect((await edge.ended()).code).toBe(0)
    },
    90_000,
  )
})
