import { Problem } from "#contract/problem"
import { linesOf } from "../lines.ts"
import type { Watch } from "../surroundings.ts"
import { createArrivals } from "./arrivals.ts"
import type { AskedCamera, Camera, CapturedFrame } from "./camera.ts"
import { defaultMegapixels } from "./picture-bytes.ts"
import { type BridgedFrame, createRawFrameReader } from "./raw-frames.ts"

export interface BridgeCameraOptions {
  /** Program and arguments; no shell. */
  command: readonly string[]
  watch: Pick<Watch["camera"], "dropped">
  /** A line the bridge has written on standard error. */
  onLine: (line: string) => void
  max_megapixels?: number
  now?: () => number
}

/** Pictures in a row that a bridge may owe before it is taken for hanging. */
const mostOwed = 3
const killMs = 1_000

/**
 * A child process that speaks CXR1: the way to GenICam and vendors' SDKs. Without a trigger it sends a frame whenever
 * its camera takes one, and each is a part. On request it is told to take one, a JSON line on its standard input.
 */
export function createBridgeCamera(options: BridgeCameraOptions): Camera & AskedCamera {
  const { command, watch, onLine, max_megapixels = defaultMegapixels, now = Date.now } = options
  const [program = ""] = command

  function start(onFrame: (frame: BridgedFrame) => void) {
    let child: ReturnType<typeof spawn>
    try {
      child = spawn()
    } catch (error) {
      const message = `The camera's bridge ${program} cannot be started.`
      throw new Problem("unavailable", "bridge_missing", message, {}, error)
    }
    const lost = Promise.withResolvers<Error>()
    let failure: Error | undefined
    const fail = (error: Error) => {
      failure ??= error
      child.kill("SIGKILL")
      lost.resolve(failure)
    }
    const read = createRawFrameReader({ megapixels: max_megapixels, now, onFrame })
    const reading = (async () => {
      try {
        for await (const chunk of child.stdout) read(chunk)
        const code = await child.exited
        fail(new Problem("unavailable", "camera_lost", `The camera's bridge ${program} has ended (${code}).`))
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)))
      }
    })()
    void (async () => {
      for await (const line of linesOf(child.stderr, 4_096)) onLine((line ?? "…").slice(0, 300))
    })().catch(() => {})
    return {
      lost: lost.promise,
      fail,
      failure: () => failure,
      write: (line: string) => {
        child.stdin.write(`${line}\n`)
        void child.stdin.flush()
      },
      close: async () => {
        failure ??= new Error("the camera is closed")
        // A bridge lets go of its camera when its input ends.
        void child.stdin.end()
        const timer = setTimeout(() => child.kill("SIGKILL"), killMs)
        await reading
        clearTimeout(timer)
      },
    }
  }

  const spawn = () => Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })

  return {
    async *frames(signal) {
      const arrivals = createArrivals()
      const bridge = start(({ frame }) => {
        if (arrivals.hasRoom()) return arrivals.add(frame)
        watch.dropped()
        arrivals.addMissed({ ...frame, image: { form: "none", code: "frame_missed" } })
      })
      signal.addEventListener("abort", () => arrivals.end(), { once: true })
      void bridge.lost.then((error) => arrivals.end(error))
      try {
        yield* arrivals.frames()
      } finally {
        await bridge.close()
      }
    },

    async open() {
      let owed: { id: string | undefined; take: (frame: CapturedFrame) => void } | undefined
      let timeouts = 0
      const bridge = start(({ frame, trigger }) => {
        // A picture that comes after its time is of no part any more.
        if (!owed || trigger !== owed.id) return watch.dropped()
        owed.take(frame)
      })
      return {
        grab: async ({ id = crypto.randomUUID(), facts }, signal) => {
          const failure = bridge.failure()
          if (failure) throw failure
          const aborted = Promise.withResolvers<never>()
          const stop = () => aborted.reject(signal.reason)
          signal.addEventListener("abort", stop, { once: true })
          try {
            const taken = new Promise<CapturedFrame>((resolve) => {
              owed = { id, take: resolve }
            })
            bridge.write(JSON.stringify({ trigger: id, ...facts }))
            const lost = bridge.lost.then((error) => Promise.reject(error))
            const frame = await Promise.race([taken, lost, aborted.promise])
            timeouts = 0
            return frame
          } catch (error) {
            timeouts += 1
            if (timeouts >= mostOwed) {
              const message = `The camera's bridge ${program} has not answered ${mostOwed} triggers in a row.`
              bridge.fail(new Problem("unavailable", "camera_stalled", message))
            }
            throw error
          } finally {
            signal.removeEventListener("abort", stop)
            owed = undefined
          }
        },
        lost: bridge.lost,
        close: bridge.close,
      }
    },
  }
}
