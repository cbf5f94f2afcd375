import { createHash } from "node:crypto"
import { cxs1, encodeSegment, type SegmentedFrame, segmentCount, transferOf } from "#contract/segment"
import type { SegmentAnswer } from "#contract/topics"
import type { Log } from "#platform/log"

/** Sends one piece; resolves when the broker has taken it, with false when the connection is gone. */
export type DeliverSegment = (xfer: string, index: number, message: Uint8Array) => Promise<boolean>

type Transfer = { id: string; cut: SegmentedFrame; message: Uint8Array; queue: number[]; running: number }

/** Pieces under way at once. */
const atOnce = 4

/**
 * Sends frames longer than a message in pieces. It asks first what the hub lacks, so a transfer goes on where a lost
 * connection, or another start of this program, has left it.
 */
export function createSegmenter({ deliver, log }: { deliver: DeliverSegment; log: Log }) {
  const transfers = new Map<string, Transfer>()

  const send = (transfer: Transfer, index: number): Promise<boolean> => {
    const { cut, message } = transfer
    const at = index === cxs1.question ? cut.total : index * cut.size
    const bytes = message.subarray(at, at + cut.size)
    return deliver(transferOf(cut), index, encodeSegment({ ...cut, index, bytes }))
  }

  async function work(transfer: Transfer): Promise<void> {
    transfer.running += 1
    try {
      for (;;) {
        const index = transfer.queue.shift()
        if (index === undefined || transfers.get(transfer.id) !== transfer) return
        if (!(await send(transfer, index))) transfer.queue = []
      }
    } catch (error) {
      log.warn("segment_not_sent", { id: transfer.id, why: String(error) })
      transfer.queue = []
    } finally {
      transfer.running -= 1
    }
  }

  return {
    /** Bytes of a transfer that are under way at once. */
    window: (size: number): number => atOnce * size,
    /** Starts, or asks again what is missing. */
    begin: (id: string, message: Uint8Array, size: number): void => {
      const sha256 = createHash("sha256").update(message).digest("hex")
      const transfer = { id, cut: { total: message.length, size, sha256 }, message, queue: [], running: 0 }
      transfers.set(id, transfer)
      void send(transfer, cxs1.question).catch(() => false)
    },
    /** Whether pieces are on their way. */
    isBusy: (id: string): boolean => (transfers.get(id)?.running ?? 0) > 0,
    /** Sends what is missing. Returns the record the answer is about. */
    onAnswer: ({ xfer, missing, st }: SegmentAnswer): string | undefined => {
      const transfer = [...transfers.values()].find(({ cut }) => transferOf(cut) === xfer)
      if (!transfer || st !== undefined || transfer.running > 0) return transfer?.id
      const last = segmentCount(transfer.cut)
      transfer.queue = missing.flatMap(([first, count]) =>
        Array.from({ length: Math.max(0, Math.min(count, last - first)) }, (_, i) => first + i),
      )
      for (let i = 0; i < atOnce; i++) void work(transfer)
      return transfer.id
    },
    /** The record is settled, or the connection gone. */
    end: (id: string): void => void transfers.delete(id),
  }
}
