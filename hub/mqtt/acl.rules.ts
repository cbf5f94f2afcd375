import { topics } from "#contract/topics"
import { packetCaps } from "./mqtt.rules.ts"

/** What a device may do on a broker of the plant, read from the contract; `%u` is its name. */
const deviceRights = (): string[] => {
  const rights = Object.values(topics).map(({ pattern, dir }) => {
    const filter = pattern.replace("{d}", "%u").replace(/\{\w+\}/g, "+")
    return `pattern ${dir === "up" ? "write" : "read"} ${filter}`
  })
  return rights.toSorted()
}

/** The last two for a Sparkplug host: asking for a rebirth, and saying that it is there. */
const readerRights = [
  "read uns/#",
  "read spBv1.0/#",
  "write spBv1.0/+/NCMD/+",
  "write spBv1.0/STATE/+",
] as const

/**
 * mosquitto's ACL file: the hub may do everything under its own names, a device what the contract gives it under its
 * own name, `readers` may read results. Everything else is denied.
 */
export function mosquittoAcl({
  hub,
  readers = [],
  sparkplug = [],
}: {
  hub: string
  readers?: readonly string[]
  /** Users of a hub's Sparkplug connection. */
  sparkplug?: readonly string[]
}): string {
  const users = [
    [hub, ["readwrite crux/v1/#", "readwrite uns/#"]],
    ...sparkplug.map(
      (name) => [name, ["write spBv1.0/#", "read spBv1.0/+/NCMD/+", "read spBv1.0/STATE/+"]] as const,
    ),
    ...readers.map((name) => [name, readerRights] as const),
  ] as const
  return [
    "# Written by `crux broker acl`. Write it again after an update of CRUX.",
    "# Stations: user name = client id = device id.",
    ...deviceRights(),
    ...users.flatMap(([name, rights]) => ["", `user ${name}`, ...rights.map((right) => `topic ${right}`)]),
    "",
  ].join("\n")
}

/**
 * What mosquitto.conf must say; with `certificates` also a second listener, for stations that prove themselves by a
 * certificate of the hub.
 */
export function mosquittoConfig(folder: string, { certificates = false } = {}): string {
  return `# Written by \`crux broker config\`. For mosquitto 2.0 or later.
listener 8883
tls_version tlsv1.3
cafile ${folder}/ca.crt
certfile ${folder}/broker.crt
keyfile ${folder}/broker.key

allow_anonymous false
password_file ${folder}/passwords
acl_file ${folder}/acl
# A station cannot take another's place: its connection is named after the user it has proved to be.
use_username_as_clientid true

# Models travel in messages of 256 KiB, inspections in messages of up to 8 MB.
max_packet_size ${packetCaps.after}
# Messages that wait for the hub while it is busy; more are dropped, and sent again by the stations.
max_queued_messages 1000
# The hub publishes again whatever it wants kept, so nothing has to survive a restart here.
persistence false
${certificates ? mosquittoCertificateListener(folder) : ""}`
}

const mosquittoCertificateListener = (folder: string) => `
# Stations with a certificate of the hub: the name in it is user and client id. The hub keeps both PEM files of it.
listener 8884
tls_version tlsv1.3
cafile ${folder}/hub-ca.pem
crlfile ${folder}/revoked.pem
certfile ${folder}/broker.crt
keyfile ${folder}/broker.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
`
