import * as v from "valibot"
import { type PartAction, PartDeed, type PartSkip } from "#contract/parts"
import type { Sqlite } from "#platform/sqlite"

export type ActionRow = {
  id: string
  deed: string
  filter: string | null
  asked: string
  user_id: string
  user_name: string
  at: number
  state: PartAction["state"]
  undone_by: string | null
  undone_at: number | null
}
export type ItemState = "todo" | "changed" | "skipped" | "undone" | "kept"
export type Item = { n: number; id: string; before: string | null }

const Deed = v.pipe(v.string(), v.parseJson(), PartDeed)

/** The only SQL of the tables `part_action` and `part_action_item`. */
export function createPartActionStore(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO part_action (id, deed, filter, asked, user_id, at, state)
     VALUES ($id, $deed, $filter, $asked, $user, $at, 'running')`,
  )
  const addItems = db.prepare(
    `INSERT INTO part_action_item (action, inspection_n, state)
     SELECT $action, value, 'todo' FROM json_each($of) WHERE true ON CONFLICT DO NOTHING`,
  )
  const select = "SELECT a.*, u.name AS user_name FROM part_action a JOIN user u ON u.id = a.user_id"
  const one = db.prepare<ActionRow>(`${select} WHERE a.id = $id`)
  const newest = db.prepare<ActionRow>(`${select} ORDER BY a.at DESC, a.id LIMIT $limit`)
  const unfinished = db.prepare<ActionRow>(`${select} WHERE a.state IN ('running', 'undoing') ORDER BY a.at`)
  const ofPart = db.prepare<ActionRow & { item: ItemState }>(
    `SELECT a.*, u.name AS user_name, t.state AS item FROM part_action_item t JOIN part_action a ON a.id = t.action
     JOIN user u ON u.id = a.user_id
     WHERE t.inspection_n = $n AND t.state IN ('changed', 'undone', 'kept') ORDER BY a.at`,
  )
  const todo = db.prepare<Item>(
    `SELECT t.inspection_n AS n, i.id, t.before FROM part_action_item t JOIN inspection i ON i.n = t.inspection_n
     WHERE t.action = $action AND t.state = 'todo' ORDER BY t.inspection_n LIMIT $limit`,
  )
  const changed = db.prepare<Item>(
    `SELECT t.inspection_n AS n, i.id, t.before FROM part_action_item t JOIN inspection i ON i.n = t.inspection_n
     WHERE t.action = $action AND t.state = 'changed' ORDER BY t.inspection_n LIMIT $limit`,
  )
  const setItem = db.prepare(
    `UPDATE part_action_item SET state = $state, why = $why, before = coalesce($before, before)
     WHERE action = $action AND inspection_n = $n`,
  )
  const setState = db.prepare("UPDATE part_action SET state = $state WHERE id = $id")
  const setUndone = db.prepare(
    "UPDATE part_action SET state = 'undoing', undone_by = $by, undone_at = $at WHERE id = $id",
  )
  const counts = db.prepare<{ state: ItemState; why: PartSkip | null; n: number }>(
    "SELECT state, why, count(*) AS n FROM part_action_item WHERE action = $action GROUP BY state, why",
  )

  const viewOf = (row: ActionRow): PartAction => {
    let [parts, done, kept] = [0, 0, 0]
    const skips: Record<string, number> = {}
    for (const { state, why, n } of counts.all({ action: row.id })) {
      parts += n
      if (state === "changed" || state === "undone" || state === "kept") done += n
      if (state === "kept") kept += n
      if (state === "skipped" && why !== null) skips[why] = (skips[why] ?? 0) + n
    }
    return {
      id: row.id,
      deed: v.parse(Deed, row.deed),
      filter: row.filter,
      by: { id: row.user_id, name: row.user_name },
      at: row.at,
      state: row.state,
      parts,
      changed: done,
      skips,
      undone_at: row.undone_at,
      kept,
    }
  }

  return {
    insert: (row: {
      id: string
      deed: PartDeed
      filter: string | null
      asked: string
      user: string
      at: number
    }): void => void insert.run({ ...row, deed: JSON.stringify(row.deed) }),
    addItems: (action: string, of: readonly number[]): void =>
      void addItems.run({ action, of: JSON.stringify(of) }),
    get: (id: string): ActionRow | undefined => one.get({ id }),
    view(id: string): PartAction | undefined {
      const row = one.get({ id })
      return row && viewOf(row)
    },
    newest: (limit: number): PartAction[] => newest.all({ limit }).map(viewOf),
    unfinished: (): ActionRow[] => unfinished.all(),
    /** What was done to a part. */
    ofPart: (n: number) => ofPart.all({ n }),
    todo: (action: string, limit: number): Item[] => todo.all({ action, limit }),
    /** Of a finished action what has not been taken back. */
    changed: (action: string, limit: number): Item[] => changed.all({ action, limit }),
    setItem: (action: string, n: number, to: { state: ItemState; why?: PartSkip; before?: unknown }): void =>
      void setItem.run({
        action,
        n,
        state: to.state,
        why: to.why ?? null,
        before: to.before === undefined ? null : JSON.stringify(to.before),
      }),
    setState: (id: string, state: PartAction["state"]): void => void setState.run({ id, state }),
    setUndone: (id: string, by: string, at: number): void => void setUndone.run({ id, by, at }),
  }
}
export type PartActionStore = ReturnType<typeof createPartActionStore>
