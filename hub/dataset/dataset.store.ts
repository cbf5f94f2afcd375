import * as v from "valibot"
import { ImageMime } from "#contract/inspection"
import { SampleLabel } from "#contract/training"
import type { Sqlite } from "#platform/sqlite"
import type { Split } from "./split.rules.ts"

/** A picture an engineer uploaded with its truth. */
export type ReferenceImage = {
  id: string
  pool: "golden" | "reference"
  image: string
  mime: ImageMime
  w: number
  h: number
  size: number
  part: string
  product: string | null
  label: SampleLabel
  addedAt: number
}

/** One line of a frozen set. `id` is the inspection or upload it came from. */
export type FrozenSample = {
  id: string
  image: string
  mime: ImageMime
  w: number
  h: number
  size: number
  split: Split
  group: string
  product: string | null
  /** Parts of the line this one stands for, on average 1; of golden and uploaded parts 1. */
  weight: number
  label: SampleLabel
}

const Label = v.pipe(v.string(), v.parseJson(), SampleLabel)

type PictureRow = { id: string; image: string; mime: string; w: number; h: number; size: number }
type ReferenceRow = PictureRow & {
  pool: "golden" | "reference"
  part: string
  product: string | null
  label: string
  added_at: number
}
type SampleRow = PictureRow & {
  split: Split
  part_group: string
  product: string | null
  weight: number
  label: string
}

/** The only SQL of the dataset tables. */
export function createDatasetStore(db: Sqlite) {
  const addReference = db.prepare(`
    INSERT INTO reference_image
      (id, pool, image, mime, w, h, size, part, product, label, label_digest, added_by, added_at)
    VALUES ($id, $pool, $image, $mime, $w, $h, $size, $part, $product, $label, $digest, $by, $at)
    ON CONFLICT (pool, image, label_digest) DO NOTHING`)
  const referenceId = db.prepare<{ id: string }>(
    "SELECT id FROM reference_image WHERE pool = $pool AND image = $image AND label_digest = $digest",
  )
  const references = db.prepare<ReferenceRow>("SELECT * FROM reference_image ORDER BY added_at, id")
  const assignments = db.prepare<{ identity: string; split: Split }>(
    "SELECT identity, split FROM split_assignment",
  )
  const assignment = db.prepare<{ split: Split }>(
    "SELECT split FROM split_assignment WHERE identity = $identity",
  )
  const assign = db.prepare(
    "INSERT INTO split_assignment (identity, split, stratum, assigned_at) VALUES ($identity, $split, $stratum, $at)",
  )
  const strata = db.prepare<{ stratum: string; drawn: number }>("SELECT stratum, drawn FROM split_stratum")
  const setDrawn = db.prepare(
    "INSERT INTO split_stratum (stratum, drawn) VALUES ($stratum, $drawn) ON CONFLICT DO UPDATE SET drawn = $drawn",
  )
  const addVersion = db.prepare(`
    INSERT INTO dataset_version (digest, role, samples, created_at) VALUES ($digest, $role, $samples, $at)
    ON CONFLICT DO NOTHING`)
  const addSample = db.prepare(`
    INSERT INTO dataset_sample
      (dataset, image, id, w, h, mime, size, split, part_group, product, weight, label)
    VALUES ($dataset, $image, $id, $w, $h, $mime, $size, $split, $group, $product, $weight, $label)`)
  const samples = db.prepare<SampleRow>("SELECT * FROM dataset_sample WHERE dataset = $digest ORDER BY image")
  const kept = db.prepare<{ image: string }>(
    `SELECT image FROM dataset_sample WHERE image IN (SELECT value FROM json_each($of))
     UNION SELECT image FROM reference_image WHERE image IN (SELECT value FROM json_each($of))`,
  )
  const addLook = db.prepare(
    "INSERT INTO golden_look (digest, model, looked_at) VALUES ($digest, $model, $at) ON CONFLICT DO NOTHING",
  )
  const looks = db.prepare<{ n: number }>("SELECT count(*) AS n FROM golden_look WHERE digest = $digest")

  return {
    /** Returns the id of the upload, and whether the same picture with the same label was there before. */
    addReference(reference: Omit<ReferenceImage, "addedAt"> & { digest: string; by: string; at: number }) {
      const { label, ...rest } = reference
      const { changes } = addReference.run({ ...rest, label: JSON.stringify(label) })
      if (changes === 1) return { id: reference.id, duplicate: false }
      const { pool, image, digest } = reference
      return { id: referenceId.get({ pool, image, digest })!.id, duplicate: true }
    },
    references: (): ReferenceImage[] =>
      references.all().map((row) => ({
        ...pictureOf(row),
        pool: row.pool,
        part: row.part,
        product: row.product,
        label: v.parse(Label, row.label),
        addedAt: row.added_at,
      })),
    splitOf: (identity: string): Split | undefined => assignment.get({ identity })?.split,
    assignments: (): Map<string, Split> => new Map(assignments.all().map((a) => [a.identity, a.split])),
    drawn: (): Map<string, number> => new Map(strata.all().map((s) => [s.stratum, s.drawn])),
    assign(
      fresh: readonly { identity: string; split: Split; stratum: string }[],
      drawn: ReadonlyMap<string, number>,
      at: number,
    ): void {
      for (const { identity, split, stratum } of fresh) assign.run({ identity, split, stratum, at })
      for (const [stratum, n] of drawn) setDrawn.run({ stratum, drawn: n })
    },
    /** Writes a frozen set once; the same digest again changes nothing. */
    freeze(digest: string, role: "training" | "golden", set: readonly FrozenSample[], at: number): void {
      if (addVersion.run({ digest, role, samples: set.length, at }).changes === 0) return
      for (const { label, ...sample } of set)
        addSample.run({ ...sample, dataset: digest, label: JSON.stringify(label) })
    },
    samples: (digest: string): FrozenSample[] =>
      samples.all({ digest }).map((row) => ({
        ...pictureOf(row),
        split: row.split,
        group: row.part_group,
        product: row.product,
        weight: row.weight,
        label: v.parse(Label, row.label),
      })),
    /** Of these pictures, those in a frozen set or among the uploads. */
    kept: (of: readonly string[]): Set<string> =>
      new Set(kept.all({ of: JSON.stringify(of) }).map((row) => row.image)),
    look: (digest: string, model: string, at: number): void => void addLook.run({ digest, model, at }),
    looks: (digest: string): number => looks.get({ digest })!.n,
  }
}

const pictureOf = ({ id, image, mime, w, h, size }: PictureRow) => ({
  id,
  image,
  mime: v.parse(ImageMime, mime),
  w,
  h,
  size,
})
