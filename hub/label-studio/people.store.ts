import type { KeyScope } from "#contract/label-studio"
import type { Sqlite } from "#platform/sqlite"
import type { LsUserRow } from "./wire.rules.ts"

export type TokenKind = "legacy" | "refresh" | "access"
export type TokenRow = {
  sha256: string
  id: string
  user_id: string
  kind: TokenKind
  parent: string | null
  created_at: number
  ends_at: number | null
  scope: KeyScope
  used_at: number | null
}

/** The only SQL of the tables `ls_user` and `ls_token`. */
export function createPeopleStore(db: Sqlite) {
  const byUser = db.prepare<LsUserRow>("SELECT id, user_id, email FROM ls_user WHERE user_id = $user")
  const byNumber = db.prepare<LsUserRow>("SELECT id, user_id, email FROM ls_user WHERE id = $id")
  const byEmail = db.prepare<LsUserRow>("SELECT id, user_id, email FROM ls_user WHERE email = $email")
  const insert = db.prepare("INSERT INTO ls_user (user_id, email) VALUES ($user, $email)")
  const token = db.prepare<TokenRow>("SELECT * FROM ls_token WHERE sha256 = $sha256")
  const tokensOf = db.prepare<TokenRow>(
    "SELECT * FROM ls_token WHERE user_id = $user AND kind <> 'access' ORDER BY created_at, id",
  )
  const putToken = db.prepare(
    `INSERT INTO ls_token (sha256, id, user_id, kind, parent, created_at, ends_at, scope)
     VALUES ($sha256, $id, $user_id, $kind, $parent, $created_at, $ends_at, $scope)`,
  )
  // A key that others were made with was used when they were.
  const used = db.prepare("UPDATE ls_token SET used_at = $now WHERE id IN ($id, $parent)")
  const dropToken = db.prepare("DELETE FROM ls_token WHERE id = $id AND user_id = $user")
  const dropChildren = db.prepare("DELETE FROM ls_token WHERE parent = $id")
  const dropKind = db.prepare("DELETE FROM ls_token WHERE user_id = $user AND kind = $kind")
  const dropEnded = db.prepare("DELETE FROM ls_token WHERE ends_at <= $now")
  return {
    byUser: (user: string) => byUser.get({ user }),
    byNumber: (id: number) => byNumber.get({ id }),
    byEmail: (email: string) => byEmail.get({ email }),
    insert: (user: string, email: string) => void insert.run({ user, email }),
    token: (sha256: string) => token.get({ sha256 }),
    tokensOf: (user: string) => tokensOf.all({ user }),
    putToken: (row: Omit<TokenRow, "used_at">) => void putToken.run(row),
    used: ({ id, parent }: Pick<TokenRow, "id" | "parent">, now: number) =>
      void used.run({ id, parent, now }),
    /** Ends a token and what was made with it; false when this person has no such token. */
    dropToken(id: string, user: string): boolean {
      dropChildren.run({ id })
      return dropToken.run({ id, user }).changes > 0
    },
    dropKind: (user: string, kind: TokenKind) => void dropKind.run({ user, kind }),
    dropEnded: (now: number) => void dropEnded.run({ now }),
  }
}
export type PeopleStore = ReturnType<typeof createPeopleStore>
