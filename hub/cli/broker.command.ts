import { readConfig } from "../read-config.ts"
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { usageFailure } from "./exit.ts"

const brokerFlags = ["broker", "broker-credentials", "broker-ca", "broker-cert", "broker-key", "broker-probe"]

export const brokerCommand: Command = {
  summary: "set up and check a broker of the plant (mosquitto and others)",
  usage: `usage: crux broker acl [--hub-name NAME] [--reader NAME]... [--sparkplug NAME]
       crux broker config [--folder DIR] [--certificates]
       crux broker passwords --file FILE --credentials FILE
       crux broker check --broker mqtts://HOST[:PORT] [--broker-credentials FILE] [--broker-ca FILE]
                         [--broker-cert FILE --broker-key FILE] [--broker-probe FILE] [--json]

  acl         print mosquitto's ACL file: what the hub, every station and the readers may do [crux-hub]
  config      print what mosquitto.conf must say [/etc/mosquitto/crux]; with --certificates also the listener
              for stations with a certificate
  passwords   put the name and password of a credentials file (one line name:password) into a password file
  check       connect and ask for everything the hub relies on; with --broker-probe also what a station may do

check ends with 0 when the broker is fit, 1 when it cannot be reached, 3 when it lacks something, 8 when it refuses
the name or password, 9 when a certificate is not trusted, 10 when it lets somebody do what they must not.
Stop the hub before: the check takes its place at the broker. docs/external-broker.md shows the whole setup.`,
  async run(args) {
    const [what, ...rest] = args
    switch (what) {
      case "acl":
        return await acl(rest)
      case "config":
        return await config(rest)
      case "passwords":
        return await passwords(rest)
      case "check":
        return await check(rest)
      default:
        throw usageFailure('"crux broker" needs one of acl, config, passwords, check.', "broker")
    }
  },
}

const userName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

async function acl(args: readonly string[]): Promise<void> {
  const { mosquittoAcl } = await import("../mqtt/acl.rules.ts")
  const { values } = parseCommandArgs("broker", args, {
    "hub-name": { type: "string", default: "crux-hub" },
    reader: { type: "string", multiple: true, default: [] },
    sparkplug: { type: "string", multiple: true, default: [] },
  })
  for (const name of [values["hub-name"], ...values.reader, ...values.sparkplug])
    if (!userName.test(name)) throw usageFailure(`"${name}" is no user name for a broker.`, "broker")
  process.stdout.write(
    mosquittoAcl({ hub: values["hub-name"], readers: values.reader, sparkplug: values.sparkplug }),
  )
}

async function config(args: readonly string[]): Promise<void> {
  const { mosquittoConfig } = await import("../mqtt/acl.rules.ts")
  const { values } = parseCommandArgs("broker", args, {
    folder: { type: "string", default: "/etc/mosquitto/crux" },
    certificates: { type: "boolean", default: false },
  })
  process.stdout.write(mosquittoConfig(values.folder, { certificates: values.certificates }))
}

async function passwords(args: readonly string[]): Promise<void> {
  const { readCredentials } = await import("../mqtt/broker-settings.ts")
  const { createPasswordFile } = await import("../mqtt/password-file.ts")
  const { mosquittoEntry } = await import("#platform/mosquitto-entry")
  const { values } = parseCommandArgs("broker", args, {
    file: { type: "string" },
    credentials: { type: "string" },
  })
  if (values.file === undefined || values.credentials === undefined)
    throw usageFailure('"crux broker passwords" needs --file FILE and --credentials FILE.', "broker")
  const { username, password } = readCredentials(values.credentials, "--credentials")
  createPasswordFile({
    path: values.file,
    entries: () => [{ id: username, entry: mosquittoEntry(username, password) }],
    onFailure: (error) => {
      throw error
    },
  }).write()
}

async function check(args: readonly string[]): Promise<void> {
  const { values } = parseCommandArgs("broker", args, {
    ...Object.fromEntries(brokerFlags.map((flag) => [flag, { type: "string" } as const])),
    json: { type: "boolean", default: false },
  })
  const { json, ...flags } = values as { json: boolean } & Record<string, string | undefined>
  const { config } = readConfig({ flags, environment: process.env })
  if (config.broker.url === "") throw usageFailure('"crux broker check" needs --broker URL.', "broker")
  const { addressOf, readBrokerSettings, readCredentials } = await import("../mqtt/broker-settings.ts")
  const { checkBroker, probeFailure } = await import("../mqtt/broker-check.ts")
  const settings = readBrokerSettings(config.broker)
  const checks = await checkBroker(
    settings,
    config.broker.probe === "" ? undefined : readCredentials(config.broker.probe, "--broker-probe"),
  )
  if (json) process.stdout.write(`${JSON.stringify({ broker: addressOf(settings), checks })}\n`)
  else
    for (const { check: name, state, detail } of checks)
      process.stdout.write(`${state.padEnd(8)} ${name.padEnd(14)} ${detail}\n`)
  const failure = probeFailure(addressOf(settings), checks)
  if (failure) throw failure
}
