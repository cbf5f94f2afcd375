import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { openCertificateAuthority } from "#platform/certificate-authority"
import { systemIds } from "#platform/ids"
import { CommandFailure } from "../cli/exit.ts"
import type { HubConfig } from "../config.ts"
import { mosquittoAcl, mosquittoConfig } from "../mqtt/acl.rules.ts"
import { createPasswordFile } from "../mqtt/password-file.ts"
import { mosquittoEntry } from "../platform/mosquitto-entry.ts"

/** A broker of the plant for a demo. */
export type DemoBroker = {
  /** The hub's settings for it. */
  settings: Partial<HubConfig["broker"]>
  /** Once the hub has written what the broker must read. */
  start(): Promise<void>
  stop(): Promise<void>
}

const name = "mosquitto"
const hubUser = "crux-hub"
/** systemd waits as long before it starts a service again. */
const restartMs = 100

/**
 * mosquitto ends when whoever started it ends, however that ends: the shell above it reads from a pipe that nobody else
 * holds. It passes signals on, and ends as mosquitto does.
 */
const guarded = `exec 3<&0
"$0" -c "$1" </dev/null 3<&- & broker=$!
trap 'kill -TERM $broker 2>/dev/null' TERM INT
trap 'kill -HUP $broker 2>/dev/null' HUP
{ read -r _ <&3; kill -TERM $broker; } 2>/dev/null & watch=$!
while kill -0 $broker 2>/dev/null; do wait $broker; code=$?; done
kill $watch 2>/dev/null
exit $code`

/** Starts a mosquitto that ends with this process; resolves when it takes signals. Rejects with what it says. */
export async function launchMosquitto(program: string, config: string, log: string): Promise<Bun.Subprocess> {
  await writeFile(log, "")
  const child = Bun.spawn(["sh", "-c", guarded, program, config], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: Bun.file(log),
    // Ctrl+C reaches the demo alone, which stops the broker last.
    detached: true,
  })
  for (;;) {
    const said = await readFile(log, "utf8").catch(() => "")
    // It listens before it minds signals: a reload then would be its end.
    if (said.includes(" running\n")) return child
    if (child.exitCode !== null)
      throw new CommandFailure("failure", `mosquitto did not start:\n${said.trim()}`)
    await Bun.sleep(20)
  }
}

/** Throws CommandFailure `config` where there is none. */
export function demandMosquitto(): string {
  const program = Bun.which(name, { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/local/sbin` })
  if (program) return program
  throw new CommandFailure("config", "mosquitto is not installed.", "As root: apt-get install mosquitto")
}

/**
 * A mosquitto of its own in `dir`, set up as docs/external-broker.md says: TLS with an authority that is not the hub's,
 * rights and configuration from `crux broker`, a listener for secrets and one for certificates. Started again whenever
 * it ends, as systemd would.
 */
export async function prepareMosquitto(options: {
  dir: string
  ports: readonly [secrets: number, certificates: number]
  say: (line: string) => void
}): Promise<DemoBroker> {
  const program = demandMosquitto()
  const { dir, say } = options
  const [port, certificatePort] = options.ports
  const at = (file: string) => join(dir, file)
  await mkdir(dir, { recursive: true, mode: 0o700 })

  const plant = await openCertificateAuthority({ dataDir: at("plant-authority") })
  const { cert, key } = await plant.issueServer(["localhost"], 0, Date.now() + 90 * 86_400_000)
  const secret = systemIds.random(24)
  const config = mosquittoConfig(dir, { certificates: true })
    .replace("listener 8883", `listener ${port} 127.0.0.1`)
    .replace("listener 8884", `listener ${certificatePort} 127.0.0.1`)
  await Promise.all([
    writeFile(at("ca.crt"), plant.pem),
    writeFile(at("broker.crt"), cert),
    writeFile(at("broker.key"), key, { mode: 0o600 }),
    writeFile(at("hub.credentials"), `${hubUser}:${secret}\n`, { mode: 0o600 }),
    writeFile(at("acl"), mosquittoAcl({ hub: hubUser })),
    // Started as root it would become another user, who may not read this folder.
    writeFile(
      at("mosquitto.conf"),
      `${process.getuid?.() === 0 ? "user root\n" : ""}pid_file ${at("mosquitto.pid")}\n${config}`,
    ),
    writeFile(at("reload.sh"), `kill -HUP "$(cat '${at("mosquitto.pid")}')"\n`),
  ])
  createPasswordFile({
    path: at("passwords"),
    entries: () => [{ id: hubUser, entry: mosquittoEntry(hubUser, secret) }],
    onFailure: (error) => {
      throw error
    },
  }).write()

  let stopped = false
  let running: Bun.Subprocess | undefined
  const run = async () => {
    const child = await launchMosquitto(program, at("mosquitto.conf"), at("mosquitto.log"))
    running = child
    void child.exited.then(async () => {
      if (stopped) return
      say("mosquitto has ended and is started again")
      await Bun.sleep(restartMs)
      if (!stopped) await run().catch((error) => say(String(error)))
    })
  }

  return {
    settings: {
      url: `mqtts://localhost:${port}`,
      credentials: at("hub.credentials"),
      ca: at("ca.crt"),
      passwords: at("passwords"),
      reload: `sh ${at("reload.sh")}`,
      certificate_url: `mqtts://localhost:${certificatePort}`,
      certificates: dir,
    },
    start: async () => {
      while (!(await Bun.file(at("revoked.pem")).exists())) await Bun.sleep(50)
      await run()
      say(`mosquitto at mqtts://localhost:${port}, with certificates at port ${certificatePort}`)
    },
    stop: async () => {
      stopped = true
      running?.kill("SIGTERM")
      await running?.exited
    },
  }
}
