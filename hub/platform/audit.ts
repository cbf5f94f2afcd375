import { createHash } from "node:crypto"
import canonicalize from "canonicalize"
import type { Clock } from "./clock.ts"
import type { Sqlite } from "./sqlite.ts"

/** Who did it: a signed-in person (a `User` fits), or the hub by itself. */
export type Actor = { readonly id: string; readonly name: string }
export const theHub: Actor = { id: "hub", name: "hub" }

export type AuditEntry = {
  by: Actor
  /** `subject.verb`, e.g. "user.create". */
  action: string
  /** What was changed, e.g. "user:0197…". */
  subject: string
  /** Contract-shaped values, without secrets; null when it did not exist before, or does not any more. */
  before: unknown
  after: unknown
}

export type Audit = {
  /**
   * Appends to the trail. Call it inside the transaction of the change: what cannot be audited does not happen.
   * Throws outside of the contract's JSON values.
   */
  record(entry: AuditEntry): void
  /** Recomputes the chain. `brokenAt` is the first row that is not what was written, or was written after a gap. */
  verify(): { rows: number; brokenAt: number | null }
}

type Row = {
  n: number
  at: number
  by_id: string
  by_name: string
  action: string
  subject: string
  before: string | null
  after: string | null
}
type StoredRow = Row & { hash: string }

/** The append-only, hash-chained trail (IEC 62443-4-2 CR 2.12, 3.9): each row's hash covers the row and the hash before. */
export function createAudit({ db, clock }: { db: Sqlite; clock: Clock }): Audit {
  const last = db.prepare<{ n: number; hash: string }>("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")
  const append = db.prepare(
    `INSERT INTO audit (n, at, by_id, by_name, action, subject, before, after, hash)
     VALUES ($n, $at, $by_id, $by_name, $action, $subject, $before, $after, $hash)`,
  )
  const all = db.prepare<StoredRow>("SELECT * FROM audit ORDER BY n")
  return {
    record({ by, action, subject, before, after }) {
      db.transaction(() => {
        const previous = last.get()
        const row: Row = {
          n: (previous?.n ?? 0) + 1,
          at: clock.now(),
          by_id: by.id,
          by_name: by.name,
          action,
          subject,
          before: asJson(before),
          after: asJson(after),
        }
        append.run({ ...row, hash: link(previous?.hash ?? "", row) })
      })
    },
    verify() {
      let rows = 0
      let previous = ""
      for (const { hash, ...row } of all.iterate()) {
        rows += 1
        if (row.n !== rows || link(previous, row) !== hash) return { rows, brokenAt: row.n }
        previous = hash
      }
      return { rows, brokenAt: null }
    },
  }
}

const asJson = (value: unknown) => (value === null || value === undefined ? null : canonical(value))

/** RFC 8785, so that an offline verifier in any language computes the same hash. */
function canonical(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError("only JSON values can be audited")
  return text
}

const link = (previous: string, row: Row) =>
  createHash("sha256")
    .update(`${previous}\n${canonical(row)}`)
    .digest("hex")
