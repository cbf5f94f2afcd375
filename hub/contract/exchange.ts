import * as v from "valibot"
import { Drawing } from "./drawing.ts"
import { Count, DefectKey, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { ImageMime } from "./inspection.ts"
import { LabelVerdict } from "./labelling.ts"

/** Formats of labelled pictures that CRUX writes and reads. */
export const exchangeFormats = [
  "crux-jsonl",
  "csv",
  "parquet",
  "label-studio",
  "label-studio-min",
  "coco",
  "coco-keypoints",
  "yolo",
  "yolo-segment",
  "yolo-obb",
  "yolo-pose",
  "yolo-classify",
  "voc",
  "image-folder",
  "mvtec",
  "masks",
  "datumaro",
] as const
export const ExchangeFormat = v.picklist(exchangeFormats)
export type ExchangeFormat = v.InferOutput<typeof ExchangeFormat>

/** `clean` is made to be trained on; `ls-exact` has the names and numbers that Label Studio's own export would have. */
export const ExchangeProfile = v.picklist(["clean", "ls-exact"])
export type ExchangeProfile = v.InferOutput<typeof ExchangeProfile>

const Side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(128))

/** One labelled picture between programs; a line of the format `crux-jsonl`, which alone holds all we know. */
export const ExchangeItem = v.object({
  v: v.literal(1),
  id: Uuid,
  image: v.object({
    /** Path of the picture beside the labels, when it is there. */
    file: v.string(),
    sha256: v.optional(Sha256),
    mime: ImageMime,
    w: Side,
    h: Side,
  }),
  split: v.optional(v.picklist(["train", "val", "test"])),
  station: v.optional(Name),
  part_id: v.optional(Name),
  product_id: v.optional(Key),
  captured_at: v.optional(Instant),
  /** Null for a part that nobody has judged. */
  label: v.nullable(
    v.object({
      verdict: LabelVerdict,
      /** Classes of the part as a whole; those of its regions are among them. */
      kinds: v.pipe(v.array(DefectKey), v.maxLength(16)),
      drawing: Drawing,
      by: v.optional(v.pipe(v.string(), v.maxLength(200))),
      at: v.optional(Instant),
    }),
  ),
})
export type ExchangeItem = v.InferOutput<typeof ExchangeItem>

/** Something that was left out or changed on the way, and where. */
export const ExchangeRemark = v.object({ path: v.string(), code: Key, detail: v.string() })
export type ExchangeRemark = v.InferOutput<typeof ExchangeRemark>

/** What an import did. Remarks are the first thousand; `refused` counts all. */
export const ImportReport = v.object({
  format: ExchangeFormat,
  /** Pictures that became parts, and those that were here before. */
  new_parts: Count,
  known_parts: Count,
  /** Labels stored, and those that were stored by an earlier import of the same. */
  new_labels: Count,
  known_labels: Count,
  unlabelled: Count,
  refused: Count,
  remarks: v.array(ExchangeRemark),
  by_code: v.record(v.string(), Count),
})
export type ImportReport = v.InferOutput<typeof ImportReport>

/** GET /api/imports/:id */
export const ImportView = v.object({
  id: Uuid,
  name: v.string(),
  state: v.picklist(["running", "done", "failed", "cancelled"]),
  /** Pictures looked at so far, and how many there are, as far as that is known. */
  seen: Count,
  total: v.nullable(Count),
  report: ImportReport,
  error: v.nullable(v.string()),
  started_by: v.string(),
  started_at: Instant,
  finished_at: v.nullable(Instant),
})
export type ImportView = v.InferOutput<typeof ImportView>

/** GET /api/exports: one under way. */
export const ExportView = v.object({
  id: Uuid,
  /** Name of the file. */
  name: v.string(),
  /** Parts it holds; null while they are being counted. */
  parts: v.nullable(Count),
  /** Pictures and bytes written so far. */
  pictures: Count,
  bytes: Count,
  started_by: v.string(),
  started_at: Instant,
})
export type ExportView = v.InferOutput<typeof ExportView>

/** What an export would hold. */
export const ExportPreview = v.object({
  parts: Count,
  ok: Count,
  ng: Count,
  regions: Count,
  by_kind: v.record(v.string(), Count),
  /** Regions that the format has no way to write, by the kind of outline. */
  left_out: v.record(v.string(), Count),
})
export type ExportPreview = v.InferOutput<typeof ExportPreview>
