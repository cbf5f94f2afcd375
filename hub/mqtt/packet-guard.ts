import type { Client } from "aedes"

/** The part of mqtt-packet 9's parser that this file leans on; both libraries are pinned, and a test holds them to it. */
type GuardedParser = {
  packet: { length: number }
  _parseLength: () => boolean
  _emitError: (error: Error) => boolean
}

/** What `guardPackets` ends a connection with. */
export class PacketTooLong extends Error {}

/**
 * Refuses a packet by the length in its fixed header, before any of its body is buffered; the cap differs before and
 * after CONNACK. aedes 1.2 has no maximum
 * packet size: an unauthenticated CONNECT announcing 256 MB was buffered as far as it was sent (measured).
 */
export function guardPackets(client: Client, caps: { before: number; after: number }): void {
  const guarded = client as unknown as { _parser: GuardedParser; connackSent: boolean }
  const parser = guarded._parser
  const parseLength = parser._parseLength
  parser._parseLength = () => {
    if (!parseLength.call(parser)) return false
    // Not `connected`: that turns true a moment after the client has read CONNACK and may be sending.
    if (parser.packet.length <= (guarded.connackSent ? caps.after : caps.before)) return true
    return parser._emitError(new PacketTooLong(`a packet of ${parser.packet.length} bytes is too long`))
  }
}
