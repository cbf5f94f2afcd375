import type { User } from "#contract/users"
import type { LabelConfig } from "./config.rules.ts"

/** How Label Studio writes a moment: UTC with microseconds. */
export const iso = (at: number) => new Date(at).toISOString().replace("Z", "000Z")

/** Milliseconds of a moment as programs write it; undefined for none. */
export function momentOf(text: string | null | undefined): number | undefined {
  const at = text ? Date.parse(text) : Number.NaN
  return Number.isFinite(at) && at >= 0 ? at : undefined
}

export type LsUserRow = { id: number; user_id: string; email: string }

/** A person as programs see one. */
export function userShape(row: LsUserRow, user: User | undefined) {
  const name = user?.name ?? row.email
  return {
    id: row.id,
    first_name: name,
    last_name: "",
    username: user?.login ?? row.email,
    email: row.email,
    last_activity: iso(user?.created_at ?? 0),
    date_joined: iso(user?.created_at ?? 0),
    avatar: null,
    initials: [...name].slice(0, 2).join(""),
    phone: "",
    active_organization: 1,
    allow_newsletters: false,
  }
}

/**
 * A result that came as a bare word or value, for a config that asks one thing; anything else as it is. Null when the
 * config asks several things and nobody can tell which is meant.
 */
export function wholeResult(
  result: string | Record<string, unknown> | Record<string, unknown>[],
  config: LabelConfig,
): Record<string, unknown>[] | null {
  if (Array.isArray(result)) return result
  const control = config.controls[0]
  if (!control || config.controls.length !== 1) return null
  const value = typeof result === "string" ? { [valueKey(control.type)]: [result] } : result
  return [{ from_name: control.name, to_name: control.toName[0] ?? "", type: control.type, value }]
}

const valueKey = (type: string) => (type === "textarea" ? "text" : type)

/** Fields of a project that have a meaning here or a default that clients rely on. */
export const projectDefaults = {
  expert_instruction: "",
  show_instruction: false,
  show_skip_button: true,
  enable_empty_annotation: true,
  show_annotation_history: false,
  organization: 1,
  color: "#FFFFFF",
  maximum_annotations: 1,
  is_published: false,
  model_version: "",
  is_draft: false,
  min_annotations_to_start_training: 0,
  start_training_on_annotation_update: false,
  show_collab_predictions: true,
  sampling: "Sequential sampling",
  show_ground_truth_first: false,
  show_overlap_first: false,
  overlap_cohort_percentage: 100,
  task_data_login: null,
  task_data_password: null,
  control_weights: {},
  evaluate_predictions_automatically: false,
  skip_queue: "REQUEUE_FOR_OTHERS",
  reveal_preannotations_interactively: false,
  pinned_at: null,
  description: "",
} as const
