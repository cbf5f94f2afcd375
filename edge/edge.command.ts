import { existsSync } from "node:fs"
import { access, constants, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { systemClock } from "#platform/clock"
import { folderFailure } from "#platform/data-folder"
import { systemIds } from "#platform/ids"
import { takeLock } from "#platform/lock"
import { createLog } from "#platform/log"
import { openSqlite } from "#platform/sqlite.bun"
import { parseCommandArgs, wholeNumber } from "../hub/cli/args.ts"
import type { Command } from "../hub/cli/command.ts"
import { asConfig, CommandFailure, exitNameOf, usageFailure } from "../hub/cli/exit.ts"
import { untilToldToStop } from "../hub/cli/told-to-stop.ts"
import { version } from "../hub/cli/version.command.ts"
import { readStationConfig, stationHelp, stationOptions } from "./config.flags.ts"
import type { Identity } from "./identity.ts"

const options = {
  data: { type: "string", default: "edge-data" },
  hub: { type: "string" },
  enrol: { type: "string" },
  device: { type: "string" },
  ca: { type: "string" },
  certificate: { type: "boolean", default: false },
  "unencrypted-enrolment": { type: "boolean", default: false },
  "quota-mb": { type: "string", default: "4096" },
  "hold-until-model": { type: "boolean", default: false },
  ...stationOptions,
} as const

/** A clean stop gives the outbox this long; the hub may be away. */
const stopDrainMs = 10_000
const renewEveryMs = 24 * 60 * 60_000
/** At a reconnect it is looked at again after this, by the wall clock: a machine may have slept, or been put right. */
const renewAgainMs = 60 * 60_000

export const edgeCommand: Command = {
  summary: "run an edge station: camera, model, signal, outbox",
  usage: `usage: crux edge [options]

  --data DIR               data folder of this station [edge-data]
  --enrol TICKET|CODE      first start: the line (crux://enrol?...) or the code from the hub's stations page
  --hub URL                with a code: address of the hub, e.g. https://192.168.0.10:8080
  --device ID              with a code: the device it was made for
  --ca SHA256              with a code: fingerprint of the hub's certificate; no other is trusted then
  --certificate            first start: prove this station by a key of its own that never leaves it
  --unencrypted-enrolment  first start: accept that the network may read the secret of an http:// hub
  --quota-mb N             space for records and images that wait for the hub [4096]
  --hold-until-model       interlock: trigger no part before the first model is on the line
${stationHelp}

The log goes to stdout, one JSON object a line. SIGTERM or SIGINT ends the station after the part under way.`,
  async run(args) {
    const { values } = parseCommandArgs("edge", args, options)
    const quota = wholeNumber("edge", "quota-mb", values["quota-mb"], 16, 1_000_000) * 2 ** 20
    const config = readStationConfig(values)
    const { createEdge } = await import("./edge.ts")
    const { prepareSchema } = await import("./schema.ts")
    const { openCamera, openOutputs } = await import("./devices.ts")
    const { createWatch } = await import("./surroundings.ts")
    const { createHubWire } = await import("./hub-wire.ts")
    const { childInspectors } = await import("./inspector.child.ts")
    const stopped = untilToldToStop()

    const folder = values.data
    await prepareFolder(folder)
    const lock = takeLock(join(folder, "lock"), openSqlite, Date.now(), "edge")
    const sqlite = openDatabase(folder)
    prepareSchema(sqlite)
    const log = createLog({
      level: "info",
      subject: "edge",
      write: (line) => void process.stdout.write(`${line}\n`),
      now: Date.now,
    })
    const watch = createWatch({ now: Date.now })
    const wire = createHubWire()
    const devices = { watch, wire, log, uuid: systemIds.uuid }
    // Before enrolling: a wrong camera option must not cost the one-time code.
    const camera = await asConfig(openCamera(config, { ...devices, partsBefore: partsBefore(sqlite) }))
    const output = await asConfig(openOutputs(config.outputs, devices))
    let identity = await identityOf(folder, values, stopped)
    let renewedAt = 0
    const renew = async () => {
      renewedAt = Date.now()
      identity = await renewed(folder, identity)
    }
    await renew()
    const renewing = setInterval(() => void renew(), renewEveryMs)
    const edge = await createEdge({
      identity,
      renewed: () => {
        if (Math.abs(Date.now() - renewedAt) > renewAgainMs) void renew()
        return identity
      },
      folder,
      sqlite,
      camera,
      openInspector: childInspectors(selfCommand("worker", "infer")),
      output,
      watch,
      wire,
      sampling: config.sampling,
      holdUntilModel: values["hold-until-model"],
      quota,
      software: version,
      clock: systemClock,
      ids: systemIds,
      random: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
      log,
      reached: crashPoint(process.env.CRUX_CRASH_AT),
    })
    const { done } = await edge.start()
    try {
      await Promise.race([stopped, done])
    } finally {
      clearInterval(renewing)
      await edge.stop({ drainMs: stopDrainMs })
      sqlite.close()
      lock.release()
    }
  },
}

/** Asks for the rights here: SQLite would only say that it cannot open its file. */
async function prepareFolder(folder: string) {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw folderFailure("station", folder, error)
  }
}

/** A station that knows its name but not its past would accept old orders again and number its parts anew. */
function openDatabase(folder: string) {
  const path = join(folder, "edge.db")
  if (existsSync(join(folder, "identity.json")) && !existsSync(path)) {
    throw new CommandFailure(
      "integrity",
      `${path} is missing, but this station has been enrolled.`,
      "Restore the folder from a backup, or remove identity.json and enrol with a new code.",
    )
  }
  try {
    return openSqlite(path)
  } catch (cause) {
    if (exitNameOf(cause) !== "integrity") throw cause
    throw new CommandFailure(
      "integrity",
      `The database ${path} is damaged.`,
      "Keep the file for whoever looks into it, and restore the folder from a backup. Nothing was changed.",
      { cause },
    )
  }
}

async function identityOf(
  folder: string,
  values: {
    enrol?: string
    hub?: string
    device?: string
    ca?: string
    certificate: boolean
    "unencrypted-enrolment": boolean
  },
  stopped: Promise<void>,
) {
  const { enrol, readIdentity, readTicket } = await import("./identity.ts")
  const path = join(folder, "identity.json")
  const known = await readIdentity(path)
  if (known) {
    if (values.device === undefined || values.device === known.device) return known
    throw new CommandFailure(
      "config",
      `This data folder belongs to ${known.device}, not to ${values.device}.`,
      "Name another folder with --data.",
    )
  }
  if (values.enrol === undefined) {
    throw new CommandFailure(
      "config",
      "This station has not been enrolled.",
      "Make a code on the hub's stations page and start once with --enrol TICKET, or --enrol CODE --hub URL --device ID.",
    )
  }
  const ticket = readTicket(values.enrol)
  const hub = values.hub ?? ticket?.hub
  if (hub === undefined || !URL.canParse(hub)) {
    throw usageFailure("--enrol needs --hub URL, e.g. https://192.168.0.10:8080.", "edge")
  }
  const device = values.device ?? ticket?.device
  if (device === undefined) throw usageFailure("--enrol needs --device ID.", "edge")
  const stopping = new AbortController()
  void stopped.then(() => stopping.abort())
  const invitation = { hub, code: ticket?.code ?? values.enrol, device, ca: values.ca ?? ticket?.ca }
  return await enrol(path, invitation, {
    keys: values.certificate ? await import("#platform/certificate-authority") : undefined,
    unencrypted: values["unencrypted-enrolment"],
    signal: stopping.signal,
    onWaiting: (fingerprint) =>
      process.stderr.write(
        `Waiting for approval on the hub's stations page. Approve only if it shows ${fingerprint}.\n`,
      ),
  })
}

/** The identity with a fresh certificate, when it is due and the hub is there; else as it is. */
async function renewed(folder: string, identity: Identity): Promise<Identity> {
  if (identity.certificate === undefined) return identity
  const { renewCertificate } = await import("./identity.ts")
  const keys = await import("#platform/certificate-authority")
  try {
    return await renewCertificate(join(folder, "identity.json"), identity, keys, Date.now())
  } catch (error) {
    // The present certificate may still be good; if not, the link says so. Tomorrow it is tried again.
    process.stderr.write(`The certificate was not renewed: ${String(error)}\n`)
    return identity
  }
}

/** Parts this station has numbered in all its runs: a simulated line goes on where it was. */
function partsBefore(sqlite: ReturnType<typeof openSqlite>): number {
  return (
    sqlite.prepare<{ parts: number }>("SELECT coalesce(sum(seq), 0) AS parts FROM boot").get()?.parts ?? 0
  )
}

/** For power-cut tests: ends the program the instant a state of the activation is on disk. */
function crashPoint(state: string | undefined) {
  return (reached: string) => {
    if (reached === state) process.exit(137)
  }
}
