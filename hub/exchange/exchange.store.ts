import * as v from "valibot"
import { ImportReport, type ImportView } from "#contract/exchange"
import type { Sqlite } from "#platform/sqlite"

const Report = v.pipe(v.string(), v.parseJson(), ImportReport)

type Row = Omit<ImportView, "report"> & { report: string }

/** The only SQL of the table `import_job`. */
export function createExchangeStore(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO import_job (id, name, state, seen, total, report, error, started_by, started_at, finished_at)
     VALUES ($id, $name, $state, $seen, $total, $report, $error, $started_by, $started_at, $finished_at)
     ON CONFLICT (id) DO UPDATE SET state = $state, seen = $seen, total = $total, report = $report, error = $error,
       finished_at = $finished_at`,
  )
  const byId = db.prepare<Row>("SELECT * FROM import_job WHERE id = $id")
  const list = db.prepare<Row>("SELECT * FROM import_job ORDER BY started_at DESC, id LIMIT $limit")
  const abandon = db.prepare(
    "UPDATE import_job SET state = 'failed', error = 'stopped', finished_at = $at WHERE state = 'running'",
  )
  const view = (row: Row): ImportView => ({ ...row, report: v.parse(Report, row.report) })
  return {
    put: (job: ImportView): void => void insert.run({ ...job, report: JSON.stringify(job.report) }),
    get(id: string): ImportView | undefined {
      const row = byId.get({ id })
      return row && view(row)
    },
    list: (limit: number): ImportView[] => list.all({ limit }).map(view),
    /** What ran when the hub stopped. Running it again stores nothing twice. */
    abandon: (at: number): void => void abandon.run({ at }),
  }
}
