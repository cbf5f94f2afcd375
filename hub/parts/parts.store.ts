import type { PartFilter, ScoreTerm, TextTerm, WordTerm } from "#contract/part-filter"
import type { Sqlite, Statement } from "#platform/sqlite"

/** A place in the list, newest first. */
export type Place = { at: number; n: number }
export type Found = { n: number; taken_at: number }
/** What names in a filter mean here, and between which times. */
export type Meaning = {
  from: number | null
  until: number | null
  /** Of a term, by its place among the terms: devices, models, people or sets. */
  meant: ReadonlyMap<number, readonly string[]>
}
/** A filter as SQL takes it. */
export type Question = {
  /** Conditions of a row `f` of part_fact. */
  where: string
  params: Record<string, string | number>
  from: number
  until: number
  walk: { index: string; where: string; params: Record<string, string | number> }
  /** The only parts that can be meant, where they are few. */
  list: number[] | null
}

/** Longer lists are walked in the order of time instead. */
const mostListed = 2_000
const smallestWindow = 1_000
const largestWindow = 12_000
/** Sorts behind every letter. */
const behindAll = "\u{10ffff}"

/**
 * The SQL of `part_fact`, and questions across what other domains keep of a part, reading alone. A question is a walk along
 * one index in the order of the list, in windows, that ends when the page is full or its time is up: no filter can keep the
 * hub from others, and none sorts or counts all rows.
 */
export function createPartsStore(db: Sqlite) {
  const follow = db.prepare(
    `INSERT INTO part_fact
     SELECT n, iif(clock IS NULL, captured_at, received_at), device_id, product_id, part_id, header ->> '$.job_id',
       model_digest, eval, header ->> '$.verdict.score',
       iif(coalesce(json_array_length(header, '$.findings'), 0) = 0, NULL, (
         SELECT json_group_array(kind) FROM (SELECT DISTINCT value ->> '$.kind' AS kind FROM json_each(header, '$.findings'))
       )),
       label_verdict, nullif(label_kinds, '[]'), label_by, queue_reason
     FROM inspection WHERE n > coalesce((SELECT max(n) FROM part_fact), 0) ORDER BY n LIMIT $most`,
  )
  const newest = db.prepare<{ n: number | null }>("SELECT max(n) AS n FROM part_fact")
  const ids = db.prepare<{ id: string; lot: string | null; waits: string | null }>(
    // Of the part itself: one that has just come may not be among the facts yet.
    `SELECT i.id, i.header ->> '$.job_id' AS lot, i.queue_reason AS waits
     FROM json_each($of) o JOIN inspection i ON i.n = o.value ORDER BY o.key`,
  )
  const numbers = db.prepare<{ n: number }>(
    "SELECT i.n FROM json_each($of) o JOIN inspection i ON i.id = o.value ORDER BY i.n",
  )
  const judged = db.prepare<{ model: string; eval: string; parts: number }>(
    "SELECT model_digest AS model, eval, parts FROM judged_count",
  )
  const devices = db.prepare<{ id: string }>("SELECT id FROM device ORDER BY id")
  const sentBy = db.prepare<{ device: string; parts: number }>(
    "SELECT device_id AS device, sum(stored) AS parts FROM sequence GROUP BY device_id",
  )
  const products = db.prepare<{ key: string }>("SELECT key FROM product ORDER BY key")
  // Steps from one product to the next in the index, because reading them all would not do.
  const seenProducts = db.prepare<{ product: string }>(
    `WITH RECURSIVE seen(product) AS (
       SELECT min(product) FROM part_fact WHERE product IS NOT NULL
       UNION ALL
       SELECT (SELECT min(product) FROM part_fact WHERE product > seen.product) FROM seen WHERE seen.product IS NOT NULL
     ) SELECT product FROM seen WHERE product IS NOT NULL LIMIT 200`,
  )
  const labelled = db.prepare<{ n: number }>(
    "SELECT coalesce(sum(parts), 0) AS n FROM label_tally WHERE day = '' AND user_id = ''",
  )
  const people = db.prepare<{ id: string; login: string; name: string }>("SELECT id, login, name FROM user")
  const commented = db.prepare<{ n: number }>(
    `SELECT DISTINCT i.n FROM part_comment c JOIN inspection i ON i.id = c.inspection_id
     WHERE c.text LIKE $like ESCAPE '\\' LIMIT ${mostListed}`,
  )
  const lists: Partial<Record<WordTerm["field"], Statement<{ n: number }>>> = {
    label: db.prepare(
      `SELECT i.n FROM label_kind k JOIN inspection i ON i.id = k.inspection_id
       WHERE k.kind IN (SELECT value FROM json_each($of)) LIMIT ${mostListed + 1}`,
    ),
    reviewer: db.prepare(
      `SELECT i.n FROM label_review r JOIN inspection i ON i.id = r.inspection_id
       WHERE r.reviewer_id IN (SELECT value FROM json_each($of)) LIMIT ${mostListed + 1}`,
    ),
    dataset: db.prepare(
      `SELECT i.n FROM dataset_sample s JOIN inspection i ON i.id = s.id
       WHERE s.dataset IN (SELECT value FROM json_each($of)) LIMIT ${mostListed + 1}`,
    ),
    part: db.prepare(
      `SELECT n FROM inspection WHERE part_id IN (SELECT value FROM json_each($of)) LIMIT ${mostListed + 1}`,
    ),
    lot: db.prepare(
      `SELECT n FROM part_fact WHERE lot IN (SELECT value FROM json_each($of)) LIMIT ${mostListed + 1}`,
    ),
    queue: db.prepare(
      `SELECT n FROM inspection WHERE queue_stream IS NOT NULL AND $of <> '' LIMIT ${mostListed + 1}`,
    ),
    is: db.prepare(
      `SELECT i.n FROM inspection_hold h JOIN inspection i ON i.id = h.inspection_id WHERE $of <> '' LIMIT ${mostListed + 1}`,
    ),
  }
  const between = {
    part: db.prepare<{ n: number }>(
      `SELECT n FROM inspection WHERE part_id >= $from AND part_id < $until LIMIT ${mostListed + 1}`,
    ),
    lot: db.prepare<{ n: number }>(
      `SELECT n FROM part_fact WHERE lot >= $from AND lot < $until LIMIT ${mostListed + 1}`,
    ),
  }

  /** All parts that a term can mean, if a list of them is to be had and is short. */
  function listOf(term: WordTerm, meant: readonly string[] | undefined): number[] | null {
    const of = meant ?? term.values
    const { field } = term
    const read = (rows: { n: number }[]) => (rows.length > mostListed ? null : rows.map(({ n }) => n))
    const words = ["ok", "ng", "unsure", "none", "any"]
    if (of.includes("none")) return null
    if (field === "part" || field === "lot") {
      if (!of.some((value) => value.includes("*"))) return read(lists[field]!.all({ of: JSON.stringify(of) }))
      const prefix = of.length === 1 && /^([^*]+)\*$/.exec(of[0]!)?.[1]
      return prefix ? read(between[field].all({ from: prefix, until: prefix + behindAll })) : null
    }
    const isListed =
      field === "reviewer" ||
      (field === "dataset" && !of.some((value) => words.includes(value))) ||
      (field === "label" && !of.some((value) => words.includes(value) || value.includes("*"))) ||
      field === "queue" ||
      (field === "is" && of.length === 1 && of[0] === "held")
    return isListed ? read(lists[field]!.all({ of: JSON.stringify(of) })) : null
  }

  /** The index that fewest rows of come into question, judged by counts that are kept anyway. */
  function walkOf(filter: PartFilter, meant: Meaning["meant"]): Question["walk"] {
    const counts = judged.all()
    const all = counts.reduce((sum, { parts }) => sum + parts, 0)
    const ways: (Question["walk"] & { parts: number })[] = [
      { index: "part_fact_by_time", where: "true", params: {}, parts: all },
    ]
    const way = (index: string, column: string, value: string, parts: number) =>
      ways.push({ index, where: `f.${column} = $walk`, params: { walk: value }, parts })
    for (const [i, term] of filter.entries()) {
      if (term.not || term.field === "text" || term.field === "time" || term.field === "score") continue
      const of = meant.get(i) ?? term.values
      const [value = "", ...more] = of
      if (term.field === "label" && !of.includes("none"))
        ways.push({
          index: "part_fact_labelled",
          where: "f.label IS NOT NULL",
          params: {},
          parts: labelled.get()!.n,
        })
      if (more.length > 0 || value.includes("*")) continue
      const sum = (pick: (count: (typeof counts)[number]) => boolean) =>
        counts.filter(pick).reduce((total, { parts }) => total + parts, 0)
      if (term.field === "verdict")
        way(
          "part_fact_by_eval",
          "eval",
          value,
          sum((count) => count.eval === value),
        )
      if (term.field === "model")
        way(
          "part_fact_by_model",
          "model",
          value,
          sum((count) => count.model === value),
        )
      if (term.field === "station")
        way(
          "part_fact_by_station",
          "device",
          value,
          sentBy.all().find(({ device }) => device === value)?.parts ?? 0,
        )
      if (term.field === "product") way("part_fact_by_product", "product", value, all / 2)
      // A lot of more parts than fit a list.
      if (term.field === "lot") way("part_fact_by_lot", "lot", value, mostListed)
    }
    const { parts: _, ...best } = ways.reduce((a, b) => (b.parts < a.parts ? b : a))
    return best
  }

  /** Goes through all that a question finds, newest first, a window at a time; `false` from `take` ends it. */
  function* windows(question: Question, after: Place | null, limit: () => number): Generator<Window> {
    const { where, params, from, until, walk, list } = question
    const start: Place = { at: Math.min(until, Number.MAX_SAFE_INTEGER - 1) + 1, n: 0 }
    let place = after && (after.at < start.at || (after.at === start.at && after.n < start.n)) ? after : start
    if (list) {
      const sql = `SELECT f.n, f.taken_at FROM json_each($list) l CROSS JOIN part_fact f ON f.n = l.value
        WHERE (f.taken_at, f.n) < ($at, $n) AND f.taken_at >= $from AND ${where}
        ORDER BY f.taken_at DESC, f.n DESC LIMIT $limit`
      const wanted = limit()
      const found = db.cached<Found>(sql).all({
        ...params,
        list: JSON.stringify(list),
        ...place,
        from,
        limit: wanted,
      })
      yield { found, reached: found.length < wanted ? null : placeOf(found.at(-1)!) }
      return
    }
    const bound = db.cached<Found>(
      `SELECT f.taken_at, f.n FROM part_fact f INDEXED BY ${walk.index}
       WHERE ${walk.where} AND (f.taken_at, f.n) < ($at, $n) AND f.taken_at >= $from
       ORDER BY f.taken_at DESC, f.n DESC LIMIT 1 OFFSET $skip`,
    )
    const some = db.cached<Found>(
      `SELECT f.n, f.taken_at FROM part_fact f INDEXED BY ${walk.index}
       WHERE ${walk.where} AND (f.taken_at, f.n) < ($at, $n) AND (f.taken_at, f.n) >= ($lowAt, $lowN) AND ${where}
       ORDER BY f.taken_at DESC, f.n DESC LIMIT $limit`,
    )
    for (let size = smallestWindow; ; size = Math.min(largestWindow, size * 3)) {
      const low = bound.get({ ...walk.params, ...place, from, skip: size - 1 })
      const wanted = limit()
      const found = some.all({
        ...walk.params,
        ...params,
        ...place,
        lowAt: low?.taken_at ?? from,
        lowN: low?.n ?? 0,
        limit: wanted,
      })
      const isFull = found.length === wanted
      const reached = isFull ? placeOf(found.at(-1)!) : low ? placeOf(low) : null
      yield { found, reached }
      if (!reached) return
      place = reached
    }
  }

  return {
    /** Takes up the next parts that came in, at most so many; how many it were. */
    follow: (most: number): number => follow.run({ most }).changes,
    newest: (): number => newest.get()?.n ?? 0,
    devices: (): string[] => devices.all().map(({ id }) => id),
    products: (): string[] => [
      ...new Set([
        ...products.all().map(({ key }) => key),
        ...seenProducts.all().map(({ product }) => product),
      ]),
    ],
    people: () => people.all(),
    /** Models by the parts they have judged. */
    models(): { digest: string; parts: number }[] {
      const sums = new Map<string, number>()
      for (const { model, parts } of judged.all())
        if (model !== "") sums.set(model, (sums.get(model) ?? 0) + parts)
      return [...sums].map(([digest, parts]) => ({ digest, parts })).sort((a, b) => b.parts - a.parts)
    },

    /** What a filter asks of the database. */
    question(filter: PartFilter, meaning: Meaning): Question {
      const params: Record<string, string | number> = {}
      const where = filter
        .flatMap((term, i) => {
          if (term.field === "time") return []
          const sql =
            term.field === "score"
              ? scoreSql(term, i, params)
              : term.field === "text"
                ? textSql(term, i, params, (like) => commented.all({ like }).map(({ n }) => n))
                : wordSql(term, i, params, meaning.meant.get(i))
          return [`(${sql}) IS ${term.not ? "NOT " : ""}TRUE`]
        })
        .join(" AND ")
      const short = filter
        .flatMap((term, i) => {
          if (term.not || term.field === "time" || term.field === "score" || term.field === "text") return []
          const list = listOf(term, meaning.meant.get(i))
          return list ? [list] : []
        })
        .reduce<number[] | null>((a, b) => (a && a.length <= b.length ? a : b), null)
      return {
        where: where === "" ? "true" : where,
        params,
        from: meaning.from ?? 0,
        until: meaning.until ?? Number.MAX_SAFE_INTEGER - 1,
        walk: walkOf(filter, meaning.meant),
        list: short,
      }
    },

    windows,
    /** Ids of parts, in the order of their numbers as given. */
    rows: (of: readonly number[]) => ids.all({ of: JSON.stringify(of) }),
    numbers: (of: readonly string[]): number[] => numbers.all({ of: JSON.stringify(of) }).map(({ n }) => n),
  }
}
export type PartsStore = ReturnType<typeof createPartsStore>
/** Parts found in a window, and the place up to which all are; null at the end. */
export type Window = { found: Found[]; reached: Place | null }

const placeOf = ({ taken_at, n }: Found): Place => ({ at: taken_at, n })

const escaped = (text: string) => text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)

type Params = Record<string, string | number>

function scoreSql({ low, high, open }: ScoreTerm, i: number, params: Params): string {
  const bounds: string[] = []
  if (low > Number.NEGATIVE_INFINITY) {
    params[`low${i}`] = low
    bounds.push(`f.score ${open === "low" ? ">" : ">="} $low${i}`)
  }
  if (high < Number.POSITIVE_INFINITY) {
    params[`high${i}`] = high
    bounds.push(`f.score ${open === "high" ? "<" : "<="} $high${i}`)
  }
  return bounds.join(" AND ")
}

function textSql(
  { text }: TextTerm,
  i: number,
  params: Params,
  commentedBy: (like: string) => number[],
): string {
  const like = `%${escaped(text)}%`
  params[`text${i}`] = like
  const columns = ["serial", "lot", "product", "device"].map(
    (column) => `f.${column} LIKE $text${i} ESCAPE '\\'`,
  )
  const numbers = commentedBy(like)
  if (numbers.length > 0) {
    params[`said${i}`] = JSON.stringify(numbers)
    columns.push(`f.n IN (SELECT value FROM json_each($said${i}))`)
  }
  // A row without a serial number has none that contains the text.
  return columns.map((sql) => `coalesce(${sql}, 0)`).join(" OR ")
}

/** The row of the part itself, by its number. */
const idOf = "(SELECT id FROM inspection WHERE n = f.n)"
const columns: Partial<Record<WordTerm["field"], string>> = {
  station: "f.device",
  product: "f.product",
  part: "f.serial",
  lot: "f.lot",
  model: "f.model",
  verdict: "f.eval",
}
const states: Record<string, string> = {
  held: `EXISTS (SELECT 1 FROM inspection_hold h WHERE h.inspection_id = ${idOf})`,
  reviewed: `EXISTS (SELECT 1 FROM label_standing s WHERE s.inspection_id = ${idOf} AND s.state IN ('accepted', 'fixed'))`,
  commented: `EXISTS (SELECT 1 FROM part_comment c WHERE c.inspection_id = ${idOf})`,
  golden: `EXISTS (SELECT 1 FROM inspection i JOIN split_assignment a ON a.identity IN ('image:' || i.image_sha256, 'part:' || i.part_id)
    WHERE i.n = f.n AND a.split = 'golden')`,
  pictured: "EXISTS (SELECT 1 FROM inspection i WHERE i.n = f.n AND i.image_sha256 IS NOT NULL)",
}

function wordSql(term: WordTerm, i: number, params: Params, meant: readonly string[] | undefined): string {
  const name = (k: number) => `word${i}_${k}`
  const bind = (k: number, value: string) => {
    params[name(k)] = value
    return `$${name(k)}`
  }
  const { field } = term
  const of = meant ?? term.values
  const column = columns[field]
  if (column !== undefined)
    return anyOf(of.map((value, k) => likeWord(column, value, (text) => bind(k, text))))
  switch (field) {
    case "is":
      return anyOf(of.map((value) => states[value] ?? "false"))
    case "by":
      return `f.labelled_by IN (SELECT value FROM json_each(${bind(0, JSON.stringify(of))}))`
    case "reviewer":
      return `EXISTS (SELECT 1 FROM label_review r WHERE r.inspection_id = ${idOf}
        AND r.reviewer_id IN (SELECT value FROM json_each(${bind(0, JSON.stringify(of))})))`
    case "dataset":
      return anyOf(
        of.map((value, k) => {
          const among = value === "any" || value === "none" ? "true" : `s.dataset = ${bind(k, value)}`
          const isIn = `EXISTS (SELECT 1 FROM inspection i JOIN dataset_sample s ON s.image = i.image_sha256 AND s.id = i.id
            WHERE i.n = f.n AND ${among})`
          return value === "none" ? `NOT ${isIn}` : isIn
        }),
      )
    case "queue":
      return anyOf(
        of.map((value, k) =>
          value === "any"
            ? "f.waits IS NOT NULL"
            : value === "none"
              ? "f.waits IS NULL"
              : `f.waits = ${bind(k, value)}`,
        ),
      )
    default: {
      const [verdict, kinds] = field === "label" ? ["f.label", "f.kinds"] : ["f.found", "f.found"]
      // Whoever was unsure has named no kind.
      const named = field === "label" ? "f.label = 'ng' AND " : ""
      return anyOf(
        of.map((value, k) => {
          if (value === "any") return `${verdict} IS NOT NULL`
          if (value === "none") return `${verdict} IS NULL`
          if (field === "label" && ["ok", "ng", "unsure"].includes(value))
            return `f.label = ${bind(k, value)}`
          return value.includes("*")
            ? `${named}${kinds} GLOB ${bind(k, `*"${globbed(value)}"*`)}`
            : `${named}instr(${kinds}, ${bind(k, `"${value}"`)}) > 0`
        }),
      )
    }
  }
}

const anyOf = (conditions: readonly string[]) => conditions.map((sql) => `(${sql}) IS TRUE`).join(" OR ")

function likeWord(column: string, value: string, bind: (text: string) => string): string {
  if (value === "none") return `${column} IS NULL`
  if (!value.includes("*")) return `${column} = ${bind(value)}`
  return `${column} GLOB ${bind(globbed(value))}`
}

/** Only the star means more than itself. */
const globbed = (text: string) => text.replaceAll(/[?[]/g, (sign) => `[${sign}]`)
