import * as v from "valibot"
import { Count, DeviceId, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { Evaluation } from "./inspection.ts"

/**
 * A place in a message: `a.b[0].c`, `["odd name"].x`; `$topic.name`, `$file.stem`, `$form.name` and `$query.name` reach
 * what came beside the payload.
 */
export const FieldPath = v.pipe(
  v.string(),
  v.maxLength(128),
  v.regex(
    /^(?:[^.[\]"\s][^.[\]"]*|\[\d{1,4}\]|\["[^"]{1,64}"\])(?:\.[^.[\]"]+|\[\d{1,4}\]|\["[^"]{1,64}"\])*$/,
    "not a path such as result.items[0].name",
  ),
)

const level = /^(?:[^/+#{}$\0]+|\+|\{[a-z][a-z0-9_]{0,31}\})$/

function isTopicPattern(pattern: string): boolean {
  const levels = pattern.split("/")
  if (levels.at(-1) === "#") levels.pop()
  const names = levels.filter((text) => text.startsWith("{"))
  return (
    levels.length > 0 &&
    levels.length <= 32 &&
    levels.every((text) => level.test(text)) &&
    new Set(names).size === names.length
  )
}

/** MQTT filter whose levels may be named: `frigate/{camera}/+/snapshot`. A named level is read as `$topic.camera`. */
export const TopicPattern = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(256),
  v.check(isTopicPattern, "not a topic such as line1/{camera}/image"),
)

/** Topics of a system that was there before the hub. It may not reach into what the hub and its stations say. */
export const ForeignTopic = v.pipe(
  TopicPattern,
  v.check(
    (pattern) => /^[^+#{]/.test(pattern) && !/^(crux|uns|spBv1\.0)(\/|$)/i.test(pattern),
    "must begin with a name of its own, such as frigate/#",
  ),
)

const Words = v.pipe(v.array(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))), v.maxLength(32))

/** Which words of the camera mean what; any other word is undecidable. Upper and lower case are the same. */
export const VerdictMap = v.object({ path: FieldPath, ok: Words, ng: Words, undecidable: Words })
/** A number from `min` to `max` becomes an NG score from 0 to 1, turned round when `high` means OK. */
export const ScoreMap = v.pipe(
  v.object({ path: FieldPath, min: v.number(), max: v.number(), high: v.picklist(["ng", "ok"]) }),
  v.check(({ min, max }) => max > min, "the largest score must be above the smallest"),
)
/** `auto` tells seconds, milliseconds and ISO 8601 apart. A time without a zone is the hub's own. */
export const TimeMap = v.object({ path: FieldPath, form: v.picklist(["auto", "s", "ms", "iso"]) })

/** Where a message says what the hub wants to know. Everything may be left out. */
export const SourceFields = v.object({
  /** The camera's own name of the shot: makes repeats recognisable for ever. */
  id: v.optional(FieldPath),
  part: v.optional(FieldPath),
  product: v.optional(FieldPath),
  recipe: v.optional(FieldPath),
  job: v.optional(FieldPath),
  verdict: v.optional(VerdictMap),
  score: v.optional(ScoreMap),
  time: v.optional(TimeMap),
  /** Only messages that say this are results; others are left aside. */
  only: v.optional(v.object({ path: FieldPath, is: v.pipe(Words, v.minLength(1)) })),
})
export type SourceFields = v.InferOutput<typeof SourceFields>

/** Largest message of a camera, in bytes. */
export const maxSourceBytes = 16 * 1024 * 1024

const seconds = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))
const common = {
  fields: v.optional(SourceFields, {}),
  max_bytes: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(64 * 1024), v.maxValue(maxSourceBytes)),
    8 * 1024 * 1024,
  ),
  /** The same bytes again within this time, or up to twice of it, are the same shot sent twice. */
  repeat_s: v.optional(seconds(0, 3600), 60),
}
const Topics = v.pipe(v.array(TopicPattern), v.minLength(1), v.maxLength(16))
const Keys = v.pipe(v.array(FieldPath), v.minLength(1), v.maxLength(4))

/** How messages of one camera are read. */
export const SourceProfile = v.variant("kind", [
  v.object({ kind: v.literal("picture"), topics: Topics, ...common }),
  v.object({ kind: v.literal("json"), topics: Topics, image: FieldPath, ...common }),
  v.object({
    kind: v.literal("pair"),
    picture_topic: TopicPattern,
    data_topic: TopicPattern,
    join: v.variant("by", [
      /** Both halves say the same at these paths, in this order. */
      v.object({ by: v.literal("key"), picture: Keys, data: Keys }),
      /** The oldest half that still waits. */
      v.object({ by: v.literal("time") }),
    ]),
    /** How long a half waits for the other; then it is stored alone. */
    wait_s: seconds(1, 600),
    /** A camera that sends better and better pictures of one part: only the newest waits. */
    newest: v.optional(v.boolean(), false),
    ...common,
  }),
  v.object({
    kind: v.literal("http"),
    /** Where a JSON body holds the image. */
    image: v.optional(FieldPath),
    ...common,
  }),
  v.object({
    kind: v.literal("folder"),
    /** Inside the hub's drop folder. */
    folder: v.pipe(
      v.string(),
      v.regex(/^(?:\{source\}|[a-z0-9][a-z0-9_-]{0,63})$/i, "letters, digits, - and _ only"),
    ),
    sidecar: v.picklist(["none", "txt", "csv", "json"]),
    /** How long a picture waits for its data file; then it is stored without. */
    sidecar_wait_s: v.optional(seconds(1, 600), 10),
    after: v.picklist(["move", "delete"]),
    ...common,
  }),
])
export type SourceProfile = v.InferOutput<typeof SourceProfile>

const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))
const Foreign = v.pipe(v.array(ForeignTopic), v.maxLength(8))

export const NewSource = v.object({
  id: DeviceId,
  name: Name,
  preset: Key,
  profile: SourceProfile,
  foreign_topics: v.optional(Foreign, []),
})
export type NewSource = v.InferOutput<typeof NewSource>
export const SourcePatch = v.object({
  name: v.optional(Name),
  profile: v.optional(SourceProfile),
  foreign_topics: v.optional(Foreign),
  enabled: v.optional(v.boolean()),
})
export type SourcePatch = v.InferOutput<typeof SourcePatch>

const Counts = v.object({
  stored: Count,
  repeated: Count,
  ignored: Count,
  quarantined: Count,
  refused: Count,
})
export type SourceCounts = v.InferOutput<typeof Counts>

export const SourceView = v.object({
  id: DeviceId,
  name: v.string(),
  preset: v.string(),
  profile: SourceProfile,
  foreign_topics: v.array(v.string()),
  enabled: v.boolean(),
  created_at: Instant,
  /** `trouble`: the last message was not understood or not taken. `new`: nothing has come yet. */
  state: v.picklist(["new", "ok", "trouble", "off"]),
  connected: Count,
  seen_at: v.optional(Instant),
  /** Messages in the last minute. */
  per_minute: v.number(),
  counts: Counts,
  trouble: v.optional(v.object({ at: Instant, code: v.string(), detail: v.string() })),
  /** Halves that wait for the other one. */
  waiting: Count,
  /** What to type into the camera. */
  connect: v.object({
    /** With `tls` it is TLS 1.3, and the camera must trust the hub's authority (`/api/ca.pem`). */
    mqtt: v.object({ host: v.string(), port: v.number(), tls: v.boolean(), topic: v.string() }),
    http: v.string(),
    folder: v.optional(v.string()),
  }),
})
export type SourceView = v.InferOutput<typeof SourceView>

/** The token is shown once and stored hashed: MQTT password (user name = source) or HTTP token. */
export const SourceWithToken = v.object({ source: SourceView, token: v.string() })

/** A remark about a message that was taken nevertheless. */
export const SourceNote = v.object({ code: Key, value: v.optional(v.string()) })
export type SourceNote = v.InferOutput<typeof SourceNote>

export const SourceFacts = v.object({
  key: v.optional(v.string()),
  part_id: v.optional(v.string()),
  product_id: v.optional(v.string()),
  recipe_id: v.optional(v.string()),
  job_id: v.optional(v.string()),
  verdict: v.object({ eval: Evaluation, code: v.optional(Key), score: v.optional(v.number()) }),
  ts: v.optional(Instant),
})
export type SourceFacts = v.InferOutput<typeof SourceFacts>

/**
 * What became of a message. `held`: one half, on disk, waits for the other. `later`: not taken and not acknowledged,
 * the camera keeps it. `refused`: not allowed, nothing kept.
 */
export const SourceOutcome = v.picklist([
  "stored",
  "repeated",
  "held",
  "replaced",
  "ignored",
  "quarantined",
  "later",
  "refused",
])
export type SourceOutcome = v.InferOutput<typeof SourceOutcome>

export const SourceMessage = v.object({
  n: Count,
  at: Instant,
  via: v.picklist(["mqtt", "http", "folder", "retry"]),
  /** Topic, or file name. */
  topic: v.string(),
  size: Count,
  /** First bytes, as text when they are text, else in hex. */
  head: v.string(),
  st: SourceOutcome,
  code: v.optional(Key),
  detail: v.optional(v.string()),
  inspection_id: v.optional(Uuid),
  sha256: v.optional(Sha256),
  facts: v.optional(SourceFacts),
  notes: v.array(SourceNote),
})
export type SourceMessage = v.InferOutput<typeof SourceMessage>

export const QuarantinedMessage = v.object({
  n: Count,
  at: Instant,
  via: v.string(),
  topic: v.string(),
  size: Count,
  code: v.string(),
  detail: v.string(),
  head: v.string(),
  /** Whether the whole message is still there, so that it can be tried again. */
  whole: v.boolean(),
})
export type QuarantinedMessage = v.InferOutput<typeof QuarantinedMessage>

/** Tries a profile on a sample; nothing is stored. */
export const SourceTest = v.object({
  profile: SourceProfile,
  topic: v.pipe(v.string(), v.maxLength(256)),
  type: v.optional(v.pipe(v.string(), v.maxLength(128)), ""),
  /** The sample, base64. */
  sample: v.pipe(v.string(), v.maxLength(12 * 1024 * 1024)),
  /** Data file beside a picture, base64. */
  sidecar: v.optional(v.pipe(v.string(), v.maxLength(128 * 1024))),
})
export const SourceTestResult = v.object({
  understood: v.picklist(["part", "picture_half", "data_half", "ignored", "refused"]),
  code: v.optional(v.string()),
  detail: v.optional(v.string()),
  image: v.optional(v.object({ mime: v.string(), w: v.number(), h: v.number(), size: v.number() })),
  facts: v.optional(SourceFacts),
  notes: v.array(SourceNote),
})
export type SourceTestResult = v.InferOutput<typeof SourceTestResult>

/** A ready profile; `{source}` in topics and folder stands for the source's id. */
export const SourcePreset = v.object({
  key: Key,
  profile: SourceProfile,
  foreign_topics: v.array(v.string()),
})
export type SourcePreset = v.InferOutput<typeof SourcePreset>

/** Answer of POST /api/in/{source}. */
export const SourceReceipt = v.object({
  st: SourceOutcome,
  id: v.optional(Uuid),
  code: v.optional(v.string()),
})
