import type { ValuePart } from "#contract/labelling"
import type { QueuePolicy, QueueWeights } from "#contract/queue"
import type { Sqlite } from "#platform/sqlite"

type PolicyRow = {
  version: number
  line: string
  weights: string | null
  audit_share: number
  by_name: string
  at: number
}
export type PolicyChange = {
  line: string
  weights: QueueWeights | null
  auditShare: number
  by: { id: string; name: string }
  at: number
}
export type Draw = {
  lease_id: string
  inspection_id: string
  user_id: string
  at: number
  value: number
  shares: { part: ValuePart; share: number }[]
  chance: number | null
  policy: number
}

/** The SQL of the tables `queue_policy`, `label_draw` and `label_kind_count`. */
export function createQueueStore(db: Sqlite) {
  const policies = db.prepare<PolicyRow>(
    `SELECT version, line, weights, audit_share, by_name, at FROM queue_policy p
     WHERE version = (SELECT max(version) FROM queue_policy WHERE line = p.line) ORDER BY line`,
  )
  const version = db.prepare<{ version: number }>(
    "SELECT coalesce(max(version), 0) AS version FROM queue_policy",
  )
  const insert = db.prepare(
    `INSERT INTO queue_policy (line, weights, audit_share, by_id, by_name, at)
     VALUES ($line, $weights, $share, $byId, $byName, $at)`,
  )
  const kinds = db.prepare<{ kind: string; labels: number }>("SELECT kind, labels FROM label_kind_count")
  const insertDraw = db.prepare(
    "INSERT INTO label_draw VALUES ($lease_id, $inspection_id, $user_id, $at, $value, $shares, $chance, $policy)",
  )
  const draw = db.prepare<Omit<Draw, "shares"> & { shares: string }>(
    "SELECT * FROM label_draw WHERE lease_id = $lease",
  )
  return {
    /** The newest of every line that has one of its own; '' is every other. */
    policies: (): (QueuePolicy & { line: string })[] =>
      policies
        .all()
        .flatMap(({ weights, by_name, ...row }) =>
          weights === null ? [] : [{ ...row, weights: JSON.parse(weights) as QueueWeights, by: by_name }],
        ),
    version: () => version.get()!.version,
    insert: ({ line, weights, auditShare, by, at }: PolicyChange): void => {
      insert.run({
        line,
        weights: weights && JSON.stringify(weights),
        share: auditShare,
        byId: by.id,
        byName: by.name,
        at,
      })
    },
    /** Parts with a label of each kind. */
    labelsByKind: (): Map<string, number> => new Map(kinds.all().map(({ kind, labels }) => [kind, labels])),
    insertDraw: (row: Draw): void => void insertDraw.run({ ...row, shares: JSON.stringify(row.shares) }),
    draw: (lease: string): Draw | undefined => {
      const row = draw.get({ lease })
      return row && { ...row, shares: JSON.parse(row.shares) as Draw["shares"] }
    },
  }
}
