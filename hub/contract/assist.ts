import * as v from "valibot"
import { Count, DefectKey, Instant, Key, Sha256 } from "./ids.ts"
import { Finding, Verdict } from "./inspection.ts"
import { HelpTool, InspectionView } from "./labelling.ts"

/** How far the background is with looking at pictures. `off`: this hub has no backbone, or similar parts are switched off. */
export const EmbeddingStatus = v.object({
  state: v.picklist(["off", "working", "idle", "failed"]),
  made: Count,
  unreadable: Count,
  /** Parts that have not had their turn, at most this many of them with a picture. */
  waiting: Count,
})
export type EmbeddingStatus = v.InferOutput<typeof EmbeddingStatus>

/** GET /api/assist/coverage: line by line (null: parts no model has looked at), what was picked for how it looks. */
export const CoverageStatus = v.object({
  state: v.picklist(["off", "working", "idle", "failed"]),
  lines: v.array(
    v.object({
      line: v.nullable(Key),
      /** Waiting parts that were compared with judged ones. */
      waiting: Count,
      judged: Count,
      picked: Count,
      at: Instant,
    }),
  ),
})
export type CoverageStatus = v.InferOutput<typeof CoverageStatus>

/** GET /api/inspections/:id/similar: the nearest first, and how people judged them. */
export const SimilarParts = v.object({
  items: v.array(
    v.object({
      /** Cosine of the angle between the two pictures; 1 is the same. */
      similarity: v.number(),
      inspection: InspectionView,
    }),
  ),
  judged: v.object({
    ok: Count,
    ng: Count,
    unsure: Count,
    kinds: v.array(v.object({ kind: DefectKey, parts: Count })),
  }),
  /** Parts that were searched. */
  searched: Count,
  /** Parts that could not be searched yet. */
  waiting: Count,
})
export type SimilarParts = v.InferOutput<typeof SimilarParts>

/** Which parts a search may answer with. */
export type SimilarFilter = {
  product?: string | undefined
  device?: string | undefined
  /** Only parts that people have judged. */
  judged?: boolean | undefined
  verdict?: "ok" | "ng" | "unsure" | undefined
  since?: number | undefined
  until?: number | undefined
}

/** What a model says of a part that waits for a person. It decides nothing. */
export const Prelabel = v.object({
  /** `server`: a model server, which has versions and no digest. */
  role: v.picklist(["champion", "teacher", "server"]),
  model: v.string(),
  verdict: Verdict,
  findings: v.array(Finding),
  /** Whether it sees the part differently than the station did. */
  disagrees: v.boolean(),
  made_at: Instant,
})
export type Prelabel = v.InferOutput<typeof Prelabel>

/** GET /api/assist/teacher: the models that look at waiting parts, and how far they are. */
export const TeacherView = v.object({
  teacher: v.nullable(Sha256),
  runs: v.array(
    v.object({
      role: v.picklist(["champion", "teacher"]),
      model: Sha256,
      made: Count,
      differed: Count,
      failed: Count,
      /** Parts that have not had their turn, at most this many of them waiting. */
      waiting: Count,
    }),
  ),
  state: v.picklist(["off", "working", "idle", "failed"]),
})
export type TeacherView = v.InferOutput<typeof TeacherView>
/** PUT /api/assist/teacher */
export const NewTeacher = v.object({ model: v.nullable(Sha256) })

/** A share with its 95 % interval (Wilson). */
const Rate = v.object({ n: Count, share: v.number(), low: v.number(), high: v.number() })
export type Rate = v.InferOutput<typeof Rate>
const Time = v.object({ n: Count, median_ms: v.number() })

/** GET /api/assist/help: whether help helps. Only first looks at parts of which a model had an opinion. */
export const HelpReport = v.object({
  since: Instant,
  blind_share: v.number(),
  time: v.object({
    helped: Time,
    blind: Time,
    /** Time with help over time without, as a ratio of geometric means with its 95 % interval; null below five labels each. */
    ratio: v.nullable(v.object({ value: v.number(), low: v.number(), high: v.number() })),
  }),
  /** How often people said what the model says: more with help than without means that help leads people. */
  agreement: v.object({ helped: Rate, blind: Rate }),
  tools: v.array(v.object({ tool: HelpTool, shown: Count, as_is: Count, changed: Count, taken: Rate })),
  days: v.array(v.object({ day: Instant, shown: Count, taken: Count })),
})
export type HelpReport = v.InferOutput<typeof HelpReport>
