import type { Sqlite } from "#platform/sqlite"

type Vector = { n: number; vector: Uint8Array }

/** What the search process reads to see which waiting parts look unlike what has been judged. */
export function createCoverageStore(db: Sqlite) {
  const space = db.prepare<{ id: number }>("SELECT id FROM embedding_space WHERE name = $name")
  // As JSON: [line, reason, look, band, kind, spread].
  const streams = db.prepare<{ key: string; band: number }>(
    `SELECT key, key ->> '$[3]' AS band FROM queue_stream
     WHERE waiting > 0 AND key ->> '$[0]' = $line AND key ->> '$[1]' <> 'audit' AND key ->> '$[2]' = 1 ORDER BY key`,
  )
  const waiting = db.prepare<Vector>(
    `SELECT i.n, e.vector FROM inspection i JOIN embedding e ON e.space = $space AND e.inspection_n = i.n
     WHERE i.queue_stream = $key ORDER BY i.n DESC LIMIT $limit`,
  )
  const judged = db.prepare<{ n: number }>(
    `SELECT i.n FROM inspection i JOIN embedding e ON e.space = $space AND e.inspection_n = i.n
     WHERE i.label_verdict IS NOT NULL ORDER BY i.received_at DESC, i.n DESC LIMIT $limit`,
  )
  const vectors = db.prepare<Vector>(
    `SELECT e.inspection_n AS n, e.vector FROM json_each($of) o JOIN embedding e
     ON e.space = $space AND e.inspection_n = o.value`,
  )
  return {
    space: (name: string): number | undefined => space.get({ name })?.id,
    /** Streams of a line in which parts wait that nobody has judged, chance's own not among them. */
    streams: (line: string) => streams.all({ line }),
    /** Parts of a stream that can be compared, the newest first. */
    waiting: (of: number, key: string, limit: number) => waiting.all({ space: of, key, limit }),
    /** Judged parts that can be compared, the newest first. */
    judged: (of: number, limit: number): number[] => judged.all({ space: of, limit }).map(({ n }) => n),
    vectors: (of: number, parts: readonly number[]): Int8Array[] =>
      vectors.all({ space: of, of: JSON.stringify(parts) }).map(({ vector }) => signed(vector)),
  }
}

export const signed = (bytes: Uint8Array): Int8Array =>
  new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
