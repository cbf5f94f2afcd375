import type { LabelSetup } from "#contract/questions"
import type { Sqlite } from "#platform/sqlite"

type Row = { product: string; revision: number; tools: string; questions: string; changed_at: number }

/** The only SQL of the table `label_setup`; there '' is the product of all that have no setup of their own. */
export function createLabelSetupStore(db: Sqlite) {
  const newest = `SELECT s.* FROM label_setup s
    WHERE revision = (SELECT max(revision) FROM label_setup o WHERE o.product = s.product)`
  const all = db.prepare<Row>(`${newest} ORDER BY product`)
  const one = db.prepare<Row>(`${newest} AND s.product = $product`)
  const insert = db.prepare(
    "INSERT INTO label_setup VALUES ($product, $revision, $tools, $questions, $changed_at)",
  )
  const toSetup = (row: Row): LabelSetup => ({
    product: row.product === "" ? null : row.product,
    revision: row.revision,
    tools: JSON.parse(row.tools),
    questions: JSON.parse(row.questions),
    changed_at: row.changed_at,
  })
  return {
    all: () => all.all().map(toSetup),
    newest(product: string | null): LabelSetup | undefined {
      const row = one.get({ product: product ?? "" })
      return row && toSetup(row)
    },
    insert: ({ product, revision, tools, questions, changed_at }: LabelSetup & { changed_at: number }) =>
      void insert.run({
        product: product ?? "",
        revision,
        tools: JSON.stringify(tools),
        questions: JSON.stringify(questions),
        changed_at,
      }),
  }
}
