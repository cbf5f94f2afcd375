import type { Role } from "#contract/users"
import type { Sqlite } from "#platform/sqlite"
import type { Failures } from "./users.rules.ts"

export type SessionRow = {
  id: string
  token_sha256: string
  user_id: string
  created_at: number
  seen_at: number
  ends_at: number
  /** The enrolled tablet it was opened on. */
  tablet_id: string | null
}

export type SessionsStore = ReturnType<typeof createSessionsStore>

/** The only SQL of the tables `session`, `sign_in_token`, `setup_code` and `sign_in_failure`. */
export function createSessionsStore(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO session (id, token_sha256, user_id, created_at, seen_at, ends_at, tablet_id)
     VALUES ($id, $token_sha256, $user_id, $created_at, $seen_at, $ends_at, $tablet_id)`,
  )
  const byToken = db.prepare<SessionRow & { role: Role }>(
    `SELECT session.*, user.role FROM session JOIN user ON user.id = session.user_id
     WHERE token_sha256 = $token_sha256 AND user.disabled_at IS NULL`,
  )
  const touch = db.prepare("UPDATE session SET seen_at = $now WHERE id = $id")
  const end = db.prepare("DELETE FROM session WHERE id = $id")
  const endAllOf = db.prepare("DELETE FROM session WHERE user_id = $user_id")
  const endAllOn = db.prepare("DELETE FROM session WHERE tablet_id = $tablet_id")
  const sweepSessions = db.prepare("DELETE FROM session WHERE ends_at <= $now")
  const sweepTokens = db.prepare("DELETE FROM sign_in_token WHERE ends_at <= $now")

  const putToken = db.prepare("INSERT INTO sign_in_token VALUES ($token_sha256, $user_id, $ends_at)")
  const takeToken = db.prepare<{ user_id: string }>(
    "DELETE FROM sign_in_token WHERE token_sha256 = $token_sha256 AND ends_at > $now RETURNING user_id",
  )

  const putCode = db.prepare("INSERT OR REPLACE INTO setup_code VALUES (1, $code_sha256, $ends_at)")
  const code = db.prepare<{ one: number }>(
    "SELECT one FROM setup_code WHERE code_sha256 = $code_sha256 AND ends_at > $now",
  )
  const dropCode = db.prepare("DELETE FROM setup_code")

  const failures = db.prepare<Failures>("SELECT failures, last_at FROM sign_in_failure WHERE key = $key")
  const putFailures = db.prepare("INSERT OR REPLACE INTO sign_in_failure VALUES ($key, $failures, $last_at)")
  const forgetFailures = db.prepare("DELETE FROM sign_in_failure WHERE key = $key")
  const sweepFailures = db.prepare("DELETE FROM sign_in_failure WHERE last_at < $before")
  return {
    insert: (row: SessionRow) => void insert.run(row),
    byToken: (token_sha256: string) => byToken.get({ token_sha256 }),
    touch: (id: string, now: number) => void touch.run({ id, now }),
    end: (id: string) => void end.run({ id }),
    endAllOf: (user_id: string) => void endAllOf.run({ user_id }),
    endAllOn: (tablet_id: string) => void endAllOn.run({ tablet_id }),
    putToken: (token_sha256: string, user_id: string, ends_at: number) =>
      void putToken.run({ token_sha256, user_id, ends_at }),
    /** The token's person, once: it is gone afterwards. */
    takeToken: (token_sha256: string, now: number) => takeToken.get({ token_sha256, now })?.user_id,
    putCode: (code_sha256: string, ends_at: number) => void putCode.run({ code_sha256, ends_at }),
    isCode: (code_sha256: string, now: number) => code.get({ code_sha256, now }) !== undefined,
    dropCode: () => void dropCode.run(),
    failures: (key: string) => failures.get({ key }),
    putFailures: (key: string, value: Failures) => void putFailures.run({ key, ...value }),
    forgetFailures: (key: string) => void forgetFailures.run({ key }),
    /** Drops what has ended anyway, so that the tables stay small. */
    sweep(now: number) {
      sweepSessions.run({ now })
      sweepTokens.run({ now })
      sweepFailures.run({ before: now - 7 * 24 * 3_600_000 })
    },
  }
}
