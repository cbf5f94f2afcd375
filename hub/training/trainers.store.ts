import * as v from "valibot"
import { TrainerRegistration } from "#contract/trainer"
import type { Sqlite } from "#platform/sqlite"

export type StoredTrainer = {
  id: string
  name: string
  createdAt: number
  createdBy: string
  revokedAt: number | null
  seenAt: number | null
  said: TrainerRegistration | null
}

type Row = {
  id: string
  name: string
  token_hash: string
  created_at: number
  created_by: string
  revoked_at: number | null
  seen_at: number | null
  said: string | null
}

const Said = v.pipe(v.string(), v.parseJson(), TrainerRegistration)

/** The only SQL of the table `trainer`. */
export function createTrainersStore(db: Sqlite) {
  const put = db.prepare(`
    INSERT INTO trainer (id, name, token_hash, created_at, created_by) VALUES ($id, $name, $hash, $at, $by)
    ON CONFLICT (id) DO UPDATE SET name = $name, token_hash = $hash, revoked_at = NULL`)
  const one = db.prepare<Row>("SELECT * FROM trainer WHERE id = $id")
  const all = db.prepare<Row>("SELECT * FROM trainer ORDER BY id")
  const revoke = db.prepare(
    "UPDATE trainer SET token_hash = '', revoked_at = $at WHERE id = $id AND revoked_at IS NULL",
  )
  const seen = db.prepare("UPDATE trainer SET seen_at = $at WHERE id = $id")
  const say = db.prepare("UPDATE trainer SET said = $said, seen_at = $at WHERE id = $id")

  return {
    /** A trainer that was there keeps its past and gets the new token. */
    put: (trainer: { id: string; name: string; hash: string; by: string; at: number }): void =>
      void put.run(trainer),
    get: (id: string): StoredTrainer | undefined => trainerOf(one.get({ id })),
    all: (): StoredTrainer[] => all.all().flatMap((row) => trainerOf(row) ?? []),
    /** SHA-256 (hex) of the token; empty for one that was revoked, undefined for an unknown trainer. */
    tokenHash: (id: string): string | undefined => one.get({ id })?.token_hash,
    revoke: (id: string, at: number): boolean => revoke.run({ id, at }).changes === 1,
    seen: (id: string, at: number): void => void seen.run({ id, at }),
    say: (id: string, said: TrainerRegistration, at: number): void =>
      void say.run({ id, said: JSON.stringify(said), at }),
  }
}
export type TrainersStore = ReturnType<typeof createTrainersStore>

function trainerOf(row: Row | undefined): StoredTrainer | undefined {
  return (
    row && {
      id: row.id,
      name: row.name,
      createdAt: row.created_at,
      createdBy: row.created_by,
      revokedAt: row.revoked_at,
      seenAt: row.seen_at,
      said: row.said === null ? null : v.parse(Said, row.said),
    }
  )
}
