import { Problem } from "#contract/problem"
import type { Watch } from "../surroundings.ts"
import type { AskedCamera, CapturedFrame, Grabber, RawImage } from "./camera.ts"
import { ffmpegInput, ffmpegVersion, nameOf, type StreamSource, withoutAddresses } from "./ffmpeg.ts"
import { createNetpbmReader } from "./netpbm.ts"
import { defaultMegapixels } from "./picture-bytes.ts"

export interface StreamCameraOptions {
  source: StreamSource
  watch: Pick<Watch["camera"], "dropped">
  program?: string
  /** No whole picture for so long: the child hangs and is killed. */
  stall_ms?: number
  /** The same until the first picture; cameras and handshakes take their time. */
  start_ms?: number
  max_megapixels?: number
  now?: () => number
}

type Newest = { picture: RawImage; at: number }

/**
 * A stream of moving pictures (RTSP, V4L2, whatever ffmpeg reads), decoded by ffmpeg in a child process. The newest
 * picture wins: what nobody has asked for when the next one comes is dropped and counted, so that a slow model looks
 * at the line as it is now. The child is read without pause; a full pipe would make it fall behind.
 */
export function createStreamCamera(options: StreamCameraOptions): AskedCamera {
  const { source, watch, program = "ffmpeg", stall_ms = 10_000, start_ms = 30_000 } = options
  const { max_megapixels = defaultMegapixels, now = Date.now } = options
  const name = nameOf(source)

  async function open(signal: AbortSignal): Promise<Grabber> {
    const { args, script } = ffmpegInput(source, await ffmpegVersion(program))
    const child = Bun.spawn([program, ...args], {
      stdin: script === undefined ? "ignore" : new TextEncoder().encode(script),
      stdout: "pipe",
      stderr: "pipe",
    })
    const complaints = lastWords(child.stderr)
    const lost = Promise.withResolvers<Error>()
    let newest: Newest | undefined
    let spare: Uint8Array | undefined
    let failure: Error | undefined
    let pictureCame = () => {}
    let seen = performance.now()
    let first = true

    const fail = (error: Error) => {
      if (failure) return
      failure = error
      clearInterval(watchdog)
      child.kill("SIGKILL")
      lost.resolve(error)
      pictureCame()
    }
    const watchdog = setInterval(
      () => {
        const limit = first ? start_ms : stall_ms
        if (performance.now() - seen < limit) return
        const message = `No picture has come from ${name} for ${Math.round(limit / 1000)} s.`
        fail(new Problem("unavailable", "camera_stalled", message))
      },
      Math.min(1_000, stall_ms / 4),
    )

    const read = createNetpbmReader({
      megapixels: max_megapixels,
      spare: () => {
        const memory = spare
        spare = undefined
        return memory
      },
      onPicture: (picture) => {
        if (newest) {
          watch.dropped()
          spare = newest.picture.data
        }
        first = false
        seen = performance.now()
        newest = { picture, at: seen }
        pictureCame()
      },
    })
    const reading = (async () => {
      try {
        for await (const chunk of child.stdout) {
          if (failure) break
          read(chunk)
        }
        await child.exited
        const why = withoutAddresses(await complaints)
        fail(
          new Problem(
            "unavailable",
            "camera_lost",
            `The stream of ${name} has ended.${why && ` ffmpeg: ${why}`}`,
          ),
        )
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)))
      }
    })()

    const close = async () => {
      fail(new Error("the camera is closed"))
      await reading
    }

    /** The first picture proves that there is a camera. */
    try {
      await pictureAfter(Number.NEGATIVE_INFINITY, signal, { keep: true })
    } catch (error) {
      await close()
      throw error
    }

    async function pictureAfter(at: number, asked: AbortSignal, { keep = false } = {}): Promise<Newest> {
      const wake = () => pictureCame()
      asked.addEventListener("abort", wake)
      try {
        for (;;) {
          asked.throwIfAborted()
          if (newest && newest.at >= at) {
            const found = newest
            if (!keep) newest = undefined
            return found
          }
          if (failure) throw failure
          await new Promise<void>((resolve) => {
            pictureCame = resolve
          })
        }
      } finally {
        asked.removeEventListener("abort", wake)
      }
    }

    return {
      grab: async ({ fresh }, asked): Promise<CapturedFrame> => {
        const from = fresh ? performance.now() : Number.NEGATIVE_INFINITY
        const { picture, at } = await pictureAfter(from, asked)
        return { image: picture, captured_at: now() - Math.round(performance.now() - at), simulated: false }
      },
      lost: lost.promise,
      close,
    }
  }

  return { open }
}

/** The end of what a child complains about, a few lines at most. */
async function lastWords(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  try {
    for await (const chunk of stream) text = (text + decoder.decode(chunk, { stream: true })).slice(-400)
  } catch {
    // The child is gone; what it said until now is what there is.
  }
  return text.trim().split("\n").slice(-3).join(" · ")
}
