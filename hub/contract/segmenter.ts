import * as v from "valibot"
import { Outline } from "./drawing.ts"
import { Finite, Instant, Sha256, Uuid } from "./ids.ts"
import { Box } from "./inspection.ts"

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
const Side = v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(4096))
const three = v.strictTuple([Finite, Finite, Finite])

/**
 * How an encoder and a decoder of the SAM family are fed and read. The encoder sees the picture once; the decoder sees
 * what it made of it and where somebody pointed. Recognised for SAM, SAM 2, MobileSAM, EfficientSAM and EdgeSAM exports;
 * described by hand for others.
 */
export const SegmenterLayout = v.strictObject({
  v: v.literal(1),
  encoder: v.strictObject({
    input: Name,
    /** HWC: without a batch, as exports with the preparation inside have it. */
    layout: v.picklist(["NCHW", "HWC"]),
    /** The longest side is brought to this and the rest of the square padded with zeros; null: as the picture is. */
    side: v.nullable(Side),
    color: v.picklist(["RGB", "BGR"]),
    /** value = (pixel × scale − mean) / std */
    scale: Finite,
    mean: three,
    std: three,
  }),
  /** What the encoder gives, and what the decoder calls it. */
  carry: v.pipe(v.array(v.strictObject({ from: Name, to: Name })), v.minLength(1), v.maxLength(16)),
  decoder: v.strictObject({
    points: Name,
    labels: Name,
    /** [1,n,2] or [1,1,n,2]. */
    rank: v.picklist([3, 4]),
    /** Pixels of the encoder's square, or of the picture itself. */
    space: v.picklist(["input", "picture"]),
    /** Without a box a point labelled -1 is added. */
    padding: v.boolean(),
    /** A box is told by its corners (labels 2 and 3), or by a positive point in its middle. */
    box: v.picklist(["corners", "middle"]),
    mask: v.optional(v.strictObject({ input: Name, has: Name, side: Side })),
    /** Input that takes height and width of the picture. */
    size: v.optional(Name),
    masks: Name,
    scores: v.optional(Name),
    /** What the masks cover: the encoder's square, or the picture. Above zero is inside. */
    covers: v.picklist(["input", "picture"]),
  }),
})
export type SegmenterLayout = v.InferOutput<typeof SegmenterLayout>

export const SegmenterState = v.picklist(["ready", "unknown"])
/** GET /api/segmenters. `unknown`: its layout was not recognised and has to be described. */
export const SegmenterView = v.object({
  id: Uuid,
  name: v.string(),
  /** Whoever points uses this one. */
  active: v.boolean(),
  /** Made by this program from nothing but arithmetic. */
  builtin: v.boolean(),
  state: SegmenterState,
  layout: v.nullable(SegmenterLayout),
  encoder: v.object({ sha256: Sha256, inputs: v.array(v.string()), outputs: v.array(v.string()) }),
  decoder: v.object({ sha256: Sha256, inputs: v.array(v.string()), outputs: v.array(v.string()) }),
  licence: v.nullable(v.string()),
  created_at: Instant,
})
export type SegmenterView = v.InferOutput<typeof SegmenterView>

/** POST /api/segmenters?name=&encoder=&decoder=: two files stored before with POST /api/segmenters/files. */
export const StoredFile = v.object({ sha256: Sha256, size: v.number() })
export const NewSegmenter = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(80)),
  encoder: Sha256,
  decoder: Sha256,
  layout: v.optional(SegmenterLayout),
  licence: v.optional(v.pipe(v.string(), v.maxLength(200))),
})
export type NewSegmenter = v.InferOutput<typeof NewSegmenter>

/** What somebody pointed at, in pixels of the picture. */
export const Pointing = v.pipe(
  v.object({
    points: v.pipe(v.array(v.object({ x: Finite, y: Finite, inside: v.boolean() })), v.maxLength(32)),
    box: v.optional(Box),
  }),
  v.check(
    ({ points, box }) => box !== undefined || points.some(({ inside }) => inside),
    "nothing was pointed at",
  ),
)
export type Pointing = v.InferOutput<typeof Pointing>

/** POST /api/images/:sha/outline */
export const OutlineAnswer = v.object({
  /** Null when there is nothing to be seen at that place. */
  mask: v.nullable(Outline),
  /** The same as a polygon of few corners, holes left out. */
  polygon: v.nullable(Outline),
  segmenter: Uuid,
  ms: v.object({ encode: v.number(), decode: v.number() }),
})
export type OutlineAnswer = v.InferOutput<typeof OutlineAnswer>
