import type * as v from "valibot"
import { Problem } from "#contract/problem"
import type { NewUser, User, UserPatch } from "#contract/users"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Passwords } from "./password.ts"
import type { SessionsStore } from "./sessions.store.ts"
import { passwordWeakness } from "./users.rules.ts"
import type { UserRow, UsersStore } from "./users.store.ts"

type Patch = v.InferOutput<typeof UserPatch>

export type Users = {
  list(): User[]
  find(id: string): User | undefined
  /** Hashes first, stores then. Throws `conflict` for a taken login, `invalid` for a guessable password. */
  create(by: Actor, user: NewUser): Promise<User>
  /**
   * Disabling and a new password end the person's sessions at once. Throws `not_found`, and `conflict` when nobody
   * would be left who can administer the hub.
   */
  change(by: Actor, id: string, patch: Patch): Promise<User>
}

export type UsersDeps = {
  db: Sqlite
  store: UsersStore
  sessions: SessionsStore
  passwords: Passwords
  audit: Audit
  clock: Clock
  ids: Ids
  /** What else a person is trusted by ends with the sessions. */
  endPasses: (userId: string) => void
}

export function createUsers(deps: UsersDeps): Users {
  const { db, store, sessions, passwords, audit, clock, ids, endPasses } = deps
  return {
    list: () => store.list().map(publicUser),
    find(id) {
      const row = store.byId(id)
      return row && publicUser(row)
    },
    async create(by, { password, ...asked }) {
      refuseWeakPassword(password, asked.login)
      const hash = await passwords.hash(password)
      return db.transaction(() => {
        if (store.byLogin(asked.login)) throw loginTaken(asked.login)
        const row = { ...asked, id: ids.uuid(), disabled: false, created_at: clock.now(), password: hash }
        store.insert(row)
        const user = publicUser(row)
        audit.record({ by, action: "user.create", subject: `user:${user.id}`, before: null, after: user })
        return user
      })
    },
    async change(by, id, { password, ...patch }) {
      const known = store.byId(id)
      if (!known) throw new Problem("not_found", "user", "there is no such person")
      if (password !== undefined) refuseWeakPassword(password, known.login)
      const hash = password === undefined ? undefined : await passwords.hash(password)
      return db.transaction(() => {
        const before = store.byId(id)!
        const after: UserRow = { ...before, ...defined(patch), password: hash ?? before.password }
        store.update(after, clock.now())
        if (store.activeAdmins() === 0)
          throw new Problem("conflict", "last_admin", "the hub needs at least one active admin")
        if (after.disabled || hash !== undefined) {
          sessions.endAllOf(id)
          endPasses(id)
        }
        audit.record({
          by,
          action: hash === undefined ? "user.change" : "user.change_password",
          subject: `user:${id}`,
          before: publicUser(before),
          after: publicUser(after),
        })
        return publicUser(after)
      })
    },
  }
}

/** What others may know: never the hash. */
export function publicUser({ id, login, name, role, language, disabled, created_at }: UserRow): User {
  return { id, login, name, role, language, disabled, created_at }
}

export function refuseWeakPassword(password: string, login: string): void {
  const why = passwordWeakness(password, login)
  if (why) throw new Problem("invalid", `password_${why}`, "this password is among the first to be guessed")
}

function loginTaken(login: string): Problem {
  return new Problem("conflict", "login_taken", `the login ${login} is taken`, { login })
}

function defined<T extends object>(patch: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as never
}
