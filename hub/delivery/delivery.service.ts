import { type ChunkRequest, chunkSize, topicOf } from "#contract/topics"
import type { Blobs } from "#platform/blobs"
import type { Log } from "#platform/log"
import { createChunkCache } from "./chunk-cache.ts"

/** The connection chunks are sent to; the broker's `Session` is one. */
export type Receiver = {
  readonly device: string
  readonly closed: () => boolean
  readonly send: (topic: string, payload: Uint8Array) => Promise<void>
}

type Wanted = { xfer: string; object: string; index: number }
type Line = { receiver: Receiver; wanted: Wanted[]; sending: number }

/** Chunks a device may have waiting; a device's window is 16, so more is a device that does not follow the protocol. */
const longestLine = 256
/** Two under way per connection: one on the wire while the next is read. */
const sendingPerDevice = 2

/**
 * Answers chunk requests, each device on its own connection: a broadcast with one frozen receiver took 61 s, chunk by
 * chunk to each only that one lagged (measured). Devices take turns, so a big fleet's downloads all move.
 */
export function createDelivery({
  blobs,
  mayFetch = async () => false,
  log,
  bytesPerSecond = Number.POSITIVE_INFINITY,
  maxSending = 64,
}: {
  blobs: Pick<Blobs, "readChunk">
  /** Whether this object is meant for this device: its signed wish leads to it. Nothing is, unless someone says so. */
  mayFetch?: (device: string, sha256: string) => Promise<boolean>
  log: Log
  /** Ceiling over all devices, so that models leave the network to inspections. */
  bytesPerSecond?: number
  maxSending?: number
}) {
  const readChunk = createChunkCache({ read: blobs.readChunk })
  const lines = new Map<Receiver, Line>()
  let sending = 0
  let allowance = createAllowance(bytesPerSecond)

  const pump = (): void => {
    while (sending < maxSending) {
      const line = nextLine()
      if (!line) return
      if (!allowance.take(pump)) return
      void sendNext(line)
    }
  }

  /** The first line that may send; it goes to the end, so the others come first next time. */
  const nextLine = (): Line | undefined => {
    for (const [receiver, line] of lines) {
      if (receiver.closed() || (line.wanted.length === 0 && line.sending === 0)) {
        lines.delete(receiver)
      } else if (line.wanted.length > 0 && line.sending < sendingPerDevice) {
        lines.delete(receiver)
        lines.set(receiver, line)
        return line
      }
    }
    return undefined
  }

  const sendNext = async (line: Line): Promise<void> => {
    const { receiver } = line
    const { xfer, object, index } = line.wanted.shift()!
    line.sending += 1
    sending += 1
    try {
      const chunk = await readChunk(object, index)
      // Past the end there is nothing to send; the index tells the device how long the object is.
      if (chunk.length > 0 && !receiver.closed())
        await receiver.send(topicOf("chunk", { d: receiver.device, xfer, i: String(index) }), chunk)
    } catch (error) {
      // The device asks again; what was wrong with the store must not be lost.
      log.error("chunk_unreadable", { device: receiver.device, object, index, error: String(error) })
      line.wanted = line.wanted.filter((wanted) => wanted.object !== object)
    } finally {
      line.sending -= 1
      sending -= 1
      pump()
    }
  }

  return {
    /** Queues the chunks a device asks for. A request of a new attempt at an object replaces what waits of the old. */
    request: async (receiver: Receiver, { xfer, object, ranges }: ChunkRequest): Promise<void> => {
      if (!(await mayFetch(receiver.device, object))) {
        log.warn("fetch_refused", { device: receiver.device, object })
        return
      }
      const line = lines.get(receiver) ?? { receiver, wanted: [], sending: 0 }
      lines.set(receiver, line)
      line.wanted = line.wanted.filter((wanted) => wanted.object !== object || wanted.xfer === xfer)
      for (const [first, count] of ranges)
        for (let index = first; index < first + count && line.wanted.length < longestLine; index++)
          line.wanted.push({ xfer, object, index })
      pump()
    },
    /** Chunks waiting and under way, over all devices. */
    load: () => ({ waiting: [...lines.values()].reduce((n, line) => n + line.wanted.length, 0), sending }),
    /** Changes the ceiling while running. */
    limit: (bytes: number): void => {
      allowance = createAllowance(bytes)
      pump()
    },
  }
}

/** Token bucket of whole chunks, one second deep; a refused `take` calls back when it is worth asking again. */
function createAllowance(bytesPerSecond: number) {
  const depth = Math.max(chunkSize, bytesPerSecond)
  let tokens = depth
  let filledAt = performance.now()
  let waiting = false
  return {
    take: (again: () => void): boolean => {
      if (bytesPerSecond === Number.POSITIVE_INFINITY) return true
      const now = performance.now()
      tokens = Math.min(depth, tokens + ((now - filledAt) / 1000) * bytesPerSecond)
      filledAt = now
      if (tokens >= chunkSize) {
        tokens -= chunkSize
        return true
      }
      if (!waiting) {
        waiting = true
        setTimeout(
          () => {
            waiting = false
            again()
          },
          Math.ceil(((chunkSize - tokens) / bytesPerSecond) * 1000),
        )
      }
      return false
    },
  }
}
