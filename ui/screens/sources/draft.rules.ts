import type { SourceProfile } from "#contract/source"

/** A profile as people type it: every place is a text. Lists are separated by commas. */
export type Draft = Readonly<Record<string, string>>

const list = (text = "") =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")
const number = (text: string | undefined) => (text?.trim() ? Number(text) : undefined)
const path = (text: string | undefined) => text?.trim() || undefined

/** What the form shows of a profile. */
export function draftOf(profile: SourceProfile, foreign: readonly string[]): Draft {
  const { fields } = profile
  const draft: Record<string, string | undefined> = {
    kind: profile.kind,
    foreign: foreign.join(", "),
    max_mb: String(profile.max_bytes / 1024 / 1024),
    repeat_s: String(profile.repeat_s),
    id: fields.id,
    part: fields.part,
    product: fields.product,
    recipe: fields.recipe,
    job: fields.job,
    verdict: fields.verdict?.path,
    ok: fields.verdict?.ok.join(", "),
    ng: fields.verdict?.ng.join(", "),
    undecidable: fields.verdict?.undecidable.join(", "),
    score: fields.score?.path,
    score_min: String(fields.score?.min ?? 0),
    score_max: String(fields.score?.max ?? 1),
    score_high: fields.score?.high ?? "ng",
    time: fields.time?.path,
    time_form: fields.time?.form ?? "auto",
    only: fields.only?.path,
    only_is: fields.only?.is.join(", "),
  }
  if ("topics" in profile) draft.topics = profile.topics.join(", ")
  if ("image" in profile) draft.image = profile.image
  if (profile.kind === "pair") {
    draft.picture_topic = profile.picture_topic
    draft.data_topic = profile.data_topic
    draft.join = profile.join.by
    draft.wait_s = String(profile.wait_s)
    draft.newest = profile.newest ? "newest" : "each"
    if (profile.join.by === "key") {
      draft.key_picture = profile.join.picture.join(", ")
      draft.key_data = profile.join.data.join(", ")
    }
  }
  if (profile.kind === "folder") {
    draft.folder = profile.folder
    draft.sidecar = profile.sidecar
    draft.sidecar_wait_s = String(profile.sidecar_wait_s)
    draft.after = profile.after
  }
  return Object.fromEntries(Object.entries(draft).map(([key, value]) => [key, value ?? ""]))
}

/** The profile that a form describes; not yet checked. */
export function profileOf(d: Draft): unknown {
  const verdict = path(d.verdict)
  const score = path(d.score)
  const time = path(d.time)
  const only = path(d.only)
  const fields = {
    id: path(d.id),
    part: path(d.part),
    product: path(d.product),
    recipe: path(d.recipe),
    job: path(d.job),
    verdict: verdict && {
      path: verdict,
      ok: list(d.ok),
      ng: list(d.ng),
      undecidable: list(d.undecidable),
    },
    score: score && { path: score, min: number(d.score_min), max: number(d.score_max), high: d.score_high },
    time: time && { path: time, form: d.time_form },
    only: only && { path: only, is: list(d.only_is) },
  }
  const common = {
    kind: d.kind,
    fields: Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""),
    ),
    max_bytes: Math.round((number(d.max_mb) ?? Number.NaN) * 1024 * 1024),
    repeat_s: number(d.repeat_s),
  }
  switch (d.kind) {
    case "picture":
      return { ...common, topics: list(d.topics) }
    case "json":
      return { ...common, topics: list(d.topics), image: d.image?.trim() ?? "" }
    case "pair":
      return {
        ...common,
        picture_topic: d.picture_topic,
        data_topic: d.data_topic,
        join:
          d.join === "key"
            ? { by: "key", picture: list(d.key_picture), data: list(d.key_data) }
            : { by: "time" },
        wait_s: number(d.wait_s),
        newest: d.newest === "newest",
      }
    case "folder":
      return {
        ...common,
        folder: d.folder,
        sidecar: d.sidecar,
        sidecar_wait_s: number(d.sidecar_wait_s),
        after: d.after,
      }
    default:
      return { ...common, ...(path(d.image) !== undefined && { image: path(d.image) }) }
  }
}

export const foreignOf = (d: Draft): string[] => list(d.foreign)
