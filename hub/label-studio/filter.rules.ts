import type { LsFilters, LsSelected } from "#contract/label-studio"

/** A condition on tasks `t` as SQL; every value is bound, never written into the text. */
export type Where = { readonly sql: string; readonly params: Readonly<Record<string, string | number>> }

export const everything: Where = { sql: "1", params: {} }

const newest = `ls_annotation a JOIN ls_annotation_revision r ON r.annotation = a.id AND r.revision = a.revision
  WHERE a.task = t.id AND a.deleted_at IS NULL`

/** What each column of Label Studio's data manager is here. */
const columns: Readonly<Record<string, string>> = {
  id: "t.id",
  inner_id: "t.inner_id",
  created_at: "t.created_at",
  updated_at: "t.updated_at",
  completed_at: "t.completed_at",
  total_annotations: "t.annotations",
  cancelled_annotations: "t.cancelled",
  total_predictions: "t.predictions",
  annotations_results: `(SELECT group_concat(r.result) FROM ${newest})`,
  annotations_ids: `(SELECT group_concat(a.id) FROM ${newest})`,
  annotators: `(SELECT group_concat(u.id) FROM ${newest.replace("WHERE", "JOIN ls_user u ON u.user_id = a.user_id WHERE")})`,
  avg_lead_time: `(SELECT avg(r.lead_time) FROM ${newest})`,
  predictions_results: "(SELECT group_concat(p.result) FROM ls_prediction p WHERE p.task = t.id)",
  predictions_score: "(SELECT avg(p.score) FROM ls_prediction p WHERE p.task = t.id)",
  predictions_model_versions:
    "(SELECT group_concat(DISTINCT p.model_version) FROM ls_prediction p WHERE p.task = t.id)",
  file_upload: "(SELECT u.name FROM ls_upload u WHERE u.id = t.upload)",
  ground_truth: `(SELECT max(r.ground_truth) FROM ${newest})`,
  draft_exists: "0",
  /** Ours: the name whoever brought a task gave it. */
  crux_key: "t.source_key",
}

type Condition = LsFilters["items"][number]

/** The condition of a data manager's filters; null when one of them is not understood. */
export function whereOf(filters: LsFilters | null | undefined): Where | null {
  if (!filters || filters.items.length === 0) return everything
  const params: Record<string, string | number> = {}
  const bind = (value: string | number) => {
    const name = `f${Object.keys(params).length}`
    params[name] = value
    return `$${name}`
  }
  const parts = filters.items.map((item) => conditionOf(item, bind))
  if (parts.some((part) => part === null)) return null
  return {
    sql: parts.map((part) => `(${part})`).join(filters.conjunction === "or" ? " OR " : " AND "),
    params,
  }
}

type Bind = (value: string | number) => string

function conditionOf(item: Condition, bind: Bind): string | null {
  const column = columnOf(item.filter.replace(/^filter:/, ""), bind)
  if (column === null) return null
  const { operator, type } = item
  const isTime = type === "Datetime" || /^filter:tasks:(created|updated|completed)_at$/.test(item.filter)
  const one = (value: unknown): string | null => {
    if (typeof value === "boolean") return bind(value ? 1 : 0)
    if (isTime && typeof value === "string") {
      const at = Date.parse(value)
      return Number.isNaN(at) ? null : bind(at)
    }
    if (
      type === "Number" &&
      typeof value === "string" &&
      value.trim() !== "" &&
      Number.isFinite(Number(value))
    )
      return bind(Number(value))
    return typeof value === "number" || typeof value === "string" ? bind(value) : null
  }
  const text = (value: unknown) => bind(typeof value === "string" ? value : String(value ?? ""))
  const compared = (sign: string) => {
    const value = one(item.value)
    return value === null ? null : `${column} ${sign} ${value}`
  }
  switch (operator) {
    case "equal":
      return compared("=")
    case "not_equal": {
      const value = one(item.value)
      return value === null ? null : `${column} IS NOT ${value}`
    }
    case "less":
      return compared("<")
    case "greater":
      return compared(">")
    case "less_or_equal":
      return compared("<=")
    case "greater_or_equal":
      return compared(">=")
    case "contains":
      return `instr(lower(coalesce(${column}, '')), lower(${text(item.value)})) > 0`
    case "not_contains":
      return `instr(lower(coalesce(${column}, '')), lower(${text(item.value)})) = 0`
    case "empty":
      return item.value === false || item.value === "false"
        ? `coalesce(${column}, '') NOT IN ('', 0, '[]')`
        : `coalesce(${column}, '') IN ('', 0, '[]')`
    case "in":
    case "not_in": {
      const { min, max } = (item.value ?? {}) as { min?: unknown; max?: unknown }
      const [least, most] = [one(min), one(max)]
      if (least === null || most === null) return null
      return `${column} ${operator === "in" ? "" : "NOT "}BETWEEN ${least} AND ${most}`
    }
    case "in_list":
    case "not_in_list": {
      const list = Array.isArray(item.value) ? item.value : String(item.value ?? "").split(",")
      const values = list.map((value: unknown) =>
        typeof value === "string" ? one(value.trim()) : one(value),
      )
      if (values.length === 0 || values.length > 1000 || values.some((value) => value === null)) return null
      return `${column} ${operator === "in_list" ? "" : "NOT "}IN (${values.join(", ")})`
    }
    default:
      return null
  }
}

/** `tasks:id` or `tasks:data.serial`. */
function columnOf(name: string, bind: Bind): string | null {
  const found = /^tasks:(.+)$/.exec(name)?.[1]
  if (found === undefined) return null
  if (Object.hasOwn(columns, found)) return columns[found]!
  const key = /^data\.(.{1,128})$/.exec(found)?.[1]
  return key === undefined ? null : `json_extract(t.data, ${bind(`$."${key.replaceAll('"', "")}"`)})`
}

/** SQL order and what it binds; by id when none is asked for, null when it is not understood. */
export function orderOf(ordering: readonly string[] | null | undefined): Where | null {
  const asked = ordering?.[0]
  if (asked === undefined) return { sql: "t.id", params: {} }
  const params: Record<string, string | number> = {}
  const down = asked.startsWith("-")
  const column = columnOf(asked.replace(/^-/, ""), (value) => {
    params.o0 = value
    return "$o0"
  })
  return column === null ? null : { sql: `${column} ${down ? "DESC" : "ASC"}, t.id`, params }
}

/** A selection: everything but some, or only some. */
export function selectedBy(selected: LsSelected | null | undefined): Where {
  if (!selected) return everything
  const list = (ids: readonly number[]) => ({ list: JSON.stringify(ids) })
  if (selected.all)
    return selected.excluded.length === 0
      ? everything
      : { sql: "t.id NOT IN (SELECT value FROM json_each($list))", params: list(selected.excluded) }
  return { sql: "t.id IN (SELECT value FROM json_each($list))", params: list(selected.included) }
}

export const both = (a: Where, b: Where): Where => ({
  sql: `(${a.sql}) AND (${b.sql})`,
  params: { ...a.params, ...b.params },
})
