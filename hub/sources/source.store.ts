import type { SourceCounts, SourceProfile } from "#contract/source"
import type { Sqlite } from "#platform/sqlite"

export type Trouble = { at: number; code: string; detail: string }

export type StoredSource = {
  id: string
  /** What names of shots are told apart by: another camera may have had the same id before. */
  naming: string
  name: string
  preset: string
  profile: SourceProfile
  foreignTopics: string[]
  enabled: boolean
  createdAt: number
  seenAt: number | undefined
  counts: SourceCounts
  trouble: Trouble | undefined
}

type Row = SourceCounts & {
  id: string
  name: string
  preset: string
  profile: string
  foreign_topics: string
  enabled: number
  created_at: number
  seen_at: number | null
  trouble: string | null
  generation: number
}

/** One half of a pair that waits. */
export type Half = {
  n: number
  side: "picture" | "data"
  key: string
  at: number
  topic: string
  sha256: string
  content: string
  beside: string
}

export type QuarantineRow = {
  n: number
  source_id: string
  at: number
  via: string
  topic: string
  beside: string
  size: number
  code: string
  detail: string
  head: Uint8Array
  kept: number
}

const columns = `id, name, preset, profile, foreign_topics, enabled, created_at, seen_at, stored, repeated, ignored,
  quarantined, refused, trouble, generation`

/** Every SQL statement on sources, their waiting halves and what was not understood. */
export function createSourceStore({ sqlite }: { sqlite: Sqlite }) {
  const selectAll = sqlite.prepare<Row>(`SELECT ${columns} FROM source WHERE removed_at IS NULL ORDER BY id`)
  const selectOne = sqlite.prepare<Row>(`SELECT ${columns} FROM source WHERE id = $id AND removed_at IS NULL`)
  const selectRemoved = sqlite.prepare<Row>(
    `SELECT ${columns} FROM source WHERE id = $id AND removed_at IS NOT NULL`,
  )
  const remove = sqlite.prepare(
    "UPDATE source SET removed_at = $at, token_hash = '' WHERE id = $id AND removed_at IS NULL",
  )
  const insert = sqlite.prepare(
    `INSERT INTO source (id, name, preset, profile, foreign_topics, created_at, token_hash)
     VALUES ($id, $name, $preset, $profile, $foreign, $at, $hash)
     ON CONFLICT DO UPDATE SET name = $name, preset = $preset, profile = $profile, foreign_topics = $foreign,
       created_at = $at, token_hash = $hash, enabled = 1, removed_at = NULL, generation = generation + 1,
       seen_at = NULL, stored = 0, repeated = 0, ignored = 0, quarantined = 0, refused = 0, trouble = NULL`,
  )
  const update = sqlite.prepare(
    `UPDATE source SET name = $name, profile = $profile, foreign_topics = $foreign, enabled = $enabled
     WHERE id = $id`,
  )
  const selectToken = sqlite.prepare<{ token_hash: string }>(
    "SELECT token_hash FROM source WHERE id = $id AND enabled = 1 AND removed_at IS NULL",
  )
  const updateToken = sqlite.prepare("UPDATE source SET token_hash = $hash WHERE id = $id")
  const updateSeen = sqlite.prepare(
    `UPDATE source SET seen_at = $seen, stored = $stored, repeated = $repeated, ignored = $ignored,
       quarantined = $quarantined, refused = $refused, trouble = $trouble WHERE id = $id`,
  )

  const insertHalf = sqlite.prepare(
    `INSERT INTO source_half (source_id, side, key, at, topic, sha256, content, beside)
     VALUES ($source, $side, $key, $at, $topic, $sha256, $content, $beside)`,
  )
  const selectRepeat = sqlite.prepare<{ n: number }>(
    `SELECT n FROM source_half
     WHERE source_id = $source AND side = $side AND sha256 = $sha256 AND key = $key AND at > $since LIMIT 1`,
  )
  const halfColumns = "n, side, key, at, topic, sha256, content, beside"
  const selectOldestHalf = sqlite.prepare<Half>(
    `SELECT ${halfColumns} FROM source_half WHERE source_id = $source AND side = $side AND key = $key
     AND done_at IS NULL ORDER BY n LIMIT 1`,
  )
  const selectSameHalves = sqlite.prepare<Half>(
    `SELECT ${halfColumns} FROM source_half WHERE source_id = $source AND side = $side AND key = $key
     AND done_at IS NULL ORDER BY n`,
  )
  const selectExpired = sqlite.prepare<Half>(
    `SELECT ${halfColumns} FROM source_half WHERE source_id = $source AND done_at IS NULL AND at <= $until
     ORDER BY n LIMIT 64`,
  )
  const selectEldest = sqlite.prepare<Half>(
    `SELECT ${halfColumns} FROM source_half WHERE source_id = $source AND done_at IS NULL ORDER BY n LIMIT 1`,
  )
  const countHalves = sqlite.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM source_half WHERE source_id = $source AND done_at IS NULL",
  )
  const selectWaiting = sqlite.prepare<{ source_id: string }>(
    "SELECT DISTINCT source_id FROM source_half WHERE done_at IS NULL",
  )
  const selectPictures = sqlite.prepare<{ content: string }>(
    "SELECT content FROM source_half WHERE done_at IS NULL AND side = 'picture'",
  )
  const endHalf = sqlite.prepare("UPDATE source_half SET done_at = $at WHERE n = $n")
  const purgeHalves = sqlite.prepare("DELETE FROM source_half WHERE done_at <= $until")

  const insertQuarantine = sqlite.prepare<{ n: number }>(
    `INSERT INTO source_quarantine (source_id, at, via, topic, beside, size, code, detail, head, kept)
     VALUES ($source, $at, $via, $topic, $beside, $size, $code, $detail, $head, $kept) RETURNING n`,
  )
  const quarantineColumns = "n, source_id, at, via, topic, beside, size, code, detail, head, kept"
  const selectQuarantine = sqlite.prepare<QuarantineRow>(
    `SELECT ${quarantineColumns} FROM source_quarantine WHERE source_id = $source ORDER BY n DESC LIMIT $limit`,
  )
  const selectQuarantined = sqlite.prepare<QuarantineRow>(
    `SELECT ${quarantineColumns} FROM source_quarantine WHERE source_id = $source AND n = $n`,
  )
  const updateQuarantine = sqlite.prepare(
    "UPDATE source_quarantine SET code = $code, detail = $detail WHERE n = $n",
  )
  const forgetFile = sqlite.prepare("UPDATE source_quarantine SET kept = 0 WHERE n = $n")
  const deleteQuarantine = sqlite.prepare("DELETE FROM source_quarantine WHERE n = $n")
  const selectOverflow = sqlite.prepare<{ n: number }>(
    `SELECT n FROM source_quarantine WHERE source_id = $source ORDER BY n DESC LIMIT -1 OFFSET $keep`,
  )
  const selectKept = sqlite.prepare<{ n: number; kept: number }>(
    "SELECT n, kept FROM source_quarantine WHERE kept > 0 ORDER BY n DESC",
  )

  return {
    all: (): StoredSource[] => selectAll.all().map(sourceOf),
    get: (id: string): StoredSource | undefined => {
      const row = selectOne.get({ id })
      return row && sourceOf(row)
    },
    /** A source that was taken away. */
    removed: (id: string): StoredSource | undefined => {
      const row = selectRemoved.get({ id })
      return row && sourceOf(row)
    },
    /** False when there is none. */
    remove: (id: string, at: number): boolean => remove.run({ id, at }).changes > 0,
    /** Also under the name of one that was taken away. */
    insert: (
      source: Pick<StoredSource, "id" | "name" | "preset" | "profile" | "foreignTopics">,
      at: number,
      hash: string,
    ): void => {
      const { id, name, preset, profile, foreignTopics } = source
      const foreign = JSON.stringify(foreignTopics)
      insert.run({ id, name, preset, profile: JSON.stringify(profile), foreign, at, hash })
    },
    update: ({ id, name, profile, foreignTopics, enabled }: StoredSource): void => {
      const foreign = JSON.stringify(foreignTopics)
      update.run({ id, name, profile: JSON.stringify(profile), foreign, enabled: enabled ? 1 : 0 })
    },
    /** SHA-256 (hex) of the token; undefined for unknown sources and those that are off. */
    tokenHash: (id: string): string | undefined => selectToken.get({ id })?.token_hash,
    setToken: (id: string, hash: string): void => {
      updateToken.run({ id, hash })
    },
    setSeen: (id: string, seen: number | undefined, counts: SourceCounts, trouble: Trouble | undefined) => {
      updateSeen.run({
        id,
        seen: seen ?? null,
        ...counts,
        trouble: trouble ? JSON.stringify(trouble) : null,
      })
    },

    insertHalf: (source: string, half: Omit<Half, "n">): void => {
      insertHalf.run({ source, ...half })
    },
    /** Whether the very same half came since, whatever became of it. */
    hasHalf: (source: string, half: Pick<Half, "side" | "key" | "sha256">, since: number): boolean =>
      selectRepeat.get({ source, side: half.side, key: half.key, sha256: half.sha256, since }) !== undefined,
    oldestHalf: (source: string, side: Half["side"], key: string): Half | undefined =>
      selectOldestHalf.get({ source, side, key }),
    sameHalves: (source: string, side: Half["side"], key: string): Half[] =>
      selectSameHalves.all({ source, side, key }),
    expiredHalves: (source: string, until: number): Half[] => selectExpired.all({ source, until }),
    eldestHalf: (source: string): Half | undefined => selectEldest.get({ source }),
    waiting: (source: string): number => countHalves.get({ source })?.n ?? 0,
    /** Sources for which something waits. */
    sourcesWaiting: (): string[] => selectWaiting.all().map((row) => row.source_id),
    /** What waiting pictures say of themselves, as JSON. */
    waitingPictures: (): string[] => selectPictures.all().map((row) => row.content),
    /** It waits no more. */
    endHalf: (n: number, at: number): void => {
      endHalf.run({ n, at })
    },
    /** Forgets halves that ended before. */
    purgeHalves: (until: number): void => {
      purgeHalves.run({ until })
    },

    insertQuarantine: (row: Omit<QuarantineRow, "n" | "source_id"> & { source: string }): number =>
      insertQuarantine.get(row)!.n,
    /** Newest first. */
    quarantine: (source: string, limit: number): QuarantineRow[] => selectQuarantine.all({ source, limit }),
    quarantined: (source: string, n: number): QuarantineRow | undefined =>
      selectQuarantined.get({ source, n }),
    setQuarantineReason: (n: number, code: string, detail: string): void => {
      updateQuarantine.run({ n, code, detail })
    },
    forgetQuarantineFile: (n: number): void => {
      forgetFile.run({ n })
    },
    deleteQuarantine: (n: number): void => {
      deleteQuarantine.run({ n })
    },
    /** Rows beyond the newest `keep` of a source. */
    quarantineOverflow: (source: string, keep: number): number[] =>
      selectOverflow.all({ source, keep }).map((row) => row.n),
    /** Rows whose bytes are kept, newest first. */
    keptQuarantine: (): { n: number; kept: number }[] => selectKept.all(),
  }
}
export type SourceStore = ReturnType<typeof createSourceStore>

function sourceOf(row: Row): StoredSource {
  const { stored, repeated, ignored, quarantined, refused } = row
  return {
    id: row.id,
    naming: row.generation === 0 ? row.id : `${row.id}/${row.generation}`,
    name: row.name,
    preset: row.preset,
    profile: JSON.parse(row.profile) as SourceProfile,
    foreignTopics: JSON.parse(row.foreign_topics) as string[],
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    seenAt: row.seen_at ?? undefined,
    counts: { stored, repeated, ignored, quarantined, refused },
    trouble: row.trouble === null ? undefined : (JSON.parse(row.trouble) as Trouble),
  }
}
