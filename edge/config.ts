import * as v from "valibot"
import { Key } from "#contract/ids"
import { InspectionHeader } from "#contract/inspection"
import { Sampling } from "#contract/release"

const whole = (min: number, max: number) =>
  v.pipe(
    v.number(`must be a whole number from ${min} to ${max}`),
    v.integer(`must be a whole number from ${min} to ${max}`),
    v.minValue(min, `must be a whole number from ${min} to ${max}`),
    v.maxValue(max, `must be a whole number from ${min} to ${max}`),
  )
const Text = v.pipe(v.string("must be a text"), v.minLength(1, "must not be empty"), v.maxLength(1_024))
const address = (...protocols: string[]) =>
  v.pipe(
    Text,
    v.check(
      (url) => URL.canParse(url) && protocols.includes(new URL(url).protocol),
      `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    ),
  )
const Argv = v.pipe(
  v.array(v.string(), "must be a list of texts: the program and its arguments"),
  v.minLength(1, "needs a program"),
  v.maxLength(64),
)
const Milliseconds = whole(1, 600_000)
const Port = whole(1, 65_535)
const Interval = whole(0, 1_000_000_000)
const Megapixels = v.optional(v.pipe(v.number("must be a number"), v.minValue(0.01), v.maxValue(120)), 50)

const login = { user: v.optional(Text), password_file: v.optional(Text) }
const moving = {
  fps: v.optional(v.pipe(v.number("must be a number"), v.minValue(0.01), v.maxValue(1_000))),
  gray: v.optional(v.boolean("must be true or false"), false),
  stall_ms: v.optional(Milliseconds, 10_000),
  interval_ms: v.optional(Interval),
  max_megapixels: Megapixels,
}

export const CameraConfig = v.variant("driver", [
  v.strictObject({
    driver: v.literal("simulator"),
    scenario: v.optional(Text),
    station: v.optional(whole(1, 1_000), 1),
    interval_ms: v.optional(Interval, 1_000),
  }),
  v.strictObject({
    driver: v.literal("images"),
    images: Text,
    station: v.optional(whole(1, 1_000), 1),
    stations: v.optional(whole(1, 1_000), 1),
    seed: v.optional(whole(0, 1_000_000_000), 7),
    interval_ms: v.optional(Interval, 1_000),
  }),
  v.strictObject({ driver: v.literal("folder"), folder: Text, interval_ms: v.optional(Interval, 1_000) }),
  v.strictObject({
    driver: v.literal("http"),
    url: address("http:", "https:"),
    ...login,
    timeout_ms: v.optional(Milliseconds, 5_000),
    max_mb: v.optional(whole(1, 512), 32),
    interval_ms: v.optional(Interval, 1_000),
    max_megapixels: Megapixels,
  }),
  v.strictObject({
    driver: v.literal("rtsp"),
    url: address("rtsp:", "rtsps:"),
    ...login,
    transport: v.optional(v.picklist(["tcp", "udp"]), "tcp"),
    ...moving,
  }),
  v.strictObject({
    driver: v.literal("v4l2"),
    video: v.optional(Text, "/dev/video0"),
    size: v.optional(v.pipe(v.string(), v.regex(/^\d{2,5}x\d{2,5}$/, "must be like 1280x720"))),
    pixels: v.optional(Text),
    ...moving,
  }),
  v.strictObject({
    driver: v.literal("stream"),
    input: Text,
    format: v.optional(v.pipe(Text, v.regex(/^[a-z0-9_,]+$/, "must be the name of a format"))),
    options: v.optional(v.record(v.pipe(v.string(), v.regex(/^[a-z0-9_]+$/i)), v.string()), {}),
    ...login,
    ...moving,
  }),
  v.strictObject({
    driver: v.literal("bridge"),
    command: Argv,
    interval_ms: v.optional(Interval),
    max_megapixels: Megapixels,
  }),
])
export type CameraConfig = v.InferOutput<typeof CameraConfig>

const peer = { url: address("mqtt:", "mqtts:"), topic: Text, ...login }

export const TriggerConfig = v.variant("driver", [
  v.strictObject({ driver: v.literal("free") }),
  v.strictObject({ driver: v.literal("interval") }),
  v.strictObject({ driver: v.literal("stdin") }),
  v.strictObject({ driver: v.literal("hub") }),
  v.strictObject({
    driver: v.literal("http"),
    host: v.optional(Text, "127.0.0.1"),
    port: v.optional(whole(0, 65_535), 8090),
    token_file: v.optional(Text),
  }),
  v.strictObject({ driver: v.literal("mqtt"), ...peer }),
])
export type TriggerConfig = v.InferOutput<typeof TriggerConfig>

const Address = whole(0, 65_535)
const Word = whole(0, 65_535)

const ModbusCodes = v.pipe(
  v.strictObject({
    none: v.optional(Word, 0),
    ok: v.optional(Word, 1),
    ng: v.optional(Word, 2),
    undecidable: v.optional(Word, 3),
  }),
  v.check(
    (codes) => Object.entries(codes).every(([name, code]) => name === "ok" || code !== codes.ok),
    "must not give anything the code of ok: only ok lets a part pass",
  ),
)

const registers = { verdict: 0, counter: 1, heartbeat: 2, busy: 3 }

export const OutputConfig = v.variant("driver", [
  v.strictObject({ driver: v.literal("log"), name: v.optional(Key) }),
  v.strictObject({ driver: v.literal("hub"), name: v.optional(Key) }),
  v.strictObject({
    driver: v.literal("http"),
    name: v.optional(Key),
    url: address("http:", "https:"),
    token_file: v.optional(Text),
    timeout_ms: v.optional(Milliseconds, 1_000),
    retries: v.optional(whole(0, 5), 2),
    every: v.optional(v.boolean("must be true or false"), false),
  }),
  v.strictObject({ driver: v.literal("mqtt"), name: v.optional(Key), ...peer }),
  v.strictObject({
    driver: v.literal("modbus"),
    name: v.optional(Key),
    host: Text,
    port: v.optional(Port, 502),
    unit: v.optional(whole(0, 255), 1),
    registers: v.optional(
      v.strictObject({
        verdict: v.optional(Address),
        counter: v.optional(Address),
        heartbeat: v.optional(Address),
        busy: v.optional(Address),
      }),
      registers,
    ),
    coils: v.optional(
      v.strictObject({
        ok: v.optional(Address),
        ng: v.optional(Address),
        undecidable: v.optional(Address),
        busy: v.optional(Address),
        heartbeat: v.optional(Address),
      }),
      {},
    ),
    codes: v.optional(ModbusCodes, {}),
    timeout_ms: v.optional(Milliseconds, 500),
    heartbeat_ms: v.optional(whole(50, 60_000), 500),
  }),
  v.strictObject({
    driver: v.literal("command"),
    name: v.optional(Key),
    command: Argv,
    timeout_ms: v.optional(Milliseconds, 2_000),
  }),
])
export type OutputConfig = v.InferOutput<typeof OutputConfig>

const { product_id, recipe_id, job_id } = InspectionHeader.entries

/** What a station is connected to, and what it keeps: the file of `crux edge --config`, and the options beside it. */
export const StationConfig = v.strictObject({
  camera: v.optional(CameraConfig, { driver: "simulator" }),
  trigger: v.optional(TriggerConfig),
  /** Longest wait for the picture of a trigger. */
  picture_ms: v.optional(Milliseconds, 5_000),
  outputs: v.optional(v.pipe(v.array(OutputConfig), v.maxLength(16)), [{ driver: "log" }]),
  /** Of every part whose camera and trigger do not say. */
  part: v.optional(v.strictObject({ product_id, recipe_id, job_id }), {}),
  /** Goes before what the hub asks for. */
  sampling: v.optional(v.strictObject(v.partial(Sampling).entries), {}),
})
export type StationConfig = v.InferOutput<typeof StationConfig>
