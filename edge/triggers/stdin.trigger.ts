import { linesOf } from "../lines.ts"
import { readTrigger, type Trigger, triggerBytes } from "./trigger.ts"

/** One line on standard input, one trigger: for a barcode reader or a small program of the plant in front of a pipe. */
export function createStdinTrigger(input: () => ReadableStream<Uint8Array>): Trigger {
  return {
    listen: async (sink, signal) => {
      const read = async () => {
        for await (const line of linesOf(input(), triggerBytes, signal)) {
          if (line === undefined) {
            sink.refuse("the line is too long")
            continue
          }
          try {
            sink.fire(readTrigger(line))
          } catch (error) {
            sink.refuse(error instanceof Error ? error.message : String(error))
          }
        }
        if (!signal.aborted) sink.lost("standard input has ended: nobody triggers this station any more")
      }
      read().catch((error: unknown) => sink.lost(`standard input cannot be read: ${String(error)}`))
    },
  }
}
