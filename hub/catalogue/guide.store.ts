import type { Criterion, LimitSample } from "#contract/catalogue"
import type { Sqlite } from "#platform/sqlite"

type CriterionRow = {
  version: number
  kind: string
  product: string
  texts: string
  change: string
  by_name: string
  at: number
}
type SampleRow = {
  id: string
  kind: string
  product: string
  verdict: "ok" | "ng"
  inspection_id: string
  image_sha256: string
  w: number
  h: number
  box: string | null
  notes: string
  by_name: string
  at: number
}
type By = { id: string; name: string }

/** The only SQL of the tables `criterion` and `limit_sample`; '' stands for every kind or product. */
export function createGuideStore(db: Sqlite) {
  const version = db.prepare<{ version: number }>(
    "SELECT coalesce(max(version), 0) AS version FROM criterion",
  )
  const asOf = db.prepare<CriterionRow>(
    `SELECT version, kind, product, texts, change, by_name, at FROM criterion c
     WHERE version = (
       SELECT max(version) FROM criterion WHERE kind = c.kind AND product = c.product AND version <= $version
     ) ORDER BY kind, product`,
  )
  const history = db.prepare<CriterionRow>(
    "SELECT version, kind, product, texts, change, by_name, at FROM criterion ORDER BY version DESC LIMIT $limit",
  )
  const insert = db.prepare(
    `INSERT INTO criterion (kind, product, texts, change, by_id, by_name, at)
     VALUES ($kind, $product, $texts, $change, $byId, $byName, $at)`,
  )
  const source = "limit_sample s JOIN image m ON m.sha256 = s.image_sha256"
  const columns = `s.id, s.kind, s.product, s.verdict, s.inspection_id, s.image_sha256, m.w, m.h, s.box, s.notes,
    s.by_name, s.at`
  const samples = db.prepare<SampleRow>(
    `SELECT ${columns} FROM ${source} WHERE s.retired_at IS NULL ORDER BY s.kind, s.verdict DESC, s.at`,
  )
  const sample = db.prepare<SampleRow & { retired_at: number | null }>(
    `SELECT ${columns}, s.retired_at FROM ${source} WHERE s.id = $id`,
  )
  const insertSample = db.prepare(
    `INSERT INTO limit_sample VALUES ($id, $kind, $product, $verdict, $inspection, $image, $box, $notes, $byId, $byName,
       $at, NULL)`,
  )
  const retire = db.prepare("UPDATE limit_sample SET retired_at = $at WHERE id = $id AND retired_at IS NULL")
  // A retired one stays too: old labels were given by it.
  const kept = db.prepare<{ image_sha256: string }>(
    "SELECT DISTINCT image_sha256 FROM limit_sample WHERE image_sha256 IN (SELECT value FROM json_each($of))",
  )
  const orNull = (text: string) => (text === "" ? null : text)
  const toCriterion = ({ kind, product, texts, by_name, ...row }: CriterionRow): Criterion => ({
    ...row,
    kind: orNull(kind),
    product: orNull(product),
    texts: JSON.parse(texts),
    by: by_name,
  })
  const toSample = (row: SampleRow): LimitSample => ({
    id: row.id,
    kind: orNull(row.kind),
    product: orNull(row.product),
    verdict: row.verdict,
    inspection_id: row.inspection_id,
    ...(row.box !== null && { box: JSON.parse(row.box) }),
    notes: JSON.parse(row.notes),
    image: { sha256: row.image_sha256, w: row.w, h: row.h },
    by: row.by_name,
    at: row.at,
  })
  return {
    version: () => version.get()!.version,
    /** What held at a version; criteria that had ended are not among them. */
    criteria: (at: number): Criterion[] =>
      asOf
        .all({ version: at })
        .map(toCriterion)
        .filter(({ texts }) => texts.ko !== "" || texts.en !== ""),
    history: (limit: number): Criterion[] => history.all({ limit }).map(toCriterion),
    insert: (made: Pick<Criterion, "kind" | "product" | "texts" | "change">, by: By, at: number): void => {
      insert.run({
        kind: made.kind ?? "",
        product: made.product ?? "",
        texts: JSON.stringify(made.texts),
        change: made.change,
        byId: by.id,
        byName: by.name,
        at,
      })
    },
    samples: () => samples.all().map(toSample),
    sample: (id: string): (LimitSample & { retired: boolean }) | undefined => {
      const row = sample.get({ id })
      return row && { ...toSample(row), retired: row.retired_at !== null }
    },
    insertSample: (made: Omit<LimitSample, "by" | "at">, by: By, at: number): void => {
      insertSample.run({
        id: made.id,
        kind: made.kind ?? "",
        product: made.product ?? "",
        verdict: made.verdict,
        inspection: made.inspection_id,
        image: made.image.sha256,
        box: made.box ? JSON.stringify(made.box) : null,
        notes: JSON.stringify(made.notes),
        byId: by.id,
        byName: by.name,
        at,
      })
    },
    /** False when it was retired before. */
    retire: (id: string, at: number): boolean => retire.run({ id, at }).changes > 0,
    kept: (of: readonly string[]): Set<string> =>
      new Set(kept.all({ of: JSON.stringify(of) }).map((row) => row.image_sha256)),
  }
}
