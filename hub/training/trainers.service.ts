import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { Problem } from "#contract/problem"
import {
  type TrainerRegistration,
  type TrainerToken,
  type TrainerView,
  trainerContract,
} from "#contract/trainer"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { StoredTrainer, TrainersStore } from "./trainers.store.ts"

/** A trainer that has said nothing for longer is not there; the longest silence of one that waits is its long poll. */
const awayMs = 90_000
/** Every call is a sign of life; written down this often at most, for each write is a sync. */
const seenEveryMs = 15_000

export type TrainersDeps = {
  db: Sqlite
  store: TrainersStore
  clock: Clock
  events: Events
  audit: Audit
  /** Jobs a trainer has now. */
  jobsOf: (id: string) => string[]
}

/** Who may make models for the hub from another machine, and what each of them can do. */
export function createTrainers({ db, store, clock, events, audit, jobsOf }: TrainersDeps) {
  const announce = (id: string) => events.announce("trainer", { id })
  const seen = new Map<string, number>()
  const known = (id: string): StoredTrainer => {
    const trainer = store.get(id)
    if (!trainer) throw new Problem("not_found", "trainer", `there is no trainer ${id}`, { trainer: id })
    return trainer
  }
  const viewOf = (trainer: StoredTrainer): TrainerView => {
    const seenAt = Math.max(trainer.seenAt ?? 0, seen.get(trainer.id) ?? 0) || null
    return {
      id: trainer.id,
      name: trainer.name,
      created_at: trainer.createdAt,
      created_by: trainer.createdBy,
      revoked_at: trainer.revokedAt,
      seen_at: seenAt,
      online: trainer.revokedAt === null && seenAt !== null && clock.now() - seenAt < awayMs,
      busy: jobsOf(trainer.id),
      said: trainer.said,
    }
  }

  return {
    list: (): TrainerView[] => store.all().map(viewOf),

    /** A new trainer, or a new token for one that is there: the old one ends at once. The token is shown once. */
    create(by: Actor, id: string, name: string): TrainerToken {
      const token = `ct_${id}_${randomBytes(24).toString("base64url")}`
      db.transaction(() => {
        const before = store.get(id)
        store.put({ id, name, hash: hashOf(token), by: by.name, at: clock.now() })
        const action = before ? "trainer.token" : "trainer.create"
        audit.record({ by, action, subject: `trainer:${id}`, before: null, after: { name } })
      })
      announce(id)
      return { trainer: viewOf(known(id)), token }
    },

    /** Ends a trainer's token at once. Throws `not_found`. */
    revoke(by: Actor, id: string): TrainerView {
      known(id)
      db.transaction(() => {
        if (!store.revoke(id, clock.now())) return
        audit.record({ by, action: "trainer.revoke", subject: `trainer:${id}`, before: null, after: null })
      })
      announce(id)
      return viewOf(known(id))
    },

    /** Whose token this is. Unknown trainers and those that were revoked take the same time and are nobody. */
    byToken(token: string): string | null {
      const id = /^ct_([a-z0-9-]{1,32})_/.exec(token)?.[1] ?? ""
      const expected = store.tokenHash(id) ?? ""
      const given = createHash("sha256").update(token).digest()
      const stored = Buffer.from(expected === "" ? "0".repeat(64) : expected, "hex")
      if (!timingSafeEqual(given, stored) || expected === "") return null
      const now = clock.now()
      if (now - (seen.get(id) ?? 0) >= seenEveryMs) {
        const away = viewOf(known(id)).online === false
        seen.set(id, now)
        store.seen(id, now)
        if (away) announce(id)
      }
      return id
    },

    /** Keeps what a trainer says it can do. Throws `unsupported` without a version of the contract in common. */
    register(id: string, said: TrainerRegistration): void {
      if (!said.contract_versions.includes(trainerContract))
        throw new Problem(
          "unsupported",
          "contract_version",
          `this hub speaks version ${trainerContract} of the trainer contract`,
          { version: trainerContract },
        )
      store.say(id, said, clock.now())
      announce(id)
    },

    /** What a trainer registered; null before it did. */
    said: (id: string): TrainerRegistration | null => store.get(id)?.said ?? null,
  }
}
export type Trainers = ReturnType<typeof createTrainers>

/** Plain SHA-256: the token is 192 random bits, there is no dictionary to slow down. */
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex")
