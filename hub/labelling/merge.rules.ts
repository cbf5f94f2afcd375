import { createHash } from "node:crypto"
import type { Answer, Drawing, Region, Relation } from "#contract/drawing"
import type { Box } from "#contract/inspection"
import type { NewLabel } from "#contract/labelling"
import { boundsOf } from "#contract/outline"

/** What a label says of its part. */
export type Content = Pick<NewLabel, "verdict" | "kinds" | "boxes" | "drawing">
/** What two people said that cannot both stand. */
type Conflict = "verdict" | "kinds" | "region" | "overlap" | "relation" | "answers" | "too_much"
export type Merged = { content: Content } | { conflict: Conflict }

/** Two new marks that overlap this much mean one place: which of them is right is for a person to say. */
const samePlace = 0.5
const most = { kinds: 16, boxes: 64, regions: 5_000 }

type Pieces = {
  verdict: Content["verdict"] | null
  /** Kinds that no region carries, as one value: "a scratch" against "a dent" is a contradiction, not two defects. */
  bare: string
  regions: ReadonlyMap<string, Region>
  relations: ReadonlyMap<string, Relation>
  answers: ReadonlyMap<string, Answer>
}

/**
 * Joins two labels that were made from the same `base` (null: an unjudged part): whatever only one side changed is
 * taken, whatever both changed alike is taken once, and the rest is a conflict. Regions are told apart by their ids,
 * boxes without ids by what they are. The order of the sides decides about nothing but the order of regions.
 */
export function mergeLabels(base: Content | null, theirs: Content, mine: Content): Merged {
  const [b, t] = [piecesOf(base), piecesOf(theirs)]
  const m = withOwnIds(piecesOf(mine), b, t)

  const verdict = pick(b.verdict, t.verdict, m.verdict)
  if (verdict === clash || verdict === null) return { conflict: "verdict" }
  const bare = pick(b.bare, t.bare, m.bare)
  if (bare === clash) return { conflict: "kinds" }
  const regions = mergeMaps(b.regions, t.regions, m.regions)
  if (regions === clash) return { conflict: "region" }
  if (overlaps(b.regions, t.regions, m.regions)) return { conflict: "overlap" }
  const relations = mergeMaps(b.relations, t.relations, m.relations)
  const isLoose = ({ from, to }: Relation) => !regions.has(from) || !regions.has(to)
  if (relations === clash || [...relations.values()].some(isLoose)) return { conflict: "relation" }
  const answers = mergeMaps(b.answers, t.answers, m.answers)
  if (answers === clash) return { conflict: "answers" }

  const marks = [...regions.values()]
  const kinds = [...new Set([...marks.flatMap((region) => region.kinds), ...(JSON.parse(bare) as string[])])]
  // One has cleared the part while the other marked more on it.
  if (verdict === "ok" && (kinds.length > 0 || marks.length > 0)) return { conflict: "verdict" }
  if (verdict === "ng" && kinds.length === 0) return { conflict: "verdict" }

  const drawn = [theirs, mine].some((side) => side.drawing !== undefined)
  if (kinds.length > most.kinds || marks.length > (drawn ? most.regions : most.boxes))
    return { conflict: "too_much" }
  const drawing: Drawing = {
    v: 1,
    regions: marks,
    ...(relations.size > 0 && { relations: [...relations.values()] }),
    ...(answers.size > 0 && { answers: Object.fromEntries(answers) }),
  }
  return {
    content: {
      verdict,
      kinds,
      boxes: drawn ? [] : marks.flatMap(boxOf),
      ...(drawn && { drawing }),
    },
  }
}

/** Whether two labels say the same, whatever the order they say it in. */
export function isSameContent(a: Content, b: Content): boolean {
  const [x, y] = [piecesOf(a), piecesOf(b)]
  return (
    x.verdict === y.verdict &&
    x.bare === y.bare &&
    isSameMap(x.regions, y.regions) &&
    isSameMap(x.relations, y.relations) &&
    isSameMap(x.answers, y.answers)
  )
}

const clash = Symbol("clash")

/** Of three states the one that somebody wanted; a clash when both wanted something else. */
function pick<T>(base: T, theirs: T, mine: T): T | typeof clash {
  const same = (a: T, b: T) => canonical(a) === canonical(b)
  if (same(theirs, mine) || same(mine, base)) return theirs
  return same(theirs, base) ? mine : clash
}

function mergeMaps<T>(
  base: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  mine: ReadonlyMap<string, T>,
): Map<string, T> | typeof clash {
  const merged = new Map<string, T>()
  for (const key of new Set([...theirs.keys(), ...mine.keys()])) {
    const value = pick(base.get(key), theirs.get(key), mine.get(key))
    if (value === clash) return clash
    if (value !== undefined) merged.set(key, value)
  }
  return merged
}

/** Each side marked the same place anew, and the other has not that mark. */
function overlaps(
  base: ReadonlyMap<string, Region>,
  theirs: ReadonlyMap<string, Region>,
  mine: ReadonlyMap<string, Region>,
): boolean {
  const only = (side: ReadonlyMap<string, Region>, other: ReadonlyMap<string, Region>) =>
    [...side].flatMap(([id, region]) => (base.has(id) || other.has(id) ? [] : [boundsOf(region.outline)]))
  const own = only(mine, theirs)
  return only(theirs, mine).some((a) => own.some((b) => overlapOf(a, b) >= samePlace))
}

/** Intersection over union of two boxes. */
export function overlapOf([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx)
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (aw * ah + bw * bh - w * h)
}

/**
 * Ids of new regions are made on tablets that know nothing of each other: what the other side has made under the same
 * id is another region, and what it has made alike under another id is the same one.
 */
function withOwnIds(mine: Pieces, base: Pieces, theirs: Pieces): Pieces {
  const named = new Map<string, string>()
  const regions = new Map<string, Region>()
  const likeness = new Map(
    [...theirs.regions]
      .filter(([id]) => !base.regions.has(id))
      .map(([id, region]) => [likenessOf(region), id]),
  )
  for (const [id, region] of mine.regions) {
    const other = theirs.regions.get(id)
    const isNew = !base.regions.has(id)
    const isShared = other !== undefined && canonical(other) === canonical(region)
    const alike = isNew && !isShared ? likeness.get(likenessOf(region)) : undefined
    const isTaken =
      alike !== undefined && canonical(mine.regions.get(alike)) === canonical(theirs.regions.get(alike))
    const twin = isTaken ? undefined : alike
    // One region of theirs is one of mine, not two.
    if (twin !== undefined) likeness.delete(likenessOf(region))
    const clashes = isNew && !isShared && other !== undefined
    const own = twin ?? (clashes ? `${id.slice(0, 30)}-${digest(likenessOf(region)).slice(0, 8)}` : id)
    named.set(id, own)
    // A twin is taken as the other side has it.
    regions.set(own, twin === undefined ? { ...region, id: own } : theirs.regions.get(twin)!)
  }
  const relations = [...mine.relations.values()].map(({ from, to, ...rest }) => {
    const relation = { ...rest, from: named.get(from) ?? from, to: named.get(to) ?? to }
    return [canonical(relation), relation] as const
  })
  return { ...mine, regions, relations: new Map(relations) }
}

const likenessOf = ({ outline, kinds, answers }: Region) => canonical({ outline, kinds, answers })

function piecesOf(content: Content | null): Pieces {
  // A label that was taken back says nothing.
  const said = content === null || content.verdict === "withdrawn" ? null : content
  const marks = said?.drawing?.regions ?? said?.boxes.map(regionOf) ?? []
  const carried = new Set(marks.flatMap((region) => region.kinds))
  return {
    verdict: said?.verdict ?? null,
    bare: JSON.stringify(said?.kinds.filter((kind) => !carried.has(kind)).sort() ?? []),
    regions: new Map(marks.map((region) => [region.id, region])),
    relations: new Map((said?.drawing?.relations ?? []).map((relation) => [canonical(relation), relation])),
    answers: new Map(Object.entries(said?.drawing?.answers ?? {})),
  }
}

/** A box has no id: it is what it is, so its id is made of that. */
function regionOf({ kind, box }: Content["boxes"][number]): Region {
  const id = `box-${digest(canonical([kind, box])).slice(0, 16)}`
  return { id, kinds: [kind], outline: { type: "box", box }, by: "person" }
}

const boxOf = ({ kinds: [kind], outline }: Region) => (kind ? [{ kind, box: boundsOf(outline) }] : [])

const isSameMap = (a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>) =>
  a.size === b.size &&
  [...a].every(([key, value]) => b.has(key) && canonical(b.get(key)) === canonical(value))

const digest = (text: string) => createHash("sha256").update(text).digest("hex")

/** JSON with sorted keys; absent and undefined are the same. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ""
  )
}
