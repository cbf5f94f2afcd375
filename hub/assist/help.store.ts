import type { HelpTool, HelpUse } from "#contract/labelling"
import type { Sqlite } from "#platform/sqlite"

export type HelpRow = {
  label_id: string
  revision: number
  stored_at: number
  blind: boolean
  suggested: boolean
  agrees: boolean
  active_ms: number
}

/** The newest so many labels are what a report looks at. */
const most = 20_000

/** The SQL of `label_help` and `label_help_tool`. */
export function createHelpStore(db: Sqlite) {
  const insert = db.prepare(
    "INSERT INTO label_help VALUES ($label_id, $revision, $stored_at, $blind, $suggested, $agrees, $active_ms)",
  )
  const insertTool = db.prepare("INSERT OR REPLACE INTO label_help_tool VALUES ($label, $tool, $taken)")
  const looks = db.prepare<{ blind: number; agrees: number; active_ms: number }>(
    `SELECT blind, agrees, active_ms FROM label_help
     WHERE stored_at >= $since AND revision = 1 AND suggested = 1 ORDER BY stored_at DESC LIMIT ${most}`,
  )
  const tools = db.prepare<{ tool: HelpTool; taken: HelpUse["taken"]; n: number }>(
    `SELECT t.tool, t.taken, count(*) AS n FROM label_help h JOIN label_help_tool t USING (label_id)
     WHERE h.stored_at >= $since GROUP BY 1, 2 ORDER BY 1`,
  )
  const days = db.prepare<{ day: number; shown: number; taken: number }>(
    `SELECT h.stored_at / 86400000 * 86400000 AS day, count(*) AS shown, sum(t.taken <> 'no') AS taken
     FROM label_help h JOIN label_help_tool t USING (label_id)
     WHERE h.stored_at >= $since AND t.tool = 'champion' GROUP BY 1 ORDER BY 1`,
  )
  return {
    /** Belongs inside the transaction that stores the label. */
    insert: ({ blind, suggested, agrees, ...row }: HelpRow, uses: readonly HelpUse[]): void => {
      insert.run({ ...row, blind: blind ? 1 : 0, suggested: suggested ? 1 : 0, agrees: agrees ? 1 : 0 })
      for (const { tool, taken } of uses) insertTool.run({ label: row.label_id, tool, taken })
    },
    looks: (since: number) =>
      looks.all({ since }).map((row) => ({ ...row, blind: row.blind === 1, agrees: row.agrees === 1 })),
    tools: (since: number) => tools.all({ since }),
    days: (since: number) => days.all({ since }),
  }
}
export type HelpStore = ReturnType<typeof createHelpStore>
