import { createHash, randomBytes } from "node:crypto"
import type { KeyScope, ProgramKey } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Users } from "../users/users.service.ts"
import type { PeopleStore, TokenRow } from "./people.store.ts"
import type { LsUserRow } from "./wire.rules.ts"

/** How long an access token lives; the official client asks for the next one by itself. */
const accessMs = 5 * 60_000
/** How exactly it is known when a key was last used: each look at the clock is a write. */
const usedMs = 60_000

/**
 * People and keys as Label Studio's programs know them. A refresh token has the form of a JWT because the client reads
 * its end out of it; its signature is chance, and only its hash is stored, so it can be ended at once.
 */
export function createPeople({
  db,
  store,
  users,
  audit,
  clock,
  ids,
}: {
  db: Sqlite
  store: PeopleStore
  users: Pick<Users, "list" | "find" | "create">
  audit: Audit
  clock: Clock
  ids: Ids
}) {
  /** Numbers are given when somebody first needs one, in the order in which people came. */
  const numberOf = (userId: string): LsUserRow =>
    store.byUser(userId) ??
    db.transaction(() => {
      const user = users.find(userId)
      if (!user) throw new Problem("not_found", "user", "there is no such person")
      store.insert(userId, freeAddress(user.login))
      return store.byUser(userId)!
    })
  const freeAddress = (login: string): string => {
    const address = `${login}@crux.local`
    return store.byEmail(address) ? `${login}-${ids.random(3)}@crux.local` : address
  }

  const issue = (
    userId: string,
    { kind, scope, lifeMs, parent }: Pick<TokenRow, "kind" | "scope" | "parent"> & { lifeMs: number | null },
  ) => {
    const now = clock.now()
    const ends_at = lifeMs === null ? null : now + lifeMs
    const id = ids.random(16)
    const token =
      kind === "legacy" ? randomBytes(20).toString("hex") : jwtShaped(kind, id, now, ends_at ?? now)
    store.dropEnded(now)
    store.putToken({
      sha256: sha256(token),
      id,
      user_id: userId,
      kind,
      parent,
      created_at: now,
      ends_at,
      scope,
    })
    return { id, kind, scope, created_at: now, ends_at, used_at: null, token }
  }
  const record = (by: Actor, action: string, id: string, kind: string, scope?: KeyScope) =>
    audit.record({
      by,
      action,
      subject: `user:${by.id}`,
      before: null,
      after: { key: id, kind, ...(scope && { scope }) },
    })
  const living = (text: string): TokenRow | undefined => {
    const row = store.token(sha256(text))
    return row && (row.ends_at === null || row.ends_at > clock.now()) ? row : undefined
  }
  /** The key a request shows, if it is one for requests. */
  const shown = (authorization: string | undefined, apiKey: string | undefined): TokenRow | undefined => {
    const text = apiKey ?? /^(?:Token|Bearer)\s+(\S{8,4096})\s*$/i.exec(authorization ?? "")?.[1]
    const row = text === undefined ? undefined : living(text)
    // A refresh token is for getting access tokens; as one it would live a year on every wire.
    return row?.kind === "refresh" ? undefined : row
  }
  const wrong = () => new Problem("unauthenticated", "token", "Token is invalid or expired")

  return {
    numberOf,
    /** Everybody, in the order they came. */
    list: () => users.list().map((user) => ({ row: numberOf(user.id), user })),
    byNumber: (id: number): { row: LsUserRow; user: User } => {
      const row = store.byNumber(id)
      const user = row && users.find(row.user_id)
      if (!row || !user) throw new Problem("not_found", "user", "No User matches the given query.")
      return { row, user }
    },
    /** Who an annotation is by, as programs name people: a number, an address or an object with either. */
    named: (who: unknown): User | undefined => {
      const name =
        typeof who === "object" && who !== null
          ? "email" in who
            ? who.email
            : (who as { id?: unknown }).id
          : who
      const row =
        typeof name === "number"
          ? store.byNumber(name)
          : typeof name === "string"
            ? store.byEmail(name.trim().toLowerCase())
            : undefined
      return row && users.find(row.user_id)
    },
    /**
     * Adds a person by address, as a worker without a way to sign in until an admin gives one. Throws `conflict` when
     * the address is known.
     */
    async add(by: Actor, asked: { email: string; name: string }): Promise<{ row: LsUserRow; user: User }> {
      if (store.byEmail(asked.email))
        throw new Problem("conflict", "email_taken", "user with this email already exists.")
      const stem = asked.email
        .split("@")[0]!
        .replaceAll(/[^a-z0-9._-]/g, "")
        .replace(/^[._-]+/, "")
      const taken = new Set(users.list().map(({ login }) => login))
      const login = [stem.slice(0, 26), `${stem.slice(0, 26)}-${ids.random(2)}`]
        .map((name) => (name.length < 2 ? `user-${ids.random(3)}` : name))
        .find((name) => !taken.has(name))
      const user = await users.create(by, {
        login: login ?? `user-${ids.random(6)}`,
        name: asked.name,
        role: "worker",
        language: "ko",
        password: randomBytes(48).toString("base64url"),
      })
      store.insert(user.id, asked.email)
      return { row: store.byUser(user.id)!, user }
    },

    /** Who a request is from, by its headers, and what its key is for; undefined for nobody. */
    bearer: (
      authorization: string | undefined,
      apiKey: string | undefined,
    ): { user: User; scope: KeyScope } | undefined => {
      const row = shown(authorization, apiKey)
      const user = row && users.find(row.user_id)
      if (!user || user.disabled) return undefined
      const now = clock.now()
      if (row.used_at === null || Math.abs(now - row.used_at) >= usedMs) store.used(row, now)
      return { user, scope: row.scope }
    },
    /**
     * Refuses to make lasting keys for a request whose own key does not last, or is not for everything: what a model server
     * was given for a day must not become one for ever. Throws `forbidden`.
     */
    demandLasting: (authorization: string | undefined, apiKey: string | undefined): void => {
      const row = shown(authorization, apiKey)
      if (row && row.scope !== "full")
        throw new Problem("forbidden", "key", "this key is not for everything and makes no others")
      if (row?.kind === "access" && row.parent === null)
        throw new Problem("forbidden", "key", "this key was given for a while and makes no others")
    },
    /** Makes a key; it is shown now and never again. */
    makeKey: (user: User, kind: ProgramKey["kind"], days: number, scope: KeyScope = "full") =>
      db.transaction(() => {
        const lifeMs = kind === "refresh" ? days * 86_400_000 : null
        const made = issue(user.id, { kind, scope, lifeMs, parent: null })
        record(user, "key.create", made.id, kind, scope)
        return { ...made, kind }
      }),
    /** For a model server that fetches pictures and hands in what it sees: ends by itself within a day. */
    shortKey: (user: User): string =>
      issue(user.id, { kind: "access", scope: "train", lifeMs: 24 * 3_600_000, parent: null }).token,
    keys: (user: User): ProgramKey[] =>
      store.tokensOf(user.id).map(({ id, kind, scope, created_at, ends_at, used_at }) => ({
        id,
        kind: kind as ProgramKey["kind"],
        scope,
        created_at,
        ends_at,
        used_at,
      })),
    /** Ends a key and what was made with it. Throws `not_found`. */
    endKey: (user: User, id: string): void =>
      db.transaction(() => {
        if (!store.dropToken(id, user.id)) throw new Problem("not_found", "key", "there is no such key")
        record(user, "key.end", id, "")
      }),
    endKeys: (user: User, kind: ProgramKey["kind"]): void => store.dropKind(user.id, kind),
    /** The access token for a refresh token. Throws `unauthenticated`. */
    refresh: (refresh: string): string => {
      const row = living(refresh)
      const user = row && users.find(row.user_id)
      if (row?.kind !== "refresh" || !user || user.disabled) throw wrong()
      store.used(row, clock.now())
      return issue(row.user_id, { kind: "access", scope: row.scope, lifeMs: accessMs, parent: row.id }).token
    },
    /** Ends a refresh token that is shown. Throws `unauthenticated`. */
    blacklist: (user: User, refresh: string): void => {
      const row = living(refresh)
      if (row?.kind !== "refresh" || row.user_id !== user.id) throw wrong()
      db.transaction(() => {
        store.dropToken(row.id, user.id)
        record(user, "key.end", row.id, "refresh")
      })
    },
  }
}
export type People = ReturnType<typeof createPeople>

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

function jwtShaped(token_type: "refresh" | "access", jti: string, now: number, end: number): string {
  const claims = { token_type, exp: Math.ceil(end / 1000), iat: Math.floor(now / 1000), jti }
  return `${coded({ alg: "HS256", typ: "JWT" })}.${coded(claims)}.${randomBytes(32).toString("base64url")}`
}
