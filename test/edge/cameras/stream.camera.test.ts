import { afterAll, describe, expect, test } from "bun:test"
import { chmod, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import type { CapturedFrame, RawImage } from "../../../edge/cameras/camera.ts"
import { createStreamCamera } from "../../../edge/cameras/stream.camera.ts"
import { tempFolder } from "../support/kit.ts"
import { startRtspCamera } from "../support/rtsp.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

type Options = Parameters<typeof createStreamCamera>[0]

/** An open stream and how many of its pictures were dropped. */
async function opened(options: Omit<Options, "watch">) {
  let dropped = 0
  const camera = createStreamCamera({ ...options, watch: { dropped: () => (dropped += 1) } })
  const signal = new AbortController().signal
  const grabber = await camera.open(signal)
  cleanups.push(grabber.close)
  return {
    grab: (fresh = true) => grabber.grab({ fresh }, signal),
    lost: grabber.lost,
    close: grabber.close,
    dropped: () => dropped,
  }
}

const raw = (frame: CapturedFrame) => {
  if (frame.image.form !== "raw") throw new Error("a stream gives raw pixels")
  return frame.image
}
const pixel = ({ data, width, channels }: RawImage, x: number, y: number) => [
  ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
]

const colours = "color=c=0x20c040:size=64x48:rate=30"

describe("a stream read by ffmpeg", () => {
  test("gives pictures with the colours that were sent, or grey ones on request", async () => {
    const colour = await opened({ source: { input: colours, format: "lavfi" } })
    const image = raw(await colour.grab())
    expect(image).toMatchObject({ width: 64, height: 48, channels: 3 })
    expect(image.data.length).toBe(64 * 48 * 3)
    for (const [i, value] of pixel(image, 30, 20).entries()) {
      expect(Math.abs(value - [0x20, 0xc0, 0x40][i]!)).toBeLessThan(4)
    }
    const grey = await opened({ source: { input: colours, format: "lavfi", gray: true } })
    expect(raw(await grey.grab())).toMatchObject({ width: 64, height: 48, channels: 1 })
  })

  test("looks at the newest picture; those nobody asked for are dropped and counted", async () => {
    const source = { input: "testsrc=size=64x48:rate=50", format: "lavfi" }
    const { grab, dropped } = await opened({ source })
    const before = await grab()
    for (let i = 0; i < 100 && dropped() < 10; i++) await Bun.sleep(20)
    expect(dropped()).toBeGreaterThanOrEqual(10)
    const after = await grab(false)
    expect(after.captured_at).toBeGreaterThanOrEqual(before.captured_at)
  })

  test("refuses pictures of more pixels than the station takes, before memory is spent on them", async () => {
    const source = { input: "color=size=12000x9000:rate=1", format: "lavfi" }
    const problem = await opened({ source }).catch((error: unknown) => error)
    expect(problem).toBeInstanceOf(Problem)
    expect(problem).toMatchObject({ key: "picture_too_large" })
  })

  test("kills a child that hangs, and says so", async () => {
    const program = await script(`
      if [ "$1" = -version ]; then echo "ffmpeg version 5.1.0"; exit; fi
      printf 'P6\\n1 1\\n255\\nabc'
      while :; do sleep 1; done`)
    const stream = await opened({ source: { input: "x" }, program, stall_ms: 300 })
    const waiting = stream.grab().catch((error: unknown) => error)
    expect(await stream.lost).toMatchObject({ key: "camera_stalled" })
    expect(await waiting).toMatchObject({ key: "camera_stalled" })
    await stream.close()
    expect(await processesOf(program)).toEqual([])
  })

  test("says what ffmpeg says when a stream ends, and takes bytes that are no picture for damage", async () => {
    const missing = opened({ source: { input: join(tempFolder(), "none.mp4") } })
    await expect(missing).rejects.toThrow(/has ended.*No such file/)
    const program = await script(
      'printf "P6\\n1 1\\n255\\nabcP7 what is this? It is long enough to tell."; sleep 1',
    )
    const stream = await opened({ source: { input: "x" }, program })
    expect(await stream.lost).toMatchObject({ key: "stream_damaged" })
  })

  test("says plainly that ffmpeg is missing", async () => {
    const stream = opened({ source: { input: "x" }, program: join(tempFolder(), "ffmpeg") })
    await expect(stream).rejects.toThrow(/needs ffmpeg.*apt-get install ffmpeg/)
  })
})

describe("an RTSP camera", () => {
  test("is read with a password that stands in no command line and in no message", async () => {
    const login = { user: "line", password: "p@ss'w0rd secret" }
    const camera = await startRtspCamera(login)
    cleanups.push(camera.stop)
    const source = { input: `rtsp://127.0.0.1:${camera.port}/cam`, options: { rtsp_transport: "tcp" } }
    const stream = await opened({ source: { ...source, ...login }, stall_ms: 1_500 })
    expect(raw(await stream.grab())).toMatchObject({ width: 160, height: 120, channels: 3 })
    expect(await commandLines()).not.toContain("secret")

    camera.hang()
    expect(await stream.lost).toMatchObject({ key: "camera_stalled" })
    await stream.close()
    camera.goOn()
    const again = await opened({ source: { ...source, ...login } })
    expect(raw(await again.grab()).width).toBe(160)
    camera.stop()
    expect((await again.lost).message).toContain(`rtsp://127.0.0.1:${camera.port}/cam has ended`)
    await again.close()
  }, 60_000)

  test("that refuses the password is said without repeating it", async () => {
    const camera = await startRtspCamera({ user: "line", password: "right" })
    cleanups.push(camera.stop)
    const input = `rtsp://line:wrong@127.0.0.1:${camera.port}/cam`
    const problem = await opened({ source: { input } }).catch((error: Error) => error.message)
    expect(problem).toContain("401")
    expect(problem).not.toContain("wrong")
  }, 60_000)
})

async function script(lines: string): Promise<string> {
  const path = join(tempFolder(), "ffmpeg")
  await writeFile(path, `#!/bin/sh\n${lines}\n`)
  await chmod(path, 0o755)
  return path
}

/** What anybody on this machine can read with `ps`. */
async function commandLines(): Promise<string> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")))
  return lines.join("\n")
}

async function processesOf(program: string): Promise<string[]> {
  return (await commandLines()).split("\n").filter((line) => line.includes(program))
}
