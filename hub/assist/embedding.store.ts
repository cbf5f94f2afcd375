import type { Sqlite } from "#platform/sqlite"

export type Space = { id: number; name: string; low: number; high: number; made: number; unreadable: number }
export type Picture = { n: number; image_sha256: string }
/** Pictures to be looked at, and the part up to which that is all there is. */
export type Stretch = { pictures: Picture[]; end: number }

/** Parts looked through for pictures at a time: most may have none, and a hub answers others meanwhile. */
const window = 2_000

/** The SQL of `embedding` and `embedding_space`. */
export function createEmbeddingStore(db: Sqlite) {
  const find = db.prepare<Space>("SELECT * FROM embedding_space WHERE name = $name")
  const insertSpace = db.prepare(
    `INSERT INTO embedding_space (name, low, high)
     SELECT $name, coalesce(max(n), 0) + 1, coalesce(max(n), 0) FROM inspection`,
  )
  const bounds = db.prepare<{ first: number | null; last: number | null }>(
    "SELECT (SELECT min(n) FROM inspection) AS first, (SELECT max(n) FROM inspection) AS last",
  )
  const between = (order: "ASC" | "DESC") =>
    db.prepare<Picture>(
      `SELECT n, image_sha256 FROM inspection
       WHERE n BETWEEN $first AND $last AND image_sha256 IS NOT NULL ORDER BY n ${order} LIMIT $limit`,
    )
  const [upwards, downwards] = [between("ASC"), between("DESC")]
  const insert = db.prepare(
    "INSERT OR REPLACE INTO embedding (space, inspection_n, vector) VALUES ($space, $n, $vector)",
  )
  const advance = db.prepare(
    `UPDATE embedding_space SET low = min(low, $low), high = max(high, $high), made = made + $made,
       unreadable = unreadable + $unreadable WHERE id = $space`,
  )
  const vector = db.prepare<{ vector: Uint8Array }>(
    "SELECT vector FROM embedding WHERE space = $space AND inspection_n = $n",
  )
  const place = db.prepare<{ n: number; image_sha256: string | null }>(
    "SELECT n, image_sha256 FROM inspection WHERE id = $id",
  )
  const id = db.prepare<{ id: string }>("SELECT id FROM inspection WHERE n = $n")

  const ends = () => {
    const { first, last } = bounds.get()!
    return { first: first ?? 1, last: last ?? 0 }
  }
  return {
    /** A space by its name; a new one begins with the newest part. */
    space: (name: string): Space =>
      db.transaction(() => {
        if (!find.get({ name })) insertSpace.run({ name })
        return find.get({ name })!
      }),
    /** What came after the newest part looked at; undefined when nothing did. */
    newer: ({ high }: Space, limit: number): Stretch | undefined => {
      const last = Math.min(ends().last, high + window)
      if (last <= high) return undefined
      const pictures = upwards.all({ first: high + 1, last, limit })
      return { pictures, end: pictures.length < limit ? last : pictures.at(-1)!.n }
    },
    /** What came before the oldest part looked at. */
    older: ({ low }: Space, limit: number): Stretch | undefined => {
      const first = Math.max(ends().first, low - window)
      if (first >= low) return undefined
      const pictures = downwards.all({ first, last: low - 1, limit })
      return { pictures, end: pictures.length < limit ? first : pictures.at(-1)!.n }
    },
    /** Keeps vectors and how far that came, together. */
    keep: (
      space: Space,
      vectors: readonly { n: number; vector: Uint8Array }[],
      unreadable: number,
      end: number,
    ) =>
      db.transaction(() => {
        for (const { n, vector } of vectors) insert.run({ space: space.id, n, vector })
        advance.run({ space: space.id, low: end, high: end, made: vectors.length, unreadable })
      }),
    /** Keeps the vector of a part before its turn. */
    keepOne: (space: Space, n: number, vector: Uint8Array): void =>
      void insert.run({ space: space.id, n, vector }),
    vector: (space: Space, n: number) => vector.get({ space: space.id, n })?.vector,
    /** Number and picture of a part. */
    place: (inspection: string) => place.get({ id: inspection }),
    idOf: (n: number) => id.get({ n })?.id,
    waiting: ({ low, high }: Space): number => {
      const { first, last } = ends()
      return Math.max(0, last - high) + Math.max(0, low - first)
    },
  }
}
export type EmbeddingStore = ReturnType<typeof createEmbeddingStore>
