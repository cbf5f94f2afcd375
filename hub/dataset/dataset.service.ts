import { createHash } from "node:crypto"
import type * as v from "valibot"
import type { DatasetDiff, DatasetSample, DatasetVersion } from "#contract/dataset"
import type { Evaluation, ImageMime } from "#contract/inspection"
import type { StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { ReferenceMeta, ReferenceReceipt } from "#contract/registry"
import type { SampleLabel } from "#contract/training"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import { createDatasetReader, sampleOf } from "./dataset.reader.ts"
import { createDatasetStore, type FrozenSample, type StoredVersion } from "./dataset.store.ts"
import { labelDigest, setDigest } from "./digest.rules.ts"
import { identitiesOf } from "./split.rules.ts"
import { summarise } from "./summary.rules.ts"

/** A part from the line with the newest label people gave it; unsure and withdrawn ones are not among these. */
export type LabelledPart = {
  inspectionId: string
  partId: string | null
  productId: string | null
  capturedAt: number
  /** The station that took it, and the lot it belongs to. */
  device?: string
  lot?: string | null
  labelledAt: number
  /** The person who said so. */
  labelledBy?: string
  /** What the station had said, and the model it said it with. */
  eval: Evaluation
  model: string | null
  image: StoredImage
  label: SampleLabel
}

/** What the dataset needs of its neighbours. */
export type DatasetDeps = {
  db: Sqlite
  clock: Clock
  ids: Ids
  labels: {
    /** NG parts that a station had passed, newest first, one a picture. */
    escapes(limit: number): LabelledPart[]
  }
  /** Puts bytes on disk before it resolves, under their SHA-256. */
  blobs: { put(bytes: Uint8Array, sha256?: string): Promise<string> }
  /** Makes an uploaded picture one that people can look at, e.g. in a gate report. */
  keepImage: (image: StoredImage, at: number) => void
  sniffImage: (bytes: Uint8Array) => { mime: ImageMime; w: number; h: number } | undefined
}

export type FrozenSet = {
  digest: string
  samples: FrozenSample[]
  ok: number
  ng: number
  byKind: Record<string, number>
}

/**
 * Frozen, content-addressed sets of labelled pictures: what models are trained on, and what they are proved on. They are
 * made by `freeze.service`.
 */
export function createDataset({ db, clock, ids, labels, blobs, keepImage, sniffImage }: DatasetDeps) {
  const store = createDatasetStore(db)
  const reader = createDatasetReader(store)

  const known = (digest: string): StoredVersion => {
    const version = store.version(digest)
    if (!version) throw new Problem("not_found", "dataset", "there is no such version")
    return version
  }
  /** Versions from before their counts were kept are counted when they are first looked at. */
  const versionOf = (version: StoredVersion): DatasetVersion => {
    if (version.summary) return { ...version, summary: version.summary }
    const summary = summarise(store.samples(version.digest))
    store.setSummary(version.digest, summary)
    return { ...version, summary }
  }

  return {
    /**
     * Adds one known picture to the golden set or to the training pool. Idempotent by picture and label. A picture
     * that stands on the other side already is a `conflict`: a part that trained a model cannot prove it.
     */
    async addReference(
      pool: "golden" | "reference",
      meta: ReferenceMeta,
      bytes: Uint8Array,
      by: string,
    ): Promise<v.InferOutput<typeof ReferenceReceipt>> {
      checkLabel(meta.label)
      const header = sniffImage(bytes)
      if (!header) throw new Problem("unsupported", "image_format", "send a JPEG, PNG or WebP image")
      const image = createHash("sha256").update(bytes).digest("hex")
      for (const identity of [`part:${meta.part_id}`, `image:${image}`]) {
        const split = store.splitOf(identity)
        if (split !== undefined && (split === "golden") !== (pool === "golden"))
          throw new Problem(
            "conflict",
            "leak",
            `this part already belongs to ${split}; it cannot train and prove`,
            { split },
          )
      }
      await blobs.put(bytes, image)
      const at = clock.now()
      const size = bytes.byteLength
      const { id, duplicate } = db.transaction(() => {
        keepImage({ sha256: image, ...header, size }, at)
        return store.addReference({
          id: ids.uuid(),
          pool,
          image,
          ...header,
          size,
          part: meta.part_id,
          product: meta.product_id ?? null,
          label: meta.label,
          digest: labelDigest(meta.label),
          by,
          at,
        })
      })
      return { id, image, duplicate }
    },

    /** Frozen sets, the newest first. */
    versions: (limit: number): DatasetVersion[] => store.versions(limit).map(versionOf),
    /** Throws `not_found`. */
    version: (digest: string): DatasetVersion => versionOf(known(digest)),
    /** Pictures of a version behind one, in their order. Throws `not_found`. */
    page(digest: string, after: string, limit: number): DatasetSample[] {
      known(digest)
      return reader.page(digest, after, limit)
    },
    /** What has changed from `other` to `digest`. Throws `not_found`, and `invalid` for sets of two roles. */
    diff(digest: string, other: string): DatasetDiff {
      if (known(digest).role !== known(other).role)
        throw new Problem(
          "invalid",
          "dataset_roles",
          "a training set and a golden set have nothing in common",
        )
      const [added, removed] = [store.onlyIn(digest, other, examples), store.onlyIn(other, digest, examples)]
      const relabelled = store.relabelled(digest, other, examples)
      return {
        added: added.n,
        removed: removed.n,
        relabelled: relabelled.n,
        moved: store.moved(digest, other),
        examples: {
          added: added.first.map(sampleOf),
          removed: removed.first.map(sampleOf),
          relabelled: relabelled.first.map(({ now, before }) => ({ now: sampleOf(now), before })),
        },
      }
    },

    splitOf: reader.splitOf,
    samples: reader.samples,

    /** Sets that hold something, the oldest first, by the names people know them by. */
    named: store.named,
    /**
     * Puts a part on one side of the wall before any version has placed it; returns the names it is known by from now on.
     * Expects that `splitOf` knows no other side; runs inside the caller's transaction.
     */
    choose(part: string | null, image: string, side: "golden" | "train"): string[] {
      const fresh = identitiesOf({ part, image }).filter((identity) => store.splitOf(identity) === undefined)
      for (const identity of fresh) store.choose(identity, side, clock.now())
      return fresh
    },
    /** Takes such a choice back, unless a version has been made with it. */
    unchoose(identities: readonly string[], image: string): boolean {
      if (store.isFrozen(image)) return false
      for (const identity of identities) store.unchoose(identity)
      return true
    },
    /** No version takes this part from now on. False when that was so. */
    leaveOut: (id: string): boolean => store.leaveOut(id, clock.now()),
    takeBack: store.takeBack,
    isLeftOut: store.isLeftOut,

    /** Of these parts, those whose picture stands in a set or was uploaded: it must stay. */
    keeps(parts: readonly { id: string; sha256: string }[]): Set<string> {
      const kept = store.kept(parts.map((part) => part.sha256))
      return new Set(parts.filter((part) => kept.has(part.sha256)).map((part) => part.id))
    },

    /** One picture of a frozen set; undefined when it is not in it. */
    picture: (digest: string, image: string): FrozenSample | undefined => store.sample(digest, image),

    /** A set frozen before; empty when there was none by this name. */
    frozen: (digest: string): FrozenSet => setOf(digest, store.samples(digest)),

    /** NG parts a station had passed, and the model it ran: what must not fail again. Newest first, at most `limit`. */
    confirmedEscapes(
      limit: number,
    ): { image: string; product: string | null; kinds: string[]; passedBy: string | null }[] {
      return labels.escapes(limit).map(({ image, productId, label, model }) => ({
        image: image.sha256,
        product: productId,
        kinds: label.kinds,
        passedBy: model,
      }))
    },

    /** Counts that a model was shown this golden set; the same model again is the same look. */
    look: (digest: string, model: string): void => store.look(digest, model, clock.now()),
    looks: store.looks,

    /** Name of the set that holds nothing: what stands in the place of a set that is still to be frozen. */
    nothing(): string {
      const digest = setDigest([])
      store.begin(digest, "training", 0, { summary: summarise([]), leaks: [], at: clock.now() })
      store.finish(digest)
      return digest
    },
    /** Whether there is an uploaded part to learn from that is good. */
    hasGoodReference: store.hasGoodReference,
  }
}
export type Dataset = ReturnType<typeof createDataset>

/** Pictures of each kind of change that a diff shows. */
const examples = 48

function checkLabel({ verdict, kinds, boxes }: SampleLabel): void {
  if (verdict === "ok" && (kinds.length > 0 || boxes.length > 0))
    throw new Problem("invalid", "label_ok_with_kinds", "an OK part has no defect kinds and no boxes")
  if (boxes.some((b) => !kinds.includes(b.kind)))
    throw new Problem("invalid", "label_box_kind", "every box needs its kind among the kinds of the part")
}

function setOf(digest: string, samples: FrozenSample[]): FrozenSet {
  const byKind: Record<string, number> = {}
  let ng = 0
  for (const { label } of samples) {
    if (label.verdict === "ng") ng++
    for (const kind of new Set(label.kinds)) byKind[kind] = (byKind[kind] ?? 0) + 1
  }
  return { digest, samples, ok: samples.length - ng, ng, byKind }
}
