import type { PartLook, PartView } from "#contract/parts"
import type { Sqlite } from "#platform/sqlite"

type Row = {
  id: string
  name: string
  filter: string
  look: PartLook
  shared: 0 | 1
  user_id: string
  user_name: string
  changed_at: number
}

/** The only SQL of the table `part_view`. */
export function createPartViewStore(db: Sqlite) {
  const put = db.prepare(
    `INSERT INTO part_view (id, name, filter, look, shared, user_id, changed_at)
     VALUES ($id, $name, $filter, $look, $shared, $user, $at)
     ON CONFLICT DO UPDATE SET name = $name, filter = $filter, look = $look, shared = $shared, changed_at = $at`,
  )
  const drop = db.prepare("DELETE FROM part_view WHERE id = $id")
  const select = "SELECT v.*, u.name AS user_name FROM part_view v JOIN user u ON u.id = v.user_id"
  const one = db.prepare<Row>(`${select} WHERE v.id = $id`)
  const seenBy = db.prepare<Row>(
    `${select} WHERE v.user_id = $user OR v.shared = 1 ORDER BY v.shared, v.name, v.id LIMIT 500`,
  )
  const count = db.prepare<{ n: number }>("SELECT count(*) AS n FROM part_view WHERE user_id = $user")
  return {
    put: (view: Omit<PartView, "by" | "changed_at"> & { user: string; at: number }): void =>
      void put.run({ ...view, shared: view.shared ? 1 : 0 }),
    drop: (id: string): void => void drop.run({ id }),
    get(id: string): PartView | undefined {
      const row = one.get({ id })
      return row && viewOf(row)
    },
    seenBy: (user: string): PartView[] => seenBy.all({ user }).map(viewOf),
    countOf: (user: string): number => count.get({ user })!.n,
  }
}
export type PartViewStore = ReturnType<typeof createPartViewStore>

const viewOf = ({ user_id, user_name, shared, ...row }: Row): PartView => ({
  ...row,
  shared: shared === 1,
  by: { id: user_id, name: user_name },
})
