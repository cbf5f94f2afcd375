import type { SourceFacts, SourceNote, SourceProfile } from "#contract/source"
import { readFacts } from "./facts.rules.ts"
import { type Scope, textAt, valueAt } from "./field-path.rules.ts"
import type { Message } from "./message.ts"
import { lookAtPicture, type Picture, picturesBytes, type Refusal, type Sniff } from "./picture.rules.ts"
import { parseJsonText, readSidecar } from "./sidecar.rules.ts"
import { matchTopic } from "./topic.rules.ts"

/** How a profile understood a message, or why not. */
export type Reading =
  | { is: "part"; picture: Picture; facts: SourceFacts; notes: SourceNote[] }
  | { is: "picture_half"; picture: Picture; key: string; beside: Message["beside"] }
  | { is: "data_half"; data: unknown; key: string; beside: Message["beside"]; facts: SourceFacts }
  | { is: "ignored"; code: string; detail: string }
  | ({ is: "refused" } & Refusal)

const refused = (refusal: Refusal): Reading => ({ is: "refused", ...refusal })
const ignored = (code: string, detail: string): Reading => ({ is: "ignored", code, detail })

/** Reads one message by its profile. Pure: the same message is always read the same way. */
export function readMessage(profile: SourceProfile, message: Message, sniff: Sniff, now: number): Reading {
  if (message.bytes.length > profile.max_bytes)
    return refused({
      code: "too_large",
      detail: `${message.bytes.length} bytes; this source takes ${profile.max_bytes}`,
    })
  if (message.bytes.length === 0 && message.retained)
    return ignored("cleared", "an empty message that clears a kept one")
  switch (profile.kind) {
    case "picture":
    case "json": {
      const named = namedBy(profile.topics, message)
      if (!named) return ignored("topic", "the profile reads other topics")
      const beside = { ...message.beside, $topic: named }
      return profile.kind === "picture"
        ? pictureAlone(profile, message.bytes, { data: {}, beside }, sniff, now)
        : jsonWithPicture(profile, message.bytes, beside, profile.image, sniff, now)
    }
    case "pair":
      return half(profile, message, sniff, now)
    case "http":
      if (/^application\/(.+\+)?json\b/i.test(message.type)) {
        return jsonWithPicture(profile, message.bytes, message.beside, profile.image, sniff, now)
      }
      return withData(profile, message, sniff, now, "json")
    case "folder":
      return withData(profile, message, sniff, now, profile.sidecar === "none" ? "txt" : profile.sidecar)
  }
}

function namedBy(patterns: readonly string[], message: Message): Record<string, string> | undefined {
  // What came another way than the broker has no topic to choose by.
  if (message.via !== "mqtt") return {}
  for (const pattern of patterns) {
    const named = matchTopic(pattern, message.topic)
    if (named) return named
  }
  return undefined
}

function pictureAlone(
  { fields }: SourceProfile,
  bytes: Uint8Array,
  scope: Scope,
  sniff: Sniff,
  now: number,
): Reading {
  const picture = lookAtPicture(bytes, sniff)
  if ("code" in picture) return refused(picture)
  return partOf(fields, picture, scope, now)
}

function partOf(fields: SourceProfile["fields"], picture: Picture, scope: Scope, now: number): Reading {
  const aside = notAsked(fields, scope)
  if (aside) return aside
  return { is: "part", picture, ...readFacts(fields, scope, now) }
}

function notAsked({ only }: SourceProfile["fields"], scope: Scope): Reading | undefined {
  if (!only) return undefined
  const word = textAt(scope, only.path)
  if (only.is.some((wanted) => wanted.toLowerCase() === word?.toLowerCase())) return undefined
  return ignored("other_kind", `${only.path} is ${word === undefined ? "not there" : `"${word}"`}`)
}

function jsonWithPicture(
  { fields }: SourceProfile,
  bytes: Uint8Array,
  beside: Message["beside"],
  image: string | undefined,
  sniff: Sniff,
  now: number,
): Reading {
  const json = parseJsonText(bytes)
  if ("code" in json) return refused(json)
  const scope = { data: json.value, beside }
  const aside = notAsked(fields, scope)
  if (aside) return aside
  if (image === undefined)
    return refused({ code: "image_missing", detail: "the profile does not say where JSON holds the picture" })
  const coded = valueAt(scope, image)
  if (typeof coded !== "string")
    return refused({ code: "image_missing", detail: `there is no text at ${image}` })
  const decoded = picturesBytes(coded)
  if ("code" in decoded) return refused(decoded)
  const picture = lookAtPicture(decoded, sniff)
  if ("code" in picture) return refused(picture)
  return partOf(fields, picture, scope, now)
}

function withData(
  { fields }: SourceProfile,
  message: Message,
  sniff: Sniff,
  now: number,
  form: "txt" | "csv" | "json",
): Reading {
  let data: unknown = {}
  if (message.data !== undefined) {
    const read = readSidecar(form, message.data)
    if ("code" in read) return refused(read)
    data = read.value
  }
  return pictureAlone(
    { fields } as SourceProfile,
    message.bytes,
    { data, beside: message.beside },
    sniff,
    now,
  )
}

function half(
  profile: Extract<SourceProfile, { kind: "pair" }>,
  message: Message,
  sniff: Sniff,
  now: number,
): Reading {
  const { join, fields } = profile
  const keyOf = (paths: readonly string[], scope: Scope) => {
    const words = paths.map((path) => textAt(scope, path))
    const missing = paths.find((_, i) => words[i] === undefined)
    return missing === undefined ? { key: JSON.stringify(words) } : { missing }
  }
  const asPicture = matchTopic(profile.picture_topic, message.topic)
  if (asPicture) {
    const beside = { ...message.beside, $topic: asPicture }
    const picture = lookAtPicture(message.bytes, sniff)
    if ("code" in picture) return refused(picture)
    const found = join.by === "key" ? keyOf(join.picture, { data: {}, beside }) : { key: "" }
    if (found.missing !== undefined)
      return refused({ code: "key_missing", detail: `there is nothing at ${found.missing}` })
    return { is: "picture_half", picture, key: found.key, beside }
  }
  const asData = matchTopic(profile.data_topic, message.topic)
  if (!asData) return ignored("topic", "the profile reads other topics")
  if (message.bytes.length > 256 * 1024)
    return refused({ code: "too_large", detail: "data of a picture may be 256 KiB" })
  const json = parseJsonText(message.bytes)
  if ("code" in json) return refused(json)
  const beside = { ...message.beside, $topic: asData }
  const scope = { data: json.value, beside }
  const aside = notAsked(fields, scope)
  if (aside) return aside
  const found = join.by === "key" ? keyOf(join.data, scope) : { key: "" }
  if (found.missing !== undefined)
    return refused({ code: "key_missing", detail: `there is nothing at ${found.missing}` })
  return {
    is: "data_half",
    data: json.value,
    key: found.key,
    beside,
    facts: readFacts(fields, scope, now).facts,
  }
}
