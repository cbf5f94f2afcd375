import { afterAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { createBridgeCamera } from "../../../edge/cameras/bridge.camera.ts"
import type { CapturedFrame } from "../../../edge/cameras/camera.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

function bridge(mode: string) {
  const lines: string[] = []
  let dropped = 0
  const camera = createBridgeCamera({
    command: [process.execPath, join(import.meta.dir, "../support/bridge.child.ts"), mode],
    watch: { dropped: () => (dropped += 1) },
    onLine: (line) => lines.push(line),
  })
  return { camera, lines, dropped: () => dropped }
}

async function take(mode: string, count: number): Promise<CapturedFrame[]> {
  const stop = new AbortController()
  const frames: CapturedFrame[] = []
  for await (const frame of bridge(mode).camera.frames(stop.signal)) {
    frames.push(frame)
    if (frames.length === count) stop.abort()
  }
  return frames
}
const end = (mode: string) =>
  take(mode, 100).then(
    () => "an end without an error",
    (error: { key?: string; message: string }) => `${error.key}: ${error.message}`,
  )

describe("a camera's bridge", () => {
  test("hands over grey, RGB and BGR pixels with what it knows of the part", async () => {
    const frames = await take("three", 3)
    expect(frames.map(({ part_id, product_id }) => [part_id, product_id])).toEqual([
      ["A", "tile"],
      ["B", undefined],
      ["C", undefined],
    ])
    expect(frames.map(({ image }) => image)).toEqual([
      { form: "raw", data: Uint8Array.of(10, 20), width: 2, height: 1, channels: 1 },
      { form: "raw", data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 },
      { form: "raw", data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 },
    ])
  })

  test("may say something on standard error", async () => {
    const { camera, lines } = bridge("three")
    const frames = camera.frames(new AbortController().signal)[Symbol.asyncIterator]()
    await frames.next()
    await frames.return?.()
    expect(lines).toEqual(["bridge in mode three"])
  })

  test("that outruns the station loses pictures, never parts: those are undecidable", async () => {
    const { camera, dropped } = bridge("flood")
    const stop = new AbortController()
    const frames: CapturedFrame[] = []
    for await (const frame of camera.frames(stop.signal)) {
      // The station is busy while all twelve come in.
      if (frames.length === 0) await Bun.sleep(500)
      frames.push(frame)
      if (frames.length === 12) stop.abort()
    }
    expect(frames.map(({ part_id }) => part_id)).toEqual(Array.from({ length: 12 }, (_, i) => `P${i + 1}`))
    const missed = frames.filter(({ image }) => image.form === "none")
    expect(missed.length).toBe(dropped())
    expect(missed.length).toBeGreaterThan(0)
    expect(missed[0]?.image).toEqual({ form: "none", code: "frame_missed" })
  })

  test("that breaks the protocol is ended with a sentence that says where", async () => {
    expect(await end("bayer")).toMatch(/^pixel_format: .*bayer_rg8.*let the camera or the bridge/)
    expect(await end("short")).toMatch(/^frame_protocol: .*15 bytes are not 4x4 pixels of mono8/)
    expect(await end("huge")).toMatch(/^picture_too_large: /)
    expect(await end("garbage")).toMatch(/^frame_protocol: .*does not begin with CXR1/)
  })

  test("that dies gives what it had, then is lost; a program that is not there is said", async () => {
    const frames: CapturedFrame[] = []
    const watch = async () => {
      for await (const frame of bridge("dies").camera.frames(new AbortController().signal)) frames.push(frame)
    }
    await expect(watch()).rejects.toThrow("has ended (3)")
    expect(frames.map(({ part_id }) => part_id)).toEqual(["last"])
    const none = createBridgeCamera({
      command: ["/none/bridge"],
      watch: { dropped: () => {} },
      onLine: () => {},
    })
    await expect(none.open(new AbortController().signal)).rejects.toThrow("/none/bridge cannot be started")
  })

  test("takes a picture when it is told to, and is ended when it owes three in a row", async () => {
    const signal = new AbortController().signal
    const asked = await bridge("asked").camera.open(signal)
    cleanups.push(asked.close)
    for (const id of ["t1", "t2"]) {
      expect((await asked.grab({ fresh: true, id, facts: {} }, signal)).image).toMatchObject({ width: 2 })
    }
    const deaf = await bridge("deaf").camera.open(signal)
    cleanups.push(deaf.close)
    await deaf.grab({ fresh: true, id: "1", facts: { part_id: "first" } }, signal)
    for (const id of ["2", "3", "4"]) {
      const late = deaf.grab({ fresh: true, id, facts: {} }, AbortSignal.timeout(100))
      await expect(late).rejects.toThrow()
    }
    expect((await deaf.lost).message).toContain("has not answered 3 triggers")
  })
})
