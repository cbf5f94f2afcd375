import { createHash, randomBytes } from "node:crypto"
import type * as v from "valibot"
import { Problem } from "#contract/problem"
import type { Unlock } from "#contract/tablets"
import type { Language, Session, SetupRequest, SignInRequest, User } from "#contract/users"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Passwords } from "./password.ts"
import type { SessionsStore } from "./sessions.store.ts"
import type { KnownTablet, Tablets } from "./tablets.service.ts"
import type { Throttle } from "./throttle.ts"
import {
  formatSetupCode,
  isSessionOpen,
  normalizeSetupCode,
  sessionEnd,
  sessionLimits,
} from "./users.rules.ts"
import { publicUser, refuseWeakPassword } from "./users.service.ts"
import type { UserRow, UsersStore } from "./users.store.ts"

/** A fresh session: its token goes into the cookie and is stored only as a hash. `lifeMs` is the longest it lasts. */
export type SignedIn = { token: string; lifeMs: number; session: Session }

export type Sessions = {
  setupNeeded(): boolean
  /** A new setup code, valid for 30 minutes and one use, replacing any earlier one; null once there is a person. */
  newSetupCode(): string | null
  /** Makes the first admin. Throws `forbidden` (wrong, used or expired code), `rate_limited`, `invalid`. */
  setUp(request: v.InferOutput<typeof SetupRequest>, ip: string): Promise<SignedIn>
  /**
   * Throws `unauthenticated` (the same for every reason), `rate_limited`, and by PIN what `Tablets.prove` throws. Ends
   * the `previous` session, if any.
   */
  signIn(
    request: v.InferOutput<typeof SignInRequest>,
    ip: string,
    at?: { previous?: string | undefined; tablet?: KnownTablet | undefined },
  ): Promise<SignedIn>
  /** Proves that the person of a session is back; the session goes on. Throws as `signIn` does. */
  unlock(
    user: User,
    proof: v.InferOutput<typeof Unlock>,
    ip: string,
    tablet: KnownTablet | undefined,
  ): Promise<void>
  signOut(sessionId: string): void
  /** Who is behind a cookie's token, unless the session has ended; counts as use. */
  resolve(
    token: string,
  ): { user: User; sessionId: string; tabletId: string | undefined; expires_at: number } | undefined
  /** Whether a token's session is still open; asking is not use. */
  isOpen(token: string): boolean
  /** A token that signs a person in once, within `minutes`. */
  oneTimeToken(userId: string, minutes?: number): string
  changeOwnLanguage(userId: string, language: Language): User
  /** Drops ended sessions; call it now and then. */
  sweep(): void
}

const SETUP_MINUTES = 30
/** Finer steps would write to disk on every request. */
const TOUCH_EVERY_MS = 60_000

export type SessionsDeps = {
  db: Sqlite
  users: UsersStore
  store: SessionsStore
  tablets: Pick<Tablets, "prove" | "unlock">
  throttle: Throttle
  passwords: Passwords
  audit: Audit
  clock: Clock
  ids: Ids
}

export function createSessions(deps: SessionsDeps): Sessions {
  const { db, users, store, tablets, throttle, passwords, audit, clock, ids } = deps

  /** Call inside a transaction. */
  function open(
    user: UserRow,
    action: "session.start" | "session.start_by_token" | "session.start_by_pin",
    tablet?: KnownTablet,
  ): SignedIn {
    const token = randomBytes(32).toString("base64url")
    const now = clock.now()
    const row = {
      id: ids.uuid(),
      token_sha256: sha256(token),
      user_id: user.id,
      created_at: now,
      seen_at: now,
      ends_at: now + sessionLimits[user.role].absolute,
      tablet_id: tablet?.id ?? null,
    }
    store.insert(row)
    const after = { session: row.id, ...(tablet && { tablet: tablet.id }) }
    audit.record({ by: user, action, subject: `user:${user.id}`, before: null, after })
    return {
      token,
      lifeMs: sessionLimits[user.role].absolute,
      session: {
        user: publicUser(user),
        expires_at: sessionEnd(user.role, row),
        ...(tablet && { tablet: { id: tablet.id, name: tablet.name } }),
      },
    }
  }

  async function byPassword(
    { login, password }: { login: string; password: string },
    ip: string,
    tablet: KnownTablet | undefined,
  ): Promise<SignedIn> {
    const succeeded = throttle.book(login.toLowerCase(), ip)
    const known = users.byLogin(login.toLowerCase())
    const { fits, outdated } = await passwords.check(password, known?.password ?? null)
    // Asked again after the await: a person disabled meanwhile does not come in.
    const user = users.byLogin(login.toLowerCase())
    if (!fits || !user || user.disabled || user.password !== known?.password)
      throw new Problem("unauthenticated", "sign_in_failed", "this login and password do not fit")
    const fresh = outdated ? await passwords.hash(password) : null
    return db.transaction(() => {
      if (fresh) users.update({ ...user, password: fresh }, clock.now())
      succeeded()
      tablets.unlock(user.id)
      return open(user, "session.start", tablet)
    })
  }

  function byToken(token: string, ip: string, tablet: KnownTablet | undefined): SignedIn {
    const succeeded = throttle.book("token", ip)
    return db.transaction(() => {
      const userId = store.takeToken(sha256(token), clock.now())
      const user = userId === undefined ? undefined : users.byId(userId)
      if (!user || user.disabled)
        throw new Problem("unauthenticated", "sign_in_token", "this sign-in link has been used or has ended")
      succeeded()
      return open(user, "session.start_by_token", tablet)
    })
  }

  return {
    setupNeeded: () => users.count() === 0,
    newSetupCode() {
      if (users.count() > 0) return null
      const code = formatSetupCode(randomBytes(12))
      store.putCode(sha256(normalizeSetupCode(code)), clock.now() + SETUP_MINUTES * 60_000)
      return code
    },
    async setUp({ code, password, ...asked }, ip) {
      if (users.count() > 0) throw setupDone()
      const succeeded = throttle.book("setup", ip)
      const hashedCode = sha256(normalizeSetupCode(code))
      if (!store.isCode(hashedCode, clock.now())) throw wrongCode()
      refuseWeakPassword(password, asked.login)
      const hash = await passwords.hash(password)
      return db.transaction(() => {
        // Two people may have typed the same code while the hash was computed.
        if (users.count() > 0) throw setupDone()
        if (!store.isCode(hashedCode, clock.now())) throw wrongCode()
        store.dropCode()
        const now = clock.now()
        const user: UserRow = {
          ...asked,
          id: ids.uuid(),
          role: "admin",
          password: hash,
          disabled: false,
          created_at: now,
        }
        users.insert(user)
        succeeded()
        const after = publicUser(user)
        audit.record({ by: user, action: "user.create", subject: `user:${user.id}`, before: null, after })
        return open(user, "session.start")
      })
    },
    async signIn(request, ip, { previous, tablet } = {}) {
      const signedIn =
        "token" in request
          ? byToken(request.token, ip, tablet)
          : "pin" in request
            ? open(await tablets.prove(request, tablet), "session.start_by_pin", tablet)
            : await byPassword(request, ip, tablet)
      if (previous !== undefined) store.end(previous)
      return signedIn
    },
    async unlock(user, proof, ip, tablet) {
      if ("pin" in proof) {
        await tablets.prove({ user: user.id, pin: proof.pin }, tablet)
        return
      }
      const succeeded = throttle.book(user.login, ip)
      const { fits } = await passwords.check(proof.password, users.byId(user.id)?.password ?? null)
      if (!fits) throw new Problem("unauthenticated", "sign_in_failed", "this login and password do not fit")
      succeeded()
      tablets.unlock(user.id)
    },
    signOut: (sessionId) => store.end(sessionId),
    resolve(token) {
      const row = store.byToken(sha256(token))
      if (!row) return undefined
      const now = clock.now()
      if (!isSessionOpen(row.role, row, now)) {
        store.end(row.id)
        return undefined
      }
      if (now - row.seen_at >= TOUCH_EVERY_MS) store.touch(row.id, now)
      const user = users.byId(row.user_id)
      const seen_at = Math.max(row.seen_at, now)
      return (
        user && {
          user: publicUser(user),
          sessionId: row.id,
          tabletId: row.tablet_id ?? undefined,
          expires_at: sessionEnd(row.role, { ...row, seen_at }),
        }
      )
    },
    isOpen(token) {
      const row = store.byToken(sha256(token))
      return row !== undefined && isSessionOpen(row.role, row, clock.now())
    },
    oneTimeToken(userId, minutes = 15) {
      const token = randomBytes(32).toString("base64url")
      store.putToken(sha256(token), userId, clock.now() + minutes * 60_000)
      return token
    },
    changeOwnLanguage(userId, language) {
      return db.transaction(() => {
        const user = users.byId(userId)
        if (!user) throw new Problem("not_found", "user", "there is no such person")
        users.update({ ...user, language }, clock.now())
        return publicUser({ ...user, language })
      })
    },
    sweep: () => store.sweep(clock.now()),
  }
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

function setupDone(): Problem {
  return new Problem("forbidden", "setup_done", "this hub has been set up; sign in")
}

function wrongCode(): Problem {
  return new Problem(
    "forbidden",
    "setup_code",
    "this setup code is wrong or has ended; a restart of the hub prints a new one",
  )
}
