import { createHash, randomBytes } from "node:crypto"
import { Problem } from "#contract/problem"
import type {
  Badge,
  LabelPass,
  PersonAccess,
  Tablet,
  TabletCode,
  TabletPerson,
  TabletSettings,
  ThisTablet,
} from "#contract/tablets"
import type { User } from "#contract/users"
import { type Audit, theHub } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Passwords } from "./password.ts"
import type { SessionsStore } from "./sessions.store.ts"
import {
  mayGiveAccess,
  mayUsePin,
  normalizeBadge,
  pinWeakness,
  triesUntilLocked,
  usualTabletSettings,
} from "./tablets.rules.ts"
import type { TabletsStore } from "./tablets.store.ts"
import type { Throttle } from "./throttle.ts"
import { formatSetupCode, normalizeSetupCode } from "./users.rules.ts"
import { publicUser } from "./users.service.ts"
import type { UserRow, UsersStore } from "./users.store.ts"

const codeLifeMs = 15 * 60_000
/** A tablet may lie in a drawer for a holiday with labels on it. */
const passLifeMs = 14 * 86_400_000
/** Finer steps would write to disk on every request. */
const touchEveryMs = 60_000

/** An enrolled tablet that has shown its credential. */
export type KnownTablet = { id: string; name: string }
/** Who stands there: a tile was pressed, or a badge was read. */
export type Claim = { user: string; pin: string } | { badge: string; pin: string }

export type Tablets = {
  list(): Tablet[]
  settings(): TabletSettings
  changeSettings(by: User, settings: TabletSettings): TabletSettings
  /** A code for one tablet, valid for 15 minutes and one use. */
  createCode(by: User, name: string): TabletCode
  /** Exchanges a code for the tablet's credential; `before` is what the tablet was, and is no more. Throws `forbidden`, `rate_limited`. */
  enrol(code: string, ip: string, before?: KnownTablet): { token: string; tablet: KnownTablet }
  /** The tablet behind a credential, unless it was revoked; counts as a sign of life. */
  resolve(token: string): KnownTablet | undefined
  rename(by: User, id: string, name: string): void
  /** Its credential and every session and label pass on it end at once. Throws `not_found`. */
  revoke(by: User, id: string): void
  /** What the sign-in screen of this tablet shows. */
  face(tablet: KnownTablet | undefined): ThisTablet
  /** Whose badge this is. Throws `not_found`, `rate_limited`. */
  whose(badge: string, tablet: KnownTablet | undefined): TabletPerson
  /**
   * The person behind a tile or badge with the right PIN. Throws `unauthenticated`, `rate_limited`, and `forbidden` (not
   * an enrolled tablet, a role that needs its password, too many wrong tries).
   */
  prove(claim: Claim, tablet: KnownTablet | undefined): Promise<UserRow>
  access(): PersonAccess[]
  /** Throws `invalid` (guessable), `forbidden` (a person of the same or a higher role), `not_found`. */
  setPin(by: User, id: string, pin: string): Promise<void>
  changeOwnPin(user: User, pin: string, current: string, tablet: KnownTablet | undefined): Promise<void>
  dropPin(by: User, id: string): void
  /** `code` is the text of a badge the person has; without it a code is made. Throws `conflict` when it is somebody else's. */
  setBadge(by: User, id: string, code?: string): Badge
  dropBadge(by: User, id: string): void
  /** Called when somebody has signed in by password: that person's PIN works again. */
  unlock(userId: string): void
  labelPass(user: User, tabletId: string | undefined): LabelPass
  /** Whose labels a pass may bring in, and from which tablet. */
  passHolder(token: string): { user: User; tabletId: string | undefined } | undefined
  sweep(): void
}

export function createTablets(deps: {
  db: Sqlite
  users: UsersStore
  sessions: SessionsStore
  store: TabletsStore
  throttle: Throttle
  passwords: Passwords
  audit: Audit
  clock: Clock
  ids: Ids
}): Tablets {
  const { db, users, sessions, store, throttle, passwords, audit, clock, ids } = deps
  const settings = () => store.settings() ?? usualTabletSettings

  /** The person whose access is to be changed, if `by` may. */
  function subjectOf(by: User, id: string): UserRow {
    const to = users.byId(id)
    if (!to) throw new Problem("not_found", "user", "there is no such person")
    if (!mayGiveAccess(by, to))
      throw new Problem("forbidden", "access_role", "only an admin may do this for a person of this role")
    return to
  }

  async function putPin(by: User, to: UserRow, pin: string): Promise<void> {
    const why = pinWeakness(pin)
    if (why) throw new Problem("invalid", `pin_${why}`, "this PIN is among the first to be guessed")
    const hash = await passwords.hash(pin)
    db.transaction(() => {
      store.putPin(to.id, hash, clock.now())
      audit.record({ by, action: "user.pin", subject: `user:${to.id}`, before: null, after: null })
    })
  }

  function demandTablet(tablet: KnownTablet | undefined): KnownTablet {
    const known = tablet && store.byId(tablet.id)
    if (!tablet || !known || known.revoked_at !== null)
      throw new Problem("forbidden", "tablet_needed", "a PIN is only taken on an enrolled tablet")
    return tablet
  }

  const owner = (badge: string): UserRow | undefined => {
    const id = store.badgeOwner(sha256(normalizeBadge(badge)))
    return id === undefined ? undefined : users.byId(id)
  }

  async function prove(claim: Claim, at: KnownTablet | undefined): Promise<UserRow> {
    const tablet = demandTablet(at)
    const user = "user" in claim ? users.byId(claim.user) : owner(claim.badge)
    const succeeded = throttle.book(`pin:${user?.id ?? "nobody"}`, `tablet:${tablet.id}`)
    const known = user && !user.disabled ? store.pin(user.id) : undefined
    if (known && known.failures >= triesUntilLocked) throw pinLocked()
    if (user && known && !mayUsePin(user.role, settings()))
      throw new Problem("forbidden", "pin_role", "this role signs in with its password")
    // Booked before it is looked at, so that guesses sent at once count one by one.
    if (known) store.countFailure(known.user_id)
    const { fits } = await passwords.check(claim.pin, known?.hash ?? null)
    // Asked again after the await: somebody disabled, a PIN changed, a tablet revoked meanwhile.
    demandTablet(tablet)
    const now = user && users.byId(user.id)
    const current = user && store.pin(user.id)
    if (!fits || !now || now.disabled || !current || current.hash !== known?.hash) {
      if (current && current.failures >= triesUntilLocked) {
        audit.record({
          by: theHub,
          action: "user.pin_locked",
          subject: `user:${current.user_id}`,
          before: null,
          after: { tablet: tablet.id },
        })
        throw pinLocked()
      }
      throw new Problem("unauthenticated", "pin_failed", "this PIN does not fit")
    }
    db.transaction(() => {
      store.forgetFailures(now.id)
      succeeded()
    })
    return now
  }

  return {
    list: store.list,
    settings,
    changeSettings(by, after) {
      if (by.role !== "admin" && after.pin_up_to === "engineer")
        throw new Problem("forbidden", "access_role", "only an admin may do this for a person of this role")
      db.transaction(() => {
        const before = settings()
        store.putSettings(after)
        audit.record({ by, action: "tablet.settings", subject: "tablets", before, after })
      })
      return after
    },
    createCode(by, name) {
      const code = formatSetupCode(randomBytes(12))
      const expires_at = clock.now() + codeLifeMs
      db.transaction(() => {
        store.putCode({ code_sha256: codeHash(code), name, by_id: by.id, ends_at: expires_at })
        audit.record({
          by,
          action: "tablet.invite",
          subject: "tablets",
          before: null,
          after: { name, expires_at },
        })
      })
      return { code, name, expires_at }
    },
    enrol(code, ip, before) {
      const succeeded = throttle.book("tablet-code", ip)
      const token = randomBytes(32).toString("base64url")
      return db.transaction(() => {
        const now = clock.now()
        const found = store.takeCode(codeHash(code), now)
        if (!found)
          throw new Problem("forbidden", "tablet_code", "this code is wrong, has been used or has ended")
        succeeded()
        const tablet = { id: ids.uuid(), name: found.name }
        if (before) end(before.id, now)
        store.insert({ ...tablet, secret_sha256: sha256(token), at: now, by: found.by_id })
        const by = users.byId(found.by_id) ?? theHub
        const after = { name: tablet.name, address: ip, ...(before && { replaces: before.id }) }
        audit.record({ by, action: "tablet.enrol", subject: `tablet:${tablet.id}`, before: null, after })
        return { token, tablet }
      })
    },
    resolve(token) {
      const row = store.bySecret(sha256(token))
      if (!row) return undefined
      const now = clock.now()
      if (Math.abs(now - row.seen_at) >= touchEveryMs) store.touch(row.id, now)
      return { id: row.id, name: row.name }
    },
    rename(by, id, name) {
      db.transaction(() => {
        const known = store.byId(id)
        if (!known) throw new Problem("not_found", "tablet", "there is no such tablet")
        store.rename(id, name)
        audit.record({
          by,
          action: "tablet.rename",
          subject: `tablet:${id}`,
          before: { name: known.name },
          after: { name },
        })
      })
    },
    revoke(by, id) {
      db.transaction(() => {
        const known = store.byId(id)
        if (!known || known.revoked_at !== null)
          throw new Problem("not_found", "tablet", "there is no such tablet")
        end(id, clock.now())
        audit.record({
          by,
          action: "tablet.revoke",
          subject: `tablet:${id}`,
          before: { name: known.name },
          after: null,
        })
      })
    },
    face(tablet) {
      const { idle_lock_minutes } = settings()
      if (!tablet) return { tablet: null, people: [], idle_lock_minutes: 0 }
      const people = store.people().filter(({ role }) => mayUsePin(role, settings()))
      return { tablet: { id: tablet.id, name: tablet.name }, people, idle_lock_minutes }
    },
    whose(badge, at) {
      const tablet = demandTablet(at)
      const succeeded = throttle.book("badge", `tablet:${tablet.id}`)
      const user = owner(badge)
      if (!user || user.disabled) throw new Problem("not_found", "badge", "this badge belongs to nobody")
      succeeded()
      const { id, name, role, language } = user
      return { id, name, role, language }
    },
    prove,
    access: () => store.access(triesUntilLocked),
    async setPin(by, id, pin) {
      await putPin(by, subjectOf(by, id), pin)
    },
    async changeOwnPin(user, pin, current, tablet) {
      const row = users.byId(user.id)
      const known = store.pin(user.id)
      if (!row) throw new Problem("not_found", "user", "there is no such person")
      if (known) await prove({ user: user.id, pin: current }, tablet)
      else {
        const succeeded = throttle.book(row.login, `own:${user.id}`)
        const { fits } = await passwords.check(current, row.password)
        if (!fits) throw new Problem("forbidden", "current_wrong", "the present PIN or password is wrong")
        succeeded()
      }
      await putPin(user, row, pin)
    },
    dropPin(by, id) {
      const to = subjectOf(by, id)
      db.transaction(() => {
        store.dropPin(to.id)
        audit.record({ by, action: "user.pin_clear", subject: `user:${id}`, before: null, after: null })
      })
    },
    setBadge(by, id, given) {
      const to = subjectOf(by, id)
      const code = given ?? `CRUX${formatSetupCode(randomBytes(12)).replaceAll("-", "")}`
      const counted = normalizeBadge(code)
      if (counted.length < 8) throw new Problem("invalid", "badge_short", "a badge needs 8 letters or digits")
      const hash = sha256(counted)
      db.transaction(() => {
        const other = store.badgeOwner(hash)
        if (other !== undefined && other !== to.id)
          throw new Problem("conflict", "badge_taken", "this badge belongs to somebody else")
        store.putBadge(to.id, hash, clock.now())
        audit.record({
          by,
          action: "user.badge",
          subject: `user:${id}`,
          before: null,
          after: { made: given === undefined },
        })
      })
      return { user: to.id, name: to.name, code }
    },
    dropBadge(by, id) {
      const to = subjectOf(by, id)
      db.transaction(() => {
        store.dropBadge(to.id)
        audit.record({ by, action: "user.badge_clear", subject: `user:${id}`, before: null, after: null })
      })
    },
    unlock: store.forgetFailures,
    labelPass(user, tabletId) {
      const token = randomBytes(32).toString("base64url")
      const ends_at = clock.now() + passLifeMs
      store.putPass({ token_sha256: sha256(token), user_id: user.id, tablet_id: tabletId ?? null, ends_at })
      return { token, expires_at: ends_at }
    },
    passHolder(token) {
      const row = store.passOf(sha256(token), clock.now())
      const user = row && users.byId(row.user_id)
      if (!row || !user || user.disabled) return undefined
      return { user: publicUser(user), tabletId: row.tablet_id ?? undefined }
    },
    sweep: () => store.sweep(clock.now()),
  }

  function end(id: string, now: number): void {
    store.revoke(id, now)
    sessions.endAllOn(id)
    store.endPassesOn(id)
  }
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const codeHash = (code: string) => sha256(normalizeSetupCode(code))

function pinLocked(): Problem {
  return new Problem(
    "forbidden",
    "pin_locked",
    "too many wrong PINs; sign in by password or ask for a new PIN",
  )
}
