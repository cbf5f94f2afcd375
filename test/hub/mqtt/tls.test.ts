import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { connect as connectSocket, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls"
import * as v from "valibot"
import { type Device, Enrolment, EnrolmentCode } from "#contract/fleet"
import type { List } from "#contract/list"
import { Security } from "#contract/security"
import { createHub } from "../../../hub/hub.ts"
import {
  makeRequest,
  newKeyPem,
  openCertificateAuthority,
} from "../../../hub/platform/certificate-authority.ts"
import { bunPorts } from "../../../hub/ports.bun.ts"
import { readConfig } from "../../../hub/read-config.ts"
import { connectDevice, frameOf, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"

// A handshake of TLS may have to wait for its turn on a busy machine.
setDefaultTimeout(60_000)

let hub: TestHub
let admin: Browser
let engineer: Browser
const signIn = async () => {
  admin = await hub.as("admin")
  engineer = await hub.as("engineer")
}
beforeAll(async () => {
  hub = await startTestHub()
  await signIn()
})
afterAll(() => hub.stop())

/** Enrols through the front door and keeps what the hub answers, TLS and all. */
async function enrolled(device: string, csr?: string) {
  const made = await admin.post("/api/enrolment-codes", { device, name: device, pre_approved: true })
  const { code, ca } = v.parse(EnrolmentCode, await made.json())
  const answer = await hub.browser().post("/api/enrol", { code, device, ...(csr && { csr }) })
  if (answer.status !== 201) throw new Error(await answer.text())
  return { ca, enrolment: v.parse(Enrolment, await answer.json()) }
}
async function withCertificate(device: string) {
  const key = newKeyPem()
  const { enrolment } = await enrolled(device, await makeRequest(key, device))
  return { enrolment, key, cert: enrolment.certificate ?? "" }
}
const handshake = (options: ConnectionOptions) =>
  new Promise<{ serial: string; protocol: string | null }>((resolve, reject) => {
    const socket: TLSSocket = connectTls(
      { host: "127.0.0.1", port: hub.hub.mqttTlsPort(), ...options },
      () => {
        resolve({ serial: socket.getPeerCertificate().serialNumber, protocol: socket.getProtocol() })
        socket.destroy()
      },
    )
    socket.on("error", reject)
  })
const turnedAway = async (reason: string) => {
  const { turned_away } = v.parse(Security, await (await engineer.get("/api/security")).json())
  return turned_away.find((one) => one.reason === reason)?.count ?? 0
}

describe("the door with TLS", () => {
  test("speaks TLS 1.3 with a certificate of the hub's own authority, whose fingerprint the code names", async () => {
    const { enrolment, ca } = await enrolled("tls-1")
    expect(ca).toMatch(/^[0-9a-f]{64}$/)
    expect(enrolment.mqtt.port).toBe(hub.hub.mqttTlsPort())
    expect((await handshake({ ca: enrolment.mqtt.ca })).protocol).toBe("TLSv1.3")
    await expect(handshake({ ca: enrolment.mqtt.ca, maxVersion: "TLSv1.2" })).rejects.toThrow()
    // Whoever trusts only the world's authorities does not trust this one.
    await expect(handshake({})).rejects.toThrow()
    expect(await turnedAway("handshake")).toBeGreaterThan(0)
  })

  test("takes a station's secret, stores its parts, and refuses a wrong secret", async () => {
    const { enrolment } = await enrolled("tls-2")
    const device = await connectDevice(enrolment)
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes)
    expect((await device.ackOf(header.id)).st).toBe("stored")
    await device.end()
    await expect(connectDevice({ ...enrolment, secret: "guess" })).rejects.toThrow("Not authorized")
  })

  test("shows a new certificate before the old one ends, and cuts nobody off for it", async () => {
    const { enrolment } = await enrolled("tls-3")
    const device = await connectDevice(enrolment)
    const before = await handshake({ ca: enrolment.mqtt.ca })
    hub.clock.pass(61 * 86_400_000)
    // Their sessions have ended meanwhile.
    await signIn()
    await hub.hub.tls.check()
    const after = await handshake({ ca: enrolment.mqtt.ca })
    expect(after.serial).not.toBe(before.serial)
    expect(device.closed()).toBe(false)
    await device.end()
  })

  test("keeps its authority over a restart, readable by its owner alone", async () => {
    const { enrolment } = await enrolled("tls-4")
    await hub.restart()
    expect((await handshake({ ca: enrolment.mqtt.ca })).protocol).toBe("TLSv1.3")
    for (const name of ["ca.key", "doors.json"])
      expect(statSync(join(hub.folder, "keys", name)).mode & 0o777).toBe(0o600)
    const pem = await (await hub.browser().get("/api/ca.pem")).text()
    expect(pem).toBe(enrolment.mqtt.ca ?? "")
  })
})

describe("a station with a key of its own", () => {
  test("does not come in under a camera's name, where a station's rules are not asked", async () => {
    const { enrolment, key, cert } = await withCertificate("key-9")
    const kind = { kind: "picture", topics: ["crux/v1/in/mask/#"], fields: {} }
    const made = await engineer.post("/api/sources", { id: "mask", name: "x", preset: "own", profile: kind })
    expect(made.status).toBe(201)
    const posing = connectDevice(enrolment, { key, cert, username: "mask", password: "x" })
    await expect(posing).rejects.toThrow("Not authorized")
    await (await connectDevice(enrolment, { key, cert })).end()
  })

  test("comes in by its certificate without any secret, and there is none to steal at the hub", async () => {
    const { enrolment, key, cert } = await withCertificate("key-1")
    expect(enrolment.secret).toBe("")
    const device = await connectDevice(enrolment, { key, cert })
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes)
    expect((await device.ackOf(header.id)).st).toBe("stored")
    await device.end()
    // The empty secret of such a station lets nobody in.
    for (const password of ["", " "])
      await expect(connectDevice(enrolment, { username: "key-1", password })).rejects.toThrow()
  })

  test("is refused under another name, even with that one's secret", async () => {
    const { enrolment, key, cert } = await withCertificate("key-2")
    const other = (await enrolled("key-3")).enrolment
    await expect(connectDevice({ ...enrolment, device: "key-3" }, { key, cert })).rejects.toThrow(
      "Not authorized",
    )
    await expect(connectDevice(other, { key, cert })).rejects.toThrow("Not authorized")
  })

  test("is refused with a certificate of another authority", async () => {
    const folder = mkdtempSync(join(tmpdir(), "crux-ca-"))
    const foreign = await openCertificateAuthority({ dataDir: folder })
    const key = newKeyPem()
    const { pem } = await foreign.signDevice(await makeRequest(key, "key-4"), "key-4", Date.now() + 1e9)
    const { enrolment } = await withCertificate("key-4")
    await expect(connectDevice(enrolment, { key, cert: pem })).rejects.toThrow("Not authorized")
    expect(await turnedAway("wrong_certificate")).toBeGreaterThan(0)
    rmSync(folder, { recursive: true })
  })

  test("gets its own name, whatever name its request asks for", async () => {
    const key = newKeyPem()
    const { enrolment } = await enrolled("key-5", await makeRequest(key, "key-1"))
    const cert = enrolment.certificate ?? ""
    await (await connectDevice(enrolment, { key, cert })).end()
    await expect(connectDevice({ ...enrolment, device: "key-1" }, { key, cert })).rejects.toThrow()
  })

  test("cannot pass its certificate off as the hub's", async () => {
    const { enrolment, key, cert } = await withCertificate("key-6")
    const { createServer } = await import("node:tls")
    const impostor = createServer({ key, cert })
    const port = await new Promise<number>((resolve) =>
      impostor.listen(0, "127.0.0.1", () => resolve((impostor.address() as { port: number }).port)),
    )
    await expect(handshake({ ca: enrolment.mqtt.ca, port, servername: "key-6" })).rejects.toThrow()
    impostor.close()
  })

  test("is cut off when it is taken out of service, and its certificate is worth nothing from then on", async () => {
    const { enrolment, key, cert } = await withCertificate("key-7")
    const device = await connectDevice(enrolment, { key, cert })
    expect((await admin.send("DELETE", "/api/devices/key-7")).status).toBe(204)
    await until("the cut", () => device.closed())
    await expect(connectDevice(enrolment, { key, cert })).rejects.toThrow("Not authorized")
  })

  test("a request that is not signed by its own key is refused, and the code stays good", async () => {
    const made = await admin.post("/api/enrolment-codes", { device: "key-8", name: "x", pre_approved: true })
    const { code } = v.parse(EnrolmentCode, await made.json())
    const request = await makeRequest(newKeyPem(), "key-8")
    const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ""), "base64")
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`
    for (const csr of [broken, "not a request"])
      expect((await hub.browser().post("/api/enrol", { code, device: "key-8", csr })).status).toBe(400)
    expect((await hub.browser().post("/api/enrol", { code, device: "key-8", csr: request })).status).toBe(201)
  })

  test("renews its certificate with its key, even after the end; the old one ends when the new one is used", async () => {
    const { sign } = await import("node:crypto")
    const { enrolment, key, cert } = await withCertificate("key-9")
    const fresh = newKeyPem()
    const csr = await makeRequest(fresh, "key-9")
    const proof = (by: string) => sign("sha256", Buffer.from(csr), by).toString("base64")
    const renew = (body: object) => hub.browser().post("/api/enrol/renew", body)
    // Not with the new key alone, and not with somebody else's certificate.
    expect((await renew({ certificate: cert, csr, proof: proof(fresh) })).status).toBe(403)
    const foreign = await withCertificate("key-10")
    expect((await renew({ certificate: foreign.cert, csr, proof: proof(key) })).status).toBe(403)

    const answer = await renew({ certificate: cert, csr, proof: proof(key) })
    expect(answer.status).toBe(201)
    const { certificate } = (await answer.json()) as { certificate: string }
    // The answer may have been lost on the way: until it is used, the old one still works.
    await (await connectDevice(enrolment, { key, cert })).end()
    const again = await renew({ certificate: cert, csr, proof: proof(key) })
    const newest = ((await again.json()) as { certificate: string }).certificate
    expect(newest).not.toBe(certificate)
    await (await connectDevice(enrolment, { key: fresh, cert: newest })).end()
    await expect(connectDevice(enrolment, { key, cert })).rejects.toThrow("Not authorized")
    expect((await renew({ certificate: cert, csr, proof: proof(key) })).status).toBe(403)
  })

  test("the list of stations says how each proves itself", async () => {
    const devices = (await (await (await hub.as("worker")).get("/api/devices")).json()) as List<Device>
    const one = devices.items.find(({ id }) => id === "key-2")
    expect(one?.proof).toBe("certificate")
    expect(one?.certificate_expires_at).toBeGreaterThan(Date.now())
    expect(devices.items.find(({ id }) => id === "tls-1")?.proof).toBe("secret")
  })
})

describe("the door without TLS", () => {
  const listening = async (plain: "off" | "loopback" | "network-unencrypted") => {
    const site = await startTestHub({
      config: {
        mqtt: { ...readConfig({ environment: {}, flags: {} }).config.mqtt, host: "0.0.0.0", port: 0, plain },
      },
    })
    const reaches = (host: string, port: number) =>
      new Promise<boolean>((resolve) => {
        const socket: Socket = connectSocket({ host, port })
        socket.on("connect", () => resolve(true) ?? socket.destroy())
        socket.on("error", () => resolve(false))
      })
    // 127.0.0.2 stands for the network: a listener on 127.0.0.1 alone does not answer there.
    const port = site.hub.mqttPort()
    const answer = {
      here: port !== 0 && (await reaches("127.0.0.1", port)),
      network: port !== 0 && (await reaches("127.0.0.2", port)),
      tls: await reaches("127.0.0.2", site.hub.mqttTlsPort()),
      warned: site.log.some((line) => line.includes("mqtt_unencrypted_on_network")),
    }
    await site.stop()
    return answer
  }
  test("is open to programs on the same machine only, unless the settings say otherwise in plain words", async () => {
    expect(await listening("loopback")).toEqual({ here: true, network: false, tls: true, warned: false })
    expect(await listening("off")).toEqual({ here: false, network: false, tls: true, warned: false })
    expect(await listening("network-unencrypted")).toEqual({
      here: true,
      network: true,
      tls: true,
      warned: true,
    })
  }, 120_000)
})

describe("a site's own certificate", () => {
  test("is shown instead of the hub's, replaced while the hub runs, and its authority is what stations pin", async () => {
    const folder = mkdtempSync(join(tmpdir(), "crux-own-"))
    const company = await openCertificateAuthority({ dataDir: folder })
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const make = async (days: number) => {
      const { cert, key } = await company.issueServer(
        ["127.0.0.1"],
        Date.now() - 1000,
        Date.now() + days * 86_400_000,
      )
      return {
        certificate: file("hub.pem", cert),
        key: file("hub.key", key),
        ca: file("co.pem", company.pem),
      }
    }
    const site = await startTestHub({ config: { tls: await make(40) } })
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const options = { host: "127.0.0.1", port: site.hub.mqttTlsPort(), ca: company.pem }
        const socket = connectTls(options, () => {
          resolve(socket.getPeerCertificate().serialNumber)
          socket.destroy()
        })
        socket.on("error", reject)
      })
    const first = await serial()
    await site.hub.tls.check()
    expect(site.log.some((line) => line.includes("certificate_expires"))).toBe(true)
    await make(300)
    await site.hub.tls.check()
    expect(await serial()).not.toBe(first)

    const admin = await site.as("admin")
    const made = await admin.post("/api/enrolment-codes", { device: "own-1", name: "x" })
    expect(v.parse(EnrolmentCode, await made.json()).ca).toBe(company.fingerprint)
    await site.stop()
    rmSync(folder, { recursive: true })
  }, 120_000)

  test("that is not whole keeps the hub from starting, and says what is missing", async () => {
    const data = mkdtempSync(join(tmpdir(), "crux-own-"))
    const start = (tls: { certificate: string; key: string; ca: string }) =>
      createHub(
        { ...readConfig({ environment: {}, flags: { data } }).config, tls },
        { ...bunPorts(), writeLog: () => {} },
      )
    await expect(start({ certificate: "a.pem", key: "", ca: "" })).rejects.toThrow("three files")
    await expect(start({ certificate: "/no.pem", key: "/no.key", ca: "/no.ca" })).rejects.toThrow("/no.pem")
    expect(existsSync(join(data, "hub.db"))).toBe(false)
    rmSync(data, { recursive: true })
  })
})
