import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { launchMosquitto } from "../../../hub/demo/mosquitto.ts"
import { mosquittoAcl, mosquittoConfig } from "../../../hub/mqtt/acl.rules.ts"
import { createPasswordFile } from "../../../hub/mqtt/password-file.ts"
import { mosquittoEntry } from "../../../hub/platform/mosquitto-entry.ts"

/** Undefined where it is not installed. */
export const mosquittoProgram = [
  "/usr/sbin/mosquitto",
  "/usr/bin/mosquitto",
  "/usr/local/sbin/mosquitto",
].find(existsSync)

export type Mosquitto = Awaited<ReturnType<typeof startMosquitto>>

/**
 * A real mosquitto of the system, on loopback with TLS, set up as docs/external-broker.md says: its certificates, the
 * configuration and the ACL that `crux broker` writes, and a password file the hub keeps.
 */
export async function startMosquitto(change: { config?: (text: string) => string; acl?: string } = {}) {
  const program = mosquittoProgram
  if (!program) throw new Error("mosquitto is missing: apt-get install mosquitto mosquitto-clients")
  const folder = mkdtempSync(join(tmpdir(), "crux-mosquitto-"))
  const at = (name: string) => join(folder, name)
  makeCertificates(folder)
  writeFileSync(at("hub.credentials"), "crux-hub:a broker of the plant\n", { mode: 0o600 })
  const entry = mosquittoEntry("crux-hub", "a broker of the plant")
  createPasswordFile({
    path: at("passwords"),
    entries: () => [{ id: "crux-hub", entry }],
    onFailure: (error) => {
      throw error
    },
  }).write()
  writeFileSync(
    at("acl"),
    change.acl ?? mosquittoAcl({ hub: "crux-hub", readers: ["scada"], sparkplug: ["crux-sparkplug"] }),
  )
  const port = await freePort()
  const config = mosquittoConfig(folder).replace("listener 8883", `listener ${port} 127.0.0.1`)
  writeFileSync(at("mosquitto.conf"), `user root\n${change.config?.(config) ?? config}`)

  let starts = 0
  let broker: Bun.Subprocess | undefined
  const start = async () => {
    broker = await launchMosquitto(program, at("mosquitto.conf"), at(`log-${++starts}`))
  }
  const stop = async () => {
    broker?.kill("SIGTERM")
    await broker?.exited
  }
  await start()

  return {
    folder,
    port,
    ca: at("ca.crt"),
    /** Settings of a hub that uses it. */
    settings: {
      url: `mqtts://localhost:${port}`,
      credentials: at("hub.credentials"),
      ca: at("ca.crt"),
      cert: "",
      key: "",
      device_url: "",
      passwords: at("passwords"),
      reload: "",
      certificate_url: "",
      certificates: "",
      probe: "",
    },
    /** Reads passwords and rights again, as `systemctl reload mosquitto` does. */
    reload: async () => {
      broker?.kill("SIGHUP")
      // No answer comes; a connection that is let in or not is what callers wait for.
      await Bun.sleep(100)
    },
    /** Adds a user to the password file. */
    addUser: (name: string, password: string) =>
      createPasswordFile({
        path: at("passwords"),
        entries: () => [{ id: name, entry: mosquittoEntry(name, password) }],
        onFailure: (error) => {
          throw error
        },
      }).write(),
    stop,
    start,
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** An authority of its own and a certificate for `localhost` alone, so that a wrong name can be told. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: folder })
    if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
  }
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "90",
    "-subj",
    "/CN=plant",
  )
  openssl("req", ...curve, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=localhost")
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost\n")
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "60", "-extfile", "names"]
  openssl("x509", "-req", "-in", "broker.csr", "-out", "broker.crt", ...signed)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error()),
      )
    })
  })
}
