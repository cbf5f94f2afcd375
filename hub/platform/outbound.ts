import { isIP } from "node:net"
import { Problem } from "#contract/problem"

/** Finds the addresses of a name. */
export type LookUp = (name: string) => Promise<string[]>

/**
 * Requests of the hub to others: pictures by address, webhooks, model servers. Only to hosts and networks that the
 * plant has named, so that nobody who may write an address can make the hub ask where only the hub reaches.
 */
export type Outbound = {
  /** What is wrong with an address as such, or null; no name is looked up. */
  readonly fault: (url: string) => string | null
  /** Throws `forbidden` for a place that is not named, `unavailable` when nobody answers. Redirects are not followed. */
  readonly fetch: (
    url: string,
    init: {
      method?: string
      headers?: Record<string, string>
      body?: string
      timeoutMs: number
      most: number
    },
  ) => Promise<{ status: number; headers: Headers; bytes: Uint8Array }>
}

/**
 * `allow`: host names, addresses and networks ("10.0.0.0/8"), parted by commas. A name allows that host wherever it
 * lies; a network allows every host in it. Empty allows nothing.
 */
export function createOutbound({ allow, lookUp }: { allow: string; lookUp: LookUp }): Outbound {
  const entries = allow
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "")
  const names = new Set(entries.filter((entry) => !entry.includes("/") && isIP(entry) === 0))
  const networks = entries.filter((entry) => entry.includes("/") || isIP(entry) !== 0).map(networkOf)

  const parsed = (text: string): URL | string => {
    if (!URL.canParse(text)) return "this is not an address"
    const url = new URL(text)
    if (url.protocol !== "http:" && url.protocol !== "https:") return "only http and https are asked"
    if (url.username || url.password) return "an address must not hold a name or a password"
    return url
  }
  const isInNetworks = (address: string) => {
    const bits = bitsOf(address)
    return bits !== null && networks.some((network) => network !== null && isIn(bits, network))
  }
  const notNamed = (host: string) =>
    new Problem(
      "forbidden",
      "outbound",
      `the hub does not ask ${host}: it is not among the hosts of outbound.allow`,
      {
        host,
      },
    )

  /** The address to connect to, checked; a name that is allowed as such needs none. */
  const placeOf = async (url: URL): Promise<string | null> => {
    const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase()
    if (isIP(host) !== 0) {
      if (!isInNetworks(host)) throw notNamed(host)
      return null
    }
    if (names.has(host)) return null
    if (networks.length === 0) throw notNamed(host)
    let found: string[]
    try {
      found = await lookUp(host)
    } catch (cause) {
      throw new Problem("unavailable", "outbound_name", `the name ${host} is not known`, { host }, cause)
    }
    if (found.length === 0 || !found.every(isInNetworks)) throw notNamed(host)
    return found[0]!
  }

  return {
    fault: (text) => {
      const url = parsed(text)
      return typeof url === "string" ? url : null
    },
    async fetch(text, { timeoutMs, most, ...init }) {
      const url = parsed(text)
      if (typeof url === "string") throw new Problem("invalid", "outbound_url", url)
      const place = await placeOf(url)
      const headers = new Headers(init.headers)
      // Asked by the address that was checked: the name may say another one in a moment. With https the certificate
      // proves the name, whatever it leads to.
      const target = new URL(url)
      if (place !== null && url.protocol === "http:") {
        target.hostname = place.includes(":") ? `[${place}]` : place
        headers.set("host", url.host)
      }
      try {
        const answer = await fetch(target, {
          ...init,
          headers,
          redirect: "manual",
          signal: AbortSignal.timeout(timeoutMs),
        })
        return { status: answer.status, headers: answer.headers, bytes: await bytesOf(answer, most) }
      } catch (cause) {
        if (cause instanceof Problem) throw cause
        const slow = cause instanceof Error && cause.name === "TimeoutError"
        throw new Problem(
          "unavailable",
          "outbound_failed",
          slow ? `${url.host} did not answer within ${timeoutMs} ms` : `${url.host} cannot be reached`,
          { host: url.host },
          cause,
        )
      }
    },
  }
}

async function bytesOf(answer: Response, most: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new Problem("too_large", "outbound_body", `the answer is longer than ${most} bytes`, { max: most })
  if (Number(answer.headers.get("content-length") ?? 0) > most) {
    await answer.body?.cancel()
    throw tooLarge()
  }
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of answer.body ?? []) {
    size += piece.length
    if (size > most) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

type Network = { bits: bigint; length: number; width: number }

/** Null for what is no network: it then allows nothing. */
function networkOf(text: string): Network | null {
  const [address = "", length] = text.split("/")
  const bits = bitsOf(address)
  if (bits === null) return null
  const most = bits.width
  const kept = length === undefined ? most : Number(length)
  return Number.isInteger(kept) && kept >= 0 && kept <= most ? { ...bits, length: kept } : null
}

const isIn = (address: { bits: bigint; width: number }, network: Network) =>
  address.width === network.width &&
  address.bits >> BigInt(network.width - network.length) ===
    network.bits >> BigInt(network.width - network.length)

/** An address as a number; an IPv4 address inside of IPv6 is the IPv4 address. */
function bitsOf(address: string): { bits: bigint; width: number } | null {
  if (isIP(address) === 4)
    return { bits: address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), width: 32 }
  if (isIP(address) !== 6) return null
  const mapped = /^(?:0{0,4}:)*:?ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return bitsOf(mapped)
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::")
  const parts = (text: string) => (text === "" ? [] : text.split(":"))
  const [head, tail] = [parts(left), right === undefined ? [] : parts(right)]
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0")
  const all = right === undefined ? head : [...head, ...zeros, ...tail]
  const bits = all.reduce((sum, part) => sum * 65_536n + BigInt(`0x${part}`), 0n)
  return bits >> 32n === 0xffffn ? { bits: bits & 0xffffffffn, width: 32 } : { bits, width: 128 }
}
