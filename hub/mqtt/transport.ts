import type { TopicName } from "#contract/topics"

/** One live connection of one device. */
export type Session = {
  readonly device: string
  /** Where it comes from; empty behind a broker of the plant, which does not tell. */
  readonly address: string
  readonly closed: () => boolean
  /** Sends to this device only, QoS 0. Resolves when the socket has taken it; check `closed` after. */
  readonly send: (topic: string, payload: Uint8Array | string) => Promise<void>
}

/** What a transport asks of the hub; all of it is about devices that have proved who they are. */
export type TransportHandlers = {
  readonly isSecretOf: (device: string, secret: Uint8Array) => boolean
  /** By the SHA-256 (hex) of a certificate that the hub's authority has signed. */
  readonly isCertificateOf: (device: string, fingerprint: string) => boolean
  /**
   * Takes a permitted message. The embedded broker acknowledges it (PUBACK) after the promise; a broker of the plant
   * has done so long before. Returns what may fan out in its place: the payload, or null for nothing. `session` is
   * null for the will of a connection that is gone.
   */
  readonly onMessage: (
    device: string,
    name: TopicName,
    payload: Buffer,
    session: Session | null,
  ) => Promise<Uint8Array | string | null>
  readonly onConnected: (session: Session) => void
  readonly onDisconnected: (session: Session) => void
  /** A connection has pushed out a living one of the same device; the newer one is announced next. */
  readonly onTakenOver: (device: string) => void
  /** What is retained may be gone: publish it again. */
  readonly onReturned: () => Promise<void>
}

/**
 * How `crux/v1` travels: over the embedded broker, or as a client of a broker of the plant. The domains behind the
 * gateway do not know which.
 */
export type Transport = {
  /** Longest payload that passes, in bytes. */
  readonly maxPayload: () => number
  /** Publishes to all who may read the topic, QoS 1, retained; an empty payload clears what was retained. */
  readonly publishRetained: (topic: string, payload: string) => Promise<void>
  readonly session: (device: string) => Session | undefined
  readonly sessions: () => Session[]
  /** Ends a device's session at once; nothing it has sent is taken any more, its will neither. */
  readonly disconnect: (device: string) => void
  /** Bytes of messages being committed now, and their limit. */
  readonly inFlight: () => { bytes: number; messages: number; limit: number }
  readonly close: () => Promise<void>
}
