import { expect, test } from "bun:test"
import * as v from "valibot"
import { createLog } from "#platform/log"
import { ffmpegInput } from "../../../edge/cameras/ffmpeg.ts"
import { streamSourceOf } from "../../../edge/cameras/stream-source.ts"
import { CameraConfig, StationConfig } from "../../../edge/config.ts"
import { openCamera } from "../../../edge/devices.ts"
import { createHubWire } from "../../../edge/hub-wire.ts"
import { shotsOf } from "../../../edge/shots.ts"
import { createWatch } from "../../../edge/surroundings.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { until } from "../support/kit.ts"

test("ffmpeg is asked to open the device with the size, pixels and pace of the settings", () => {
  const config = v.parse(CameraConfig, {
    driver: "v4l2",
    video: "/dev/video2",
    size: "1280x720",
    pixels: "mjpeg",
    fps: 15,
    gray: true,
  })
  if (config.driver !== "v4l2") throw new Error("another driver")
  const { args, script } = ffmpegInput(
    streamSourceOf(config, () => ({})),
    [7, 1],
  )
  expect(script).toBeUndefined()
  const from = args.slice(args.indexOf("-video_size"), args.indexOf("-map"))
  expect(from).toEqual([
    ...["-video_size", "1280x720", "-input_format", "mjpeg", "-framerate", "15"],
    ...["-f", "v4l2", "-i", "/dev/video2"],
  ])
  expect(args.slice(args.indexOf("-c:v"))).toEqual([
    ...["-c:v", "pgm", "-pix_fmt", "gray", "-f", "image2pipe", "pipe:1"],
  ])
})

test("a device that is not there is a lost camera with its name, told once and tried again", async () => {
  const events: string[] = []
  let attempts = 0
  const watch = createWatch({ now: Date.now })
  watch.listen({ event: ({ kind }) => events.push(kind), changed: () => {} })
  const log = createLog({ level: "error", subject: "edge", write: () => {}, now: Date.now })
  const config = v.parse(StationConfig, { camera: { driver: "v4l2", video: "/dev/video-not-here" } })
  const deps = { watch, wire: createHubWire(), log, uuid: systemIds.uuid, partsBefore: 0 }
  const stopping = new AbortController()
  const lost = (why: string) => {
    attempts += 1
    watch.camera.lost(why)
  }
  const camera = await openCamera(config, deps)
  const shots = shotsOf({
    camera,
    signal: stopping.signal,
    uuid: systemIds.uuid,
    now: Date.now,
    watch: { ...watch.camera, lost },
  })
  const ended = shots.next()
  await until("a second try", () => attempts >= 2)
  expect(watch.report().camera).toMatchObject({ state: "lost", frames: 0 })
  expect(watch.report().camera.why).toContain("/dev/video-not-here")
  expect(events).toEqual(["camera_lost"])
  stopping.abort()
  expect((await ended).done).toBe(true)
}, 60_000)
