import { readFileSync } from "node:fs"
import { isIP } from "node:net"
import type { IClientOptions } from "mqtt"
import type { BrokerAddress } from "#contract/fleet"
import { StartFailure } from "#platform/start-failure"

/** Where a broker is and as whom to speak to it, read and checked. */
export type BrokerSettings = {
  host: string
  port: number
  tls: boolean
  /** PEM. Without one the system's authorities are trusted. */
  ca?: string
  cert?: string
  key?: string
  username?: string
  password?: string
}
export type Credentials = { username: string; password: string }

export type BrokerFiles = { url: string; credentials: string; ca: string; cert: string; key: string }

/** Reads what the settings name. Throws StartFailure `config` that names the setting and never holds a secret. */
export function readBrokerSettings({ url, credentials, ca, cert, key }: BrokerFiles): BrokerSettings {
  if ((cert === "") !== (key === ""))
    throw unusable("a client certificate needs both --broker-cert and --broker-key")
  return {
    ...brokerUrl(url, "--broker"),
    ...(credentials !== "" && readCredentials(credentials, "--broker-credentials")),
    ...(ca !== "" && { ca: readPem(ca, "--broker-ca") }),
    ...(cert !== "" && { cert: readPem(cert, "--broker-cert"), key: readPem(key, "--broker-key") }),
  }
}

/** Host, port and whether TLS. Names and passwords in a URL would end in logs and process lists: refused. */
function brokerUrl(text: string, setting: string): Pick<BrokerSettings, "host" | "port" | "tls"> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== "mqtt:" && url.protocol !== "mqtts:") || url.hostname === "")
    throw unusable(`${setting} must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]`)
  if (url.username !== "" || url.password !== "")
    throw unusable(
      `${setting} must not hold a name or password; put them into the file of --broker-credentials`,
    )
  const tls = url.protocol === "mqtts:"
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  return { host, port: url.port === "" ? (tls ? 8883 : 1883) : Number(url.port), tls }
}

/** One line `name:password`. */
export function readCredentials(path: string, setting: string): Credentials {
  const line = readText(path, setting).split("\n", 1)[0]?.trim() ?? ""
  const colon = line.indexOf(":")
  if (colon < 1) throw unusable(`the file of ${setting} must hold one line name:password`)
  return { username: line.slice(0, colon), password: line.slice(colon + 1) }
}

/** Options of MQTT.js for one connection that is not repeated by itself. */
export function connectionOptions(settings: BrokerSettings): IClientOptions {
  const { host, port, tls, ca, cert, key, username, password } = settings
  return {
    protocol: tls ? "mqtts" : "mqtt",
    host,
    port,
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    connectTimeout: 10_000,
    reconnectPeriod: 0,
    queueQoSZero: false,
    ...(username !== undefined && { username, clientId: username }),
    ...(password !== undefined && { password }),
    ...(tls && {
      minVersion: "TLSv1.2" as const,
      rejectUnauthorized: true,
      ...(isIP(host) === 0 && { servername: host }),
    }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

/** What stations are told: another address when they reach the broker by another one, and whom to trust there. */
export function addressForDevices(settings: BrokerSettings, deviceUrl: string): BrokerAddress {
  const { host, port, tls } = deviceUrl === "" ? settings : brokerUrl(deviceUrl, "--broker-device-url")
  return { host, port, ...(tls && { tls, ...(settings.ca !== undefined && { ca: settings.ca }) }) }
}

/** The broker's address as people write it. */
export const addressOf = ({ host, port, tls }: Pick<BrokerSettings, "host" | "port" | "tls">): string =>
  `${tls ? "mqtts" : "mqtt"}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`

function readPem(path: string, setting: string): string {
  const text = readText(path, setting)
  if (!text.includes("-----BEGIN ")) throw unusable(`the file of ${setting} is not PEM`)
  return text
}

function readText(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw unusable(`the file of ${setting} cannot be read: ${path}`, cause)
  }
}

function unusable(message: string, cause?: unknown): StartFailure {
  return new StartFailure(
    "config",
    `The broker's settings are not usable: ${message}.`,
    "docs/external-broker.md shows a complete setup.",
    cause,
  )
}
