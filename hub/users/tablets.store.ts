import type { PersonAccess, Tablet, TabletPerson, TabletSettings } from "#contract/tablets"
import type { Sqlite } from "#platform/sqlite"

type TabletRow = Omit<Tablet, "revoked"> & { revoked_at: number | null }
export type PinRow = { user_id: string; hash: string; failures: number }

export type TabletsStore = ReturnType<typeof createTabletsStore>

/** The only SQL of the tables `tablet`, `tablet_code`, `tablet_settings`, `pin`, `badge` and `label_pass`. */
export function createTabletsStore(db: Sqlite) {
  const putCode = db.prepare("INSERT INTO tablet_code VALUES ($code_sha256, $name, $by_id, $ends_at)")
  const takeCode = db.prepare<{ name: string; by_id: string }>(
    "DELETE FROM tablet_code WHERE code_sha256 = $code_sha256 AND ends_at > $now RETURNING name, by_id",
  )
  const sweepCodes = db.prepare("DELETE FROM tablet_code WHERE ends_at <= $now")

  const insert = db.prepare(
    `INSERT INTO tablet (id, name, secret_sha256, enrolled_at, enrolled_by, seen_at)
     VALUES ($id, $name, $secret_sha256, $at, $by, $at)`,
  )
  const bySecret = db.prepare<{ id: string; name: string; seen_at: number }>(
    "SELECT id, name, seen_at FROM tablet WHERE secret_sha256 = $secret_sha256 AND revoked_at IS NULL",
  )
  const byId = db.prepare<{ id: string; name: string; revoked_at: number | null }>(
    "SELECT id, name, revoked_at FROM tablet WHERE id = $id",
  )
  const list = db.prepare<TabletRow>(
    `SELECT tablet.id, tablet.name, enrolled_at, user.name AS enrolled_by, seen_at, revoked_at
     FROM tablet JOIN user ON user.id = tablet.enrolled_by ORDER BY revoked_at IS NOT NULL, tablet.name, tablet.id`,
  )
  const touch = db.prepare("UPDATE tablet SET seen_at = $now WHERE id = $id")
  const rename = db.prepare("UPDATE tablet SET name = $name WHERE id = $id")
  const revoke = db.prepare("UPDATE tablet SET revoked_at = $now WHERE id = $id AND revoked_at IS NULL")

  const settings = db.prepare<TabletSettings>(
    "SELECT idle_lock_minutes, pin_up_to FROM tablet_settings WHERE one = 1",
  )
  const putSettings = db.prepare(
    "INSERT OR REPLACE INTO tablet_settings VALUES (1, $idle_lock_minutes, $pin_up_to)",
  )

  const people = db.prepare<TabletPerson>(
    `SELECT user.id, name, role, language FROM user JOIN pin ON pin.user_id = user.id
     WHERE disabled_at IS NULL ORDER BY name, user.id`,
  )
  const access = db.prepare<{ user_id: string; failures: number | null; badge: number }>(
    `SELECT user.id AS user_id, pin.failures,
       EXISTS (SELECT 1 FROM badge WHERE badge.user_id = user.id) AS badge
     FROM user LEFT JOIN pin ON pin.user_id = user.id`,
  )
  const pin = db.prepare<PinRow>("SELECT user_id, hash, failures FROM pin WHERE user_id = $user_id")
  const putPin = db.prepare("INSERT OR REPLACE INTO pin VALUES ($user_id, $hash, $now, 0)")
  const dropPin = db.prepare("DELETE FROM pin WHERE user_id = $user_id")
  const countFailure = db.prepare("UPDATE pin SET failures = failures + 1 WHERE user_id = $user_id")
  const forgetFailures = db.prepare("UPDATE pin SET failures = 0 WHERE user_id = $user_id")

  const badgeOwner = db.prepare<{ user_id: string }>(
    "SELECT user_id FROM badge WHERE code_sha256 = $code_sha256",
  )
  const putBadge = db.prepare("INSERT OR REPLACE INTO badge VALUES ($user_id, $code_sha256, $now)")
  const dropBadge = db.prepare("DELETE FROM badge WHERE user_id = $user_id")

  const putPass = db.prepare("INSERT INTO label_pass VALUES ($token_sha256, $user_id, $tablet_id, $ends_at)")
  const passOf = db.prepare<{ user_id: string; tablet_id: string | null }>(
    "SELECT user_id, tablet_id FROM label_pass WHERE token_sha256 = $token_sha256 AND ends_at > $now",
  )
  const endPassesOf = db.prepare("DELETE FROM label_pass WHERE user_id = $user_id")
  const endPassesOn = db.prepare("DELETE FROM label_pass WHERE tablet_id = $tablet_id")
  const sweepPasses = db.prepare("DELETE FROM label_pass WHERE ends_at <= $now")

  return {
    putCode: (row: { code_sha256: string; name: string; by_id: string; ends_at: number }) =>
      void putCode.run(row),
    /** The code's tablet-to-be, once: it is gone afterwards. */
    takeCode: (code_sha256: string, now: number) => takeCode.get({ code_sha256, now }),

    insert: (row: { id: string; name: string; secret_sha256: string; at: number; by: string }) =>
      void insert.run(row),
    bySecret: (secret_sha256: string) => bySecret.get({ secret_sha256 }),
    byId: (id: string) => byId.get({ id }),
    list: (): Tablet[] =>
      list.all().map(({ revoked_at, ...row }) => ({ ...row, revoked: revoked_at !== null })),
    touch: (id: string, now: number) => void touch.run({ id, now }),
    rename: (id: string, name: string) => void rename.run({ id, name }),
    revoke: (id: string, now: number) => void revoke.run({ id, now }),

    settings: () => settings.get(),
    putSettings: (value: TabletSettings) => void putSettings.run(value),

    people: () => people.all(),
    access: (triesUntilLocked: number): PersonAccess[] =>
      access.all().map(({ user_id, failures, badge }) => ({
        user_id,
        pin: failures !== null,
        locked: failures !== null && failures >= triesUntilLocked,
        badge: badge === 1,
      })),
    pin: (user_id: string) => pin.get({ user_id }),
    putPin: (user_id: string, hash: string, now: number) => void putPin.run({ user_id, hash, now }),
    dropPin: (user_id: string) => void dropPin.run({ user_id }),
    countFailure: (user_id: string) => void countFailure.run({ user_id }),
    forgetFailures: (user_id: string) => void forgetFailures.run({ user_id }),

    badgeOwner: (code_sha256: string) => badgeOwner.get({ code_sha256 })?.user_id,
    putBadge: (user_id: string, code_sha256: string, now: number) =>
      void putBadge.run({ user_id, code_sha256, now }),
    dropBadge: (user_id: string) => void dropBadge.run({ user_id }),

    putPass: (row: { token_sha256: string; user_id: string; tablet_id: string | null; ends_at: number }) =>
      void putPass.run(row),
    passOf: (token_sha256: string, now: number) => passOf.get({ token_sha256, now }),
    endPassesOf: (user_id: string) => void endPassesOf.run({ user_id }),
    endPassesOn: (tablet_id: string) => void endPassesOn.run({ tablet_id }),

    /** Drops what has ended anyway. */
    sweep(now: number) {
      sweepCodes.run({ now })
      sweepPasses.run({ now })
    },
  }
}
