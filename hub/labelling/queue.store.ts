import type { ValuePart } from "#contract/labelling"
import type { QueueFloors, QueuePolicy, QueueWeights } from "#contract/queue"
import type { Sqlite } from "#platform/sqlite"
import { type Drawn, usualWeights } from "./value.rules.ts"

type PolicyRow = {
  version: number
  line: string
  weights: string | null
  audit_share: number
  audit_floor: number
  rare_floor: number
  by_name: string
  at: number
}
export type PolicyChange = {
  line: string
  weights: QueueWeights | null
  auditShare: number
  floors: QueueFloors
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
  slice: "audit" | "rare" | ""
}
/** What the hub itself keeps of a line's order, beside what it shows. */
export type StoredPolicy = QueuePolicy & { line: string; floors: QueueFloors }

/** Draws that are looked at to see whether a slice has had its share: enough for a share of a fortieth. */
const recentDraws = 40

/** The SQL of the tables `queue_policy`, `label_draw` and `label_kind_count`. */
export function createQueueStore(db: Sqlite) {
  const policies = db.prepare<PolicyRow>(
    `SELECT version, line, weights, audit_share, audit_floor, rare_floor, by_name, at FROM queue_policy p
     WHERE version = (SELECT max(version) FROM queue_policy WHERE line = p.line) ORDER BY line`,
  )
  const version = db.prepare<{ version: number }>(
    "SELECT coalesce(max(version), 0) AS version FROM queue_policy",
  )
  const insert = db.prepare(
    `INSERT INTO queue_policy (line, weights, audit_share, audit_floor, rare_floor, by_id, by_name, at)
     VALUES ($line, $weights, $share, $auditFloor, $rareFloor, $byId, $byName, $at)`,
  )
  const kinds = db.prepare<{ kind: string; labels: number }>("SELECT kind, labels FROM label_kind_count")
  const insertDraw = db.prepare(
    `INSERT INTO label_draw (lease_id, inspection_id, user_id, at, value, shares, chance, policy, slice)
     VALUES ($lease_id, $inspection_id, $user_id, $at, $value, $shares, $chance, $policy, $slice)`,
  )
  const draw = db.prepare<Omit<Draw, "shares"> & { shares: string }>(
    "SELECT * FROM label_draw WHERE lease_id = $lease",
  )
  const drawn = db.prepare<Drawn>(
    `SELECT count(*) AS recent, coalesce(sum(slice = 'audit'), 0) AS audit, coalesce(sum(slice = 'rare'), 0) AS rare
     FROM (SELECT slice FROM label_draw ORDER BY at DESC LIMIT ${recentDraws})`,
  )
  return {
    /** The newest of every line that has one of its own; '' is every other. */
    policies: (): StoredPolicy[] =>
      policies.all().flatMap(({ weights, by_name, audit_floor, rare_floor, ...row }) =>
        weights === null
          ? []
          : [
              {
                ...row,
                // An older one says nothing of what there was no weight for.
                weights: { ...usualWeights, ...(JSON.parse(weights) as QueueWeights) },
                floors: { audit: audit_floor, rare: rare_floor },
                by: by_name,
              },
            ],
      ),
    version: () => version.get()!.version,
    insert: ({ line, weights, auditShare, floors, by, at }: PolicyChange): void => {
      insert.run({
        line,
        weights: weights && JSON.stringify(weights),
        share: auditShare,
        auditFloor: floors.audit,
        rareFloor: floors.rare,
        byId: by.id,
        byName: by.name,
        at,
      })
    },
    /** Parts with a label of each kind. */
    labelsByKind: (): Map<string, number> => new Map(kinds.all().map(({ kind, labels }) => [kind, labels])),
    insertDraw: (row: Draw): void => void insertDraw.run({ ...row, shares: JSON.stringify(row.shares) }),
    /** What the last draws were of. */
    drawn: (): Drawn => drawn.get()!,
    draw: (lease: string): Draw | undefined => {
      const row = draw.get({ lease })
      return row && { ...row, shares: JSON.parse(row.shares) as Draw["shares"] }
    },
  }
}
