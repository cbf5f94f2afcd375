import type { User } from "#contract/users"
import type { Sqlite } from "#platform/sqlite"

export type UserRow = User & { password: string | null }
type StoredUser = Omit<UserRow, "disabled"> & { disabled_at: number | null }

const toUser = ({ disabled_at, ...row }: StoredUser): UserRow => ({ ...row, disabled: disabled_at !== null })

export type UsersStore = ReturnType<typeof createUsersStore>

/** The only SQL of table `user`. */
export function createUsersStore(db: Sqlite) {
  const columns = "id, login, name, role, language, password, disabled_at, created_at"
  const byId = db.prepare<StoredUser>(`SELECT ${columns} FROM user WHERE id = $id`)
  const byLogin = db.prepare<StoredUser>(`SELECT ${columns} FROM user WHERE login = $login`)
  const list = db.prepare<StoredUser>(`SELECT ${columns} FROM user ORDER BY created_at, id`)
  const count = db.prepare<{ n: number }>("SELECT count(*) AS n FROM user")
  const admins = db.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM user WHERE role = 'admin' AND disabled_at IS NULL",
  )
  const insert = db.prepare(
    `INSERT INTO user (id, login, name, role, language, password, disabled_at, created_at)
     VALUES ($id, $login, $name, $role, $language, $password, NULL, $created_at)`,
  )
  const update = db.prepare(
    `UPDATE user SET name = $name, role = $role, language = $language, password = $password,
       disabled_at = CASE WHEN $disabled = 1 THEN coalesce(disabled_at, $now) END
     WHERE id = $id`,
  )
  const one = (row: StoredUser | undefined) => (row ? toUser(row) : undefined)
  return {
    byId: (id: string) => one(byId.get({ id })),
    byLogin: (login: string) => one(byLogin.get({ login })),
    list: () => list.all().map(toUser),
    count: () => count.get()?.n ?? 0,
    activeAdmins: () => admins.get()?.n ?? 0,
    insert({ disabled: _, ...row }: UserRow) {
      insert.run(row)
    },
    update({ id, name, role, language, password, disabled }: UserRow, now: number) {
      update.run({ id, name, role, language, password, disabled: disabled ? 1 : 0, now })
    },
  }
}
