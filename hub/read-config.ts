import { readFileSync } from "node:fs"
import * as v from "valibot"
import { StartFailure } from "#platform/start-failure"
import { HubConfig } from "./config.ts"

export type ConfigOrigin = "default" | "file" | "environment" | "flag"
export type ConfigField = {
  /** Dotted path, as in the file: "http.port". */
  path: string
  flag: string
  variable: string
  type: "text" | "number" | "boolean"
  title: string
  description: string
  fallback: string | number | boolean
}

/** All settings, read from the schema. */
export const configFields: readonly ConfigField[] = fieldsOf(HubConfig)

/**
 * The effective settings: defaults < file < environment < flags, and where each came from.
 * `flags` are by flag name without dashes. Throws StartFailure `config` naming the setting and its place.
 */
export function readConfig(sources: {
  file?: string | undefined
  environment: Readonly<Record<string, string | undefined>>
  flags: Readonly<Record<string, string | boolean | undefined>>
}): { config: HubConfig; origins: Readonly<Record<string, ConfigOrigin>> } {
  const values: Tree = sources.file === undefined ? {} : readFile(sources.file)
  const origins: Record<string, ConfigOrigin> = {}
  const unknown = Object.keys(sources.environment).find(
    (name) => name.startsWith("CRUX_HUB_") && !configFields.some(({ variable }) => variable === name),
  )
  if (unknown !== undefined) throw refusal(`there is no setting ${unknown}`)
  for (const field of configFields) {
    origins[field.path] = has(values, field.path) ? "file" : "default"
    const inEnvironment = sources.environment[field.variable]
    if (inEnvironment !== undefined) {
      set(values, field.path, fromText(field, inEnvironment, field.variable))
      origins[field.path] = "environment"
    }
    const flag = sources.flags[field.flag]
    if (flag !== undefined) {
      set(values, field.path, typeof flag === "boolean" ? flag : fromText(field, flag, `--${field.flag}`))
      origins[field.path] = "flag"
    }
  }
  const parsed = v.safeParse(HubConfig, values)
  if (parsed.success) return { config: parsed.output, origins }
  const issue = parsed.issues[0]
  const path = v.getDotPath(issue) ?? ""
  const origin = origins[path]
  throw refusal(`${path || "the settings"}${origin ? ` (from the ${origin})` : ""}: ${issue.message}`)
}

type Tree = { [key: string]: unknown }

function readFile(path: string): Tree {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    throw refusal(`the file ${path} cannot be read`, error)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Tree
  } catch (error) {
    throw refusal(`the file ${path} is not JSON`, error)
  }
  throw refusal(`the file ${path} does not hold an object`)
}

function fromText(field: ConfigField, text: string, where: string): string | number | boolean {
  if (field.type === "text") return text
  if (field.type === "boolean") {
    if (text === "true" || text === "false") return text === "true"
    throw refusal(`${where} must be true or false, not "${text}"`)
  }
  const number = Number(text)
  if (text.trim() === "" || !Number.isFinite(number))
    throw refusal(`${where} must be a number, not "${text}"`)
  return number
}

function fieldsOf(schema: typeof HubConfig): ConfigField[] {
  return Object.entries(schema.entries).flatMap(([key, entry]) =>
    "entries" in entry.wrapped
      ? Object.entries(entry.wrapped.entries).map(([inner, leaf]) => leafField([key, inner], leaf))
      : [leafField([key], entry as Leaf)],
  )
}

type Leaf = v.OptionalSchema<v.GenericSchema<string | number | boolean>, string | number | boolean>

function leafField(keys: string[], leaf: Leaf): ConfigField {
  const { wrapped } = leaf
  // What a group is about has the group's name: --broker, not --broker-url.
  const names = keys.at(-1) === "url" ? keys.slice(0, -1) : keys
  return {
    path: keys.join("."),
    flag: names.join("-").replaceAll("_", "-"),
    variable: `CRUX_HUB_${names.join("_").toUpperCase()}`,
    type: typeof leaf.default === "string" ? "text" : (typeof leaf.default as "number" | "boolean"),
    title: v.getTitle(wrapped) ?? keys.join("."),
    description: v.getDescription(wrapped) ?? "",
    fallback: leaf.default,
  }
}

function has(tree: Tree, path: string): boolean {
  let at: unknown = tree
  for (const key of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return false
    at = (at as Tree)[key]
  }
  return true
}

function set(tree: Tree, path: string, value: unknown): void {
  const keys = path.split(".")
  const last = keys.pop() ?? ""
  let at = tree
  for (const key of keys) {
    const next = at[key]
    // A file that puts a plain value where a group belongs is refused by the schema afterwards.
    if (typeof next !== "object" || next === null) at[key] = {}
    at = at[key] as Tree
  }
  at[last] = value
}

function refusal(message: string, cause?: unknown): StartFailure {
  return new StartFailure(
    "config",
    `The settings are not usable: ${message}.`,
    'Run "crux help hub" to see every setting.',
    cause,
  )
}
