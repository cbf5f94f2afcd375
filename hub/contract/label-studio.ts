import * as v from "valibot"
import { Count, DefectKey, Finite, Uuid } from "./ids.ts"
import { Finding, Verdict } from "./inspection.ts"
import { DrawingTool, Question } from "./questions.ts"

/**
 * What programs written for Label Studio send. They send more than is documented and leave out what they like: unknown
 * fields are let through, known ones are checked.
 */

/** Whole numbers as Label Studio numbers everything, in a path or as JSON. */
export const Number63 = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number))]),
  v.safeInteger(),
  v.minValue(0),
)
const Text = (most: number) => v.pipe(v.string(), v.maxLength(most))
const Flag = v.union([
  v.boolean(),
  v.pipe(
    v.string(),
    v.transform((text) => /^(true|1|yes|on)$/i.test(text)),
  ),
])
const Data = v.record(v.string(), v.unknown())
const Results = v.pipe(v.array(Data), v.maxLength(20_000))

const projectFields = {
  title: v.nullish(Text(200)),
  description: v.nullish(Text(100_000)),
  label_config: v.nullish(Text(1_048_576)),
}
/** POST and PATCH /api/projects/ */
export const LsProjectBody = v.looseObject(projectFields)
/** POST /api/projects/{id}/validate/ */
export const LsConfigBody = v.looseObject({ label_config: Text(1_048_576) })

const Annotation = v.looseObject({
  result: v.optional(Results, []),
  completed_by: v.optional(v.unknown()),
  was_cancelled: v.nullish(Flag),
  ground_truth: v.nullish(Flag),
  lead_time: v.nullish(Finite),
  unique_id: v.nullish(Text(128)),
  import_id: v.nullish(Number63),
  parent_prediction: v.nullish(Number63),
  parent_annotation: v.nullish(Number63),
  created_at: v.nullish(Text(40)),
})
export type LsAnnotationIn = v.InferOutput<typeof Annotation>
/** POST /api/tasks/{id}/annotations/ and PATCH /api/annotations/{id}/ */
export const LsAnnotationBody = Annotation

/** A result may be a bare word or a bare value, for a config that asks one thing. */
const LooseResult = v.union([Results, v.string(), Data])
const Prediction = v.looseObject({
  result: LooseResult,
  score: v.nullish(Finite),
  model_version: v.nullish(Text(256)),
})
export type LsPredictionIn = v.InferOutput<typeof Prediction>
/** POST /api/predictions/ */
export const LsPredictionBody = v.looseObject({ ...Prediction.entries, task: Number63 })
export const LsPredictionPatch = v.looseObject({
  result: v.optional(LooseResult),
  score: v.nullish(Finite),
  model_version: v.nullish(Text(256)),
})

/** One task with all that belongs to it. `crux_key` is ours: a name that makes bringing it again harmless. */
export const LsTaskIn = v.looseObject({
  data: Data,
  meta: v.nullish(Data),
  annotations: v.optional(v.nullable(v.array(Annotation)), []),
  predictions: v.optional(v.nullable(v.array(v.union([v.number(), Prediction]))), []),
  crux_key: v.nullish(Text(256)),
})
export type LsTaskIn = v.InferOutput<typeof LsTaskIn>

/** POST /api/tasks/ and PATCH /api/tasks/{id}/ */
export const LsTaskBody = v.looseObject({ data: Data, meta: v.nullish(Data), project: Number63 })
export const LsTaskPatch = v.looseObject({ data: v.optional(Data), meta: v.nullish(Data) })

/** Query of GET /api/tasks/, and what views and actions carry. */
const Condition = v.looseObject({
  filter: Text(256),
  operator: Text(32),
  type: v.nullish(Text(32)),
  value: v.optional(v.unknown()),
})
export const LsFilters = v.looseObject({
  conjunction: v.optional(v.picklist(["and", "or"]), "and"),
  items: v.pipe(v.array(Condition), v.maxLength(64)),
})
export type LsFilters = v.InferOutput<typeof LsFilters>
export const LsSelected = v.looseObject({
  all: v.optional(Flag, false),
  included: v.optional(v.array(Number63), []),
  excluded: v.optional(v.array(Number63), []),
})
export type LsSelected = v.InferOutput<typeof LsSelected>
export const LsSelection = v.looseObject({
  filters: v.nullish(LsFilters),
  ordering: v.nullish(v.array(Text(256))),
  selectedItems: v.nullish(LsSelected),
})
export type LsSelection = v.InferOutput<typeof LsSelection>
/** POST and PATCH /api/dm/views/ */
export const LsViewBody = v.looseObject({ project: v.nullish(Number63), data: v.nullish(Data) })

/** POST /api/users/ */
export const LsUserBody = v.looseObject({
  email: v.nullish(v.pipe(v.string(), v.trim(), v.toLowerCase(), v.email(), v.maxLength(254))),
  username: v.nullish(Text(254)),
  first_name: v.nullish(Text(64)),
  last_name: v.nullish(Text(64)),
})

/** POST /api/token/refresh/ and its neighbours */
export const LsRefreshBody = v.looseObject({ refresh: Text(4096) })

/** POST /api/webhooks/ */
export const LsWebhookBody = v.looseObject({
  url: v.optional(Text(2048)),
  project: v.nullish(Number63),
  is_active: v.nullish(Flag),
  send_payload: v.nullish(Flag),
  send_for_all_actions: v.nullish(Flag),
  headers: v.nullish(
    v.pipe(
      v.record(Text(128), Text(1024)),
      v.check((all) => Object.keys(all).length <= 10, "at most 10 headers"),
    ),
  ),
  actions: v.nullish(v.pipe(v.array(Text(64)), v.maxLength(64))),
})

/** POST /api/ml/ */
export const LsBackendBody = v.looseObject({
  project: v.nullish(Number63),
  url: v.optional(Text(2048)),
  title: v.nullish(Text(256)),
  description: v.nullish(Text(10_000)),
  is_interactive: v.nullish(Flag),
  auth_method: v.nullish(Text(32)),
  basic_auth_user: v.nullish(Text(256)),
  basic_auth_pass: v.nullish(Text(256)),
  extra_params: v.nullish(v.unknown()),
  timeout: v.nullish(Finite),
})
export const LsInteractiveBody = v.looseObject({ task: Number63, context: v.nullish(Data) })

/** POST /api/projects/{id}/exports/ */
export const LsExportBody = v.looseObject({
  title: v.nullish(Text(2048)),
  task_filter_options: v.nullish(Data),
  annotation_filter_options: v.nullish(Data),
  serialization_options: v.nullish(Data),
})

/**
 * What a key is for, beside what its person may: looking, judging too, what models hand in too, or everything. What no scope
 * names needs a full key.
 */
export const KeyScope = v.picklist(["read", "label", "train", "full"])
export type KeyScope = v.InferOutput<typeof KeyScope>

/** POST /api/label-studio/tokens: a signed-in person makes a key for a program. */
export const NewProgramKey = v.object({
  kind: v.picklist(["legacy", "refresh"]),
  scope: v.optional(KeyScope, "full"),
  days: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3650)), 365),
})
export const ProgramKey = v.object({
  id: v.string(),
  kind: v.picklist(["legacy", "refresh"]),
  scope: KeyScope,
  created_at: v.number(),
  ends_at: v.nullable(v.number()),
  /** When a program last came in with it, to the minute. */
  used_at: v.nullable(v.number()),
})
export type ProgramKey = v.InferOutput<typeof ProgramKey>
/** The key itself is shown once. */
export const ProgramKeyWithToken = v.object({ ...ProgramKey.entries, token: v.string() })

const ServerUrl = v.pipe(v.string(), v.trim(), v.url(), v.maxLength(2048))
const Secret = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
/** Longest wait for an answer about a group of parts, seconds. */
const ServerTimeout = v.pipe(v.number(), v.minValue(1), v.maxValue(600))
const serverSettings = {
  url: ServerUrl,
  title: v.pipe(v.string(), v.trim(), v.maxLength(256)),
  /** Asked while somebody draws. */
  interactive: v.boolean(),
  /** Asked before people are. */
  prelabels: v.boolean(),
  timeout_s: ServerTimeout,
}
/** How the hub signs in at a model server: by name and password, or with a token; not at all when absent. */
const serverSecrets = { user: v.optional(Text(256)), password: v.optional(Secret), token: v.optional(Secret) }

/** POST /api/label-studio/servers (engineer): connects a model server that speaks Label Studio's protocol. */
export const NewModelServer = v.object({
  ...serverSecrets,
  project: Number63,
  url: ServerUrl,
  title: v.optional(serverSettings.title, ""),
  interactive: v.optional(v.boolean(), false),
  prelabels: v.optional(v.boolean(), false),
  timeout_s: v.optional(ServerTimeout, 100),
})
/** PATCH /api/label-studio/servers/:id; what is absent stays. */
export const ModelServerPatch = v.partial(v.object({ ...serverSettings, ...serverSecrets }))

/** GET /api/label-studio/servers: model servers, and how they are. */
export const ModelServer = v.object({
  id: Count,
  ...serverSettings,
  url: v.string(),
  project: v.object({ id: Count, title: v.string() }),
  sign_in: v.picklist(["none", "password", "token"]),
  state: v.picklist(["connected", "failed", "unknown"]),
  error: v.nullable(v.string()),
  model_version: v.string(),
  /** Words it may answer with, after the project's config, and the classes they mean here; null: a word nobody knows. */
  labels: v.array(v.object({ word: v.string(), kind: v.nullable(DefectKey) })),
  /** Tasks of its project, and those somebody has predicted. */
  tasks: Count,
  predicted: Count,
  /** The newest time that it was asked about many, since the hub was started. */
  run: v.nullable(
    v.object({
      done: Count,
      of: Count,
      answered: Count,
      error: v.nullable(v.string()),
      ended: v.boolean(),
    }),
  ),
})
export type ModelServer = v.InferOutput<typeof ModelServer>

/** POST /api/label-studio/servers/:id/predict: about tasks that have no prediction, or about all of them. */
export const PredictionRun = v.object({ all: v.optional(v.boolean(), false) })

/** POST /api/label-studio/servers/:id/try: what it says of the project's newest part; nothing is kept. */
export const ModelServerTrial = v.object({
  /** The part, once its picture is here. */
  part: v.nullable(Uuid),
  verdict: v.nullable(Verdict),
  findings: v.array(Finding),
  model_version: v.string(),
  /** What of the answer is not understood here, or why it says nothing. */
  note: v.nullable(v.string()),
  ms: v.number(),
})
export type ModelServerTrial = v.InferOutput<typeof ModelServerTrial>

/** POST /api/label-studio/setup: a config as it is written, or that of a project. */
export const ConfigToRead = v.union([
  v.strictObject({ config: v.pipe(v.string(), v.maxLength(1024 * 1024)) }),
  v.strictObject({ project: Count }),
])
/** Tools and questions that ask on tablets what the config asks; nothing is stored. */
export const SetupOfConfig = v.object({
  tools: v.array(DrawingTool),
  questions: v.array(Question),
  /** Controls that have no place on a tablet. */
  left: v.array(v.string()),
  /** Names of defects that the catalogue does not know. */
  unknown: v.array(v.string()),
  /** Why it cannot be read. */
  faults: v.array(v.string()),
})
export type SetupOfConfig = v.InferOutput<typeof SetupOfConfig>

/** GET /api/label-studio/projects */
export const ProjectName = v.object({ id: Count, title: v.string(), tasks: Count })
export type ProjectName = v.InferOutput<typeof ProjectName>
