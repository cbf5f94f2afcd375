import * as v from "valibot"
import { DatasetLeak, DatasetSummary } from "#contract/dataset"
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
  addedBy: string
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
  /** Who said so and when. */
  said?: { by: string; at: number }
}

export type StoredVersion = {
  digest: string
  role: "training" | "golden"
  samples: number
  created_at: number
  parent: string | null
  summary: DatasetSummary | null
  leaks: DatasetLeak[]
}

const Label = v.pipe(v.string(), v.parseJson(), SampleLabel)

type PictureRow = { id: string; image: string; mime: string; w: number; h: number; size: number }
type ReferenceRow = PictureRow & {
  pool: "golden" | "reference"
  part: string
  product: string | null
  label: string
  added_by: string
  added_at: number
}
type SampleRow = PictureRow & {
  split: Split
  part_group: string
  product: string | null
  weight: number
  label: string
  said_by: string | null
  said_at: number | null
}

const versionColumns = "digest, role, samples, created_at, parent, summary, leaks"
type VersionRow = Omit<StoredVersion, "summary" | "leaks"> & { summary: string | null; leaks: string | null }
const Summary = v.pipe(v.string(), v.parseJson(), DatasetSummary)
const Leaks = v.pipe(v.string(), v.parseJson(), v.array(DatasetLeak))

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
  const addUnready = db.prepare(`
    INSERT INTO dataset_version (digest, role, samples, created_at, parent, summary, leaks, ready)
    VALUES ($digest, $role, $samples, $at,
      (SELECT digest FROM dataset_version WHERE role = $role AND ready = 1 AND samples > 0
       ORDER BY created_at DESC, rowid DESC LIMIT 1), $summary, $leaks, 0)
    ON CONFLICT DO UPDATE SET leaks = $leaks WHERE ready = 0`)
  const isUnready = db.prepare<{ found: number }>(
    "SELECT EXISTS (SELECT 1 FROM dataset_version WHERE digest = $digest AND ready = 0) AS found",
  )
  const finish = db.prepare("UPDATE dataset_version SET ready = 1 WHERE digest = $digest")
  // Many at once: what is bound and answered one by one takes longer than what is stored.
  const assignNew = db.prepare(
    `INSERT INTO split_assignment (identity, split, stratum, assigned_at)
     SELECT value, $split, $stratum, $at FROM json_each($of) WHERE true ON CONFLICT DO NOTHING`,
  )
  const elsewhere = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM json_each($of) o JOIN split_assignment a ON a.identity = o.value
     WHERE a.split <> $split`,
  )
  const looked = db.prepare<{ image: string; vector: Uint8Array }>(
    `SELECT i.image_sha256 AS image, e.vector FROM json_each($of) o JOIN inspection i ON i.id = o.value
     JOIN embedding e ON e.inspection_n = i.n AND e.space = (SELECT id FROM embedding_space ORDER BY made DESC, id LIMIT 1)
     WHERE i.image_sha256 IS NOT NULL`,
  )
  // Whatever may come into a version: settled labels (`+` keeps their index, of these alone), and uploads.
  const unprinted = `(
      SELECT image_sha256 AS image FROM inspection
      WHERE label_verdict IN ('ok', 'ng') AND queue_rank IS NULL AND +image_sha256 IS NOT NULL
      UNION ALL SELECT image FROM reference_image
    ) u WHERE NOT EXISTS (SELECT 1 FROM picture_print p WHERE p.image = u.image)`
  const someUnprinted = db.prepare<{ image: string }>(`SELECT DISTINCT image FROM ${unprinted} LIMIT $limit`)
  const putPrint = db.prepare("INSERT INTO picture_print VALUES ($image, $print) ON CONFLICT DO NOTHING")
  const prints = db.prepare<{ image: string; print: Uint8Array | null }>(
    "SELECT p.image, p.print FROM json_each($of) o JOIN picture_print p ON p.image = o.value",
  )
  const version = db.prepare<VersionRow>(
    `SELECT ${versionColumns} FROM dataset_version WHERE digest = $digest AND ready = 1`,
  )
  const versions = db.prepare<VersionRow>(
    `SELECT ${versionColumns} FROM dataset_version WHERE samples > 0 AND ready = 1 ORDER BY created_at DESC, rowid DESC LIMIT $limit`,
  )
  const named = db.prepare<{
    digest: string
    role: "training" | "golden"
    created_at: number
    number: number
  }>(
    `SELECT digest, role, created_at, row_number() OVER (PARTITION BY role ORDER BY created_at, rowid) AS number
     FROM dataset_version WHERE samples > 0 AND ready = 1 ORDER BY created_at, rowid`,
  )
  const unassign = db.prepare(
    "DELETE FROM split_assignment WHERE identity = $identity AND stratum = 'chosen'",
  )
  const isFrozen = db.prepare<{ found: number }>(
    "SELECT EXISTS (SELECT 1 FROM dataset_sample WHERE image = $image) AS found",
  )
  const leaveOut = db.prepare("INSERT INTO dataset_left_out VALUES ($id, $at) ON CONFLICT DO NOTHING")
  const takeBack = db.prepare("DELETE FROM dataset_left_out WHERE inspection_id = $id")
  const isLeftOut = db.prepare<{ found: number }>(
    "SELECT EXISTS (SELECT 1 FROM dataset_left_out WHERE inspection_id = $id) AS found",
  )
  const leftOut = db.prepare<{ id: string }>("SELECT inspection_id AS id FROM dataset_left_out")
  const setSummary = db.prepare("UPDATE dataset_version SET summary = $summary WHERE digest = $digest")
  const page = db.prepare<SampleRow>(
    "SELECT * FROM dataset_sample WHERE dataset = $digest AND image > $after ORDER BY image LIMIT $limit",
  )
  const onlyIn = db.prepare<SampleRow & { n: number }>(
    `SELECT s.*, count(*) OVER () AS n FROM dataset_sample s WHERE s.dataset = $digest AND NOT EXISTS (
       SELECT 1 FROM dataset_sample o WHERE o.dataset = $other AND o.image = s.image
     ) ORDER BY s.image LIMIT $limit`,
  )
  const changed = db.prepare<SampleRow & { n: number; before: string }>(
    `SELECT s.*, o.label AS before, count(*) OVER () AS n FROM dataset_sample s
     JOIN dataset_sample o ON o.dataset = $other AND o.image = s.image
     WHERE s.dataset = $digest AND s.label <> o.label ORDER BY s.image LIMIT $limit`,
  )
  const moved = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM dataset_sample s JOIN dataset_sample o ON o.dataset = $other AND o.image = s.image
     WHERE s.dataset = $digest AND s.split <> o.split`,
  )
  const addSample = db.prepare(`
    INSERT INTO dataset_sample
      (dataset, image, id, w, h, mime, size, split, part_group, product, weight, label, said_by, said_at)
    VALUES ($dataset, $image, $id, $w, $h, $mime, $size, $split, $group, $product, $weight, $label, $by, $saidAt)
    ON CONFLICT DO NOTHING`)
  const samples = db.prepare<SampleRow>("SELECT * FROM dataset_sample WHERE dataset = $digest ORDER BY image")
  const sample = db.prepare<SampleRow>(
    "SELECT * FROM dataset_sample WHERE dataset = $digest AND image = $image",
  )
  const kept = db.prepare<{ image: string }>(
    `SELECT image FROM dataset_sample WHERE image IN (SELECT value FROM json_each($of))
     UNION SELECT image FROM reference_image WHERE image IN (SELECT value FROM json_each($of))`,
  )
  const addLook = db.prepare(
    "INSERT INTO golden_look (digest, model, looked_at) VALUES ($digest, $model, $at) ON CONFLICT DO NOTHING",
  )
  const looks = db.prepare<{ n: number }>("SELECT count(*) AS n FROM golden_look WHERE digest = $digest")
  const goodReference = db.prepare<{ found: number }>(
    `SELECT EXISTS (SELECT 1 FROM reference_image WHERE pool = 'reference' AND label ->> '$.verdict' = 'ok') AS found`,
  )

  return {
    /** Returns the id of the upload, and whether the same picture with the same label was there before. */
    addReference(
      reference: Omit<ReferenceImage, "addedAt" | "addedBy"> & { digest: string; by: string; at: number },
    ) {
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
        addedBy: row.added_by,
        addedAt: row.added_at,
      })),
    splitOf: (identity: string): Split | undefined => assignment.get({ identity })?.split,
    assignments: (): Map<string, Split> => new Map(assignments.all().map((a) => [a.identity, a.split])),
    drawn: (): Map<string, number> => new Map(strata.all().map((s) => [s.stratum, s.drawn])),
    /** Sets that hold something, the oldest first, with the names people know them by: v3, g2. */
    named: () =>
      named
        .all()
        .map(({ number, ...set }) => ({ ...set, name: `${set.role === "golden" ? "g" : "v"}${number}` })),
    /** A side that a person has chosen. */
    choose: (identity: string, split: Split, at: number): void =>
      void assign.run({ identity, split, stratum: "chosen", at }),
    unchoose: (identity: string): void => void unassign.run({ identity }),
    isFrozen: (image: string): boolean => isFrozen.get({ image })?.found === 1,
    leaveOut: (id: string, at: number): boolean => leaveOut.run({ id, at }).changes > 0,
    takeBack: (id: string): boolean => takeBack.run({ id }).changes > 0,
    isLeftOut: (id: string): boolean => isLeftOut.get({ id })?.found === 1,
    leftOut: (): Set<string> => new Set(leftOut.all().map(({ id }) => id)),
    setDrawn(drawn: ReadonlyMap<string, number>): void {
      for (const [stratum, n] of drawn) setDrawn.run({ stratum, drawn: n })
    },
    /** Puts names on a side, whoever has none yet; false when somebody was first and put one on another. */
    assignAll(of: readonly string[], split: Split, stratum: string, at: number): boolean {
      const names = JSON.stringify(of)
      const { changes } = assignNew.run({ of: names, split, stratum, at })
      return changes === of.length || elsewhere.get({ of: names, split })!.n === 0
    },
    /** Begins a version that nobody sees yet; false when it is there already. */
    begin(
      digest: string,
      role: "training" | "golden",
      samples: number,
      told: { summary: DatasetSummary; leaks: readonly DatasetLeak[]; at: number },
    ): boolean {
      const { summary, leaks, at } = told
      return (
        addUnready.run({
          digest,
          role,
          samples,
          at,
          summary: JSON.stringify(summary),
          leaks: JSON.stringify(leaks),
        }).changes > 0
      )
    },
    /** False when the version is not on its way any more: somebody else has made it meanwhile. */
    addSamples(digest: string, some: readonly FrozenSample[]): boolean {
      if (isUnready.get({ digest })?.found !== 1) return false
      const texts = new Map<SampleLabel, string>()
      for (const { id, image, mime, w, h, size, split, group, product, weight, label, said } of some) {
        // Labels that say the same few things are one object.
        const text = texts.get(label) ?? JSON.stringify(label)
        texts.set(label, text)
        addSample.run({
          ...{ id, image, mime, w, h, size, split, group, product, weight },
          dataset: digest,
          label: text,
          by: said?.by ?? null,
          saidAt: said?.at ?? null,
        })
      }
      return true
    },
    finish: (digest: string): void => void finish.run({ digest }),
    /** Pictures of these parts as directions, of those that have been looked at. */
    looked(of: readonly string[]): { image: string; vector: Int8Array }[] {
      const found: { image: string; vector: Int8Array }[] = []
      for (let from = 0; from < of.length; from += 5_000)
        for (const { image, vector } of looked.all({ of: JSON.stringify(of.slice(from, from + 5_000)) }))
          found.push({ image, vector: new Int8Array(vector.buffer, vector.byteOffset, vector.length) })
      return found
    },
    /** Pictures that may come into a version and have no print yet. */
    unprinted: (limit: number): string[] => someUnprinted.all({ limit }).map(({ image }) => image),
    /** Null for a picture that cannot be read. */
    putPrint: (image: string, print: Int16Array | null): void =>
      void putPrint.run({
        image,
        print: print && new Uint8Array(print.buffer, print.byteOffset, print.byteLength),
      }),
    /** How many of these pictures have been looked at, and the prints of those that can be read. */
    prints(of: readonly string[]): { seen: number; found: { image: string; vector: Int16Array }[] } {
      const found: { image: string; vector: Int16Array }[] = []
      let seen = 0
      for (let from = 0; from < of.length; from += 5_000)
        for (const { image, print } of prints.all({ of: JSON.stringify(of.slice(from, from + 5_000)) })) {
          seen++
          if (print) found.push({ image, vector: numbersOf(print) })
        }
      return { seen, found }
    },
    version(digest: string): StoredVersion | undefined {
      const row = version.get({ digest })
      return row && versionOf(row)
    },
    /** The newest first; a set without pictures is none. */
    versions: (limit: number): StoredVersion[] => versions.all({ limit }).map(versionOf),
    setSummary: (digest: string, summary: DatasetSummary): void =>
      void setSummary.run({ digest, summary: JSON.stringify(summary) }),
    /** Pictures of a set behind one, in their order. */
    page: (digest: string, after: string, limit: number): FrozenSample[] =>
      page.all({ digest, after, limit }).map(sampleOf),
    /** Pictures that one set has and the other has not: how many, and the first of them. */
    onlyIn(digest: string, other: string, limit: number): { n: number; first: FrozenSample[] } {
      const rows = onlyIn.all({ digest, other, limit })
      return { n: rows[0]?.n ?? 0, first: rows.map(sampleOf) }
    },
    /** Pictures of both of which something else is said now. */
    relabelled(digest: string, other: string, limit: number) {
      const rows = changed.all({ digest, other, limit })
      return {
        n: rows[0]?.n ?? 0,
        first: rows.map((row) => ({ now: sampleOf(row), before: v.parse(Label, row.before) })),
      }
    },
    moved: (digest: string, other: string): number => moved.get({ digest, other })?.n ?? 0,
    sample(digest: string, image: string): FrozenSample | undefined {
      const row = sample.get({ digest, image })
      return row && sampleOf(row)
    },
    samples: (digest: string): FrozenSample[] => samples.all({ digest }).map(sampleOf),
    /** Of these pictures, those in a frozen set or among the uploads. */
    kept: (of: readonly string[]): Set<string> =>
      new Set(kept.all({ of: JSON.stringify(of) }).map((row) => row.image)),
    look: (digest: string, model: string, at: number): void => void addLook.run({ digest, model, at }),
    looks: (digest: string): number => looks.get({ digest })!.n,
    hasGoodReference: (): boolean => goodReference.get()?.found === 1,
  }
}
export type DatasetStore = ReturnType<typeof createDatasetStore>

/** Bytes of a row begin anywhere, and two-byte numbers do not. */
const numbersOf = (bytes: Uint8Array): Int16Array =>
  bytes.byteOffset % 2 === 0
    ? new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Int16Array(bytes.slice().buffer)

const pictureOf = ({ id, image, mime, w, h, size }: PictureRow) => ({
  id,
  image,
  mime: v.parse(ImageMime, mime),
  w,
  h,
  size,
})

// Rows of a version are the store's own, and come by the hundred thousand: they are taken as they were written.
const sampleOf = (row: SampleRow): FrozenSample => ({
  id: row.id,
  image: row.image,
  mime: row.mime as ImageMime,
  w: row.w,
  h: row.h,
  size: row.size,
  split: row.split,
  group: row.part_group,
  product: row.product,
  weight: row.weight,
  label: JSON.parse(row.label) as SampleLabel,
  ...(row.said_by !== null && row.said_at !== null && { said: { by: row.said_by, at: row.said_at } }),
})

const versionOf = (row: VersionRow): StoredVersion => ({
  ...row,
  summary: row.summary === null ? null : v.parse(Summary, row.summary),
  leaks: row.leaks === null ? [] : v.parse(Leaks, row.leaks),
})
