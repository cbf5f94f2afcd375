import type { InspectionView } from "#contract/labelling"
import type { ModelLook, ModelTrial, TrialResult } from "#contract/registry"

/** A detector of another maker, as the hub sees its file. */
export function makeLook(): ModelLook {
  const classes = ["scratch", "dent", "class-2"].map((key, id) => ({ id, key, verdict: "NG" as const }))
  return {
    file: "7c".repeat(32),
    source: "ultralytics",
    size: 12_257_311,
    contract: {
      v: 1,
      task: "detection",
      inputs: [
        {
          name: "images",
          dtype: "f32",
          layout: "NCHW",
          color: "RGB",
          resize: { mode: "letterbox", w: 640, h: 640, interp: "bilinear", antialias: true, pad: 114 },
          scale: 1 / 255,
          mean: [0, 0, 0],
          std: [1, 1, 1],
        },
      ],
      outputs: [{ name: "output0", role: "dets" }],
      decode: { type: "yolo_v8", iou: 0.5 },
      classes,
      thresholds: { t_low: 0.25, t_high: 0.5 },
      score: { direction: "higher_is_ng", raw: false },
      provenance: { recipe: "ultralytics", licence: "AGPL-3.0" },
    },
    contents: { operators: { Conv: 64 }, nodes: 233, opset: 17, whole: 0 },
    inputs: [{ name: "images", type: "f32", dims: [1, 3, 640, 640] }],
    outputs: [{ name: "output0", type: "f32", dims: [1, 7, 8_400] }],
    doubts: ["names_missing", "copyleft"],
  }
}

/** What it finds: what the stations found. */
export function makeTrial({ parts }: ModelTrial, stream: readonly InspectionView[]): TrialResult {
  const pictures = parts.flatMap((id) => {
    const part = stream.find((one) => one.id === id)
    if (!part) return []
    const { verdict, findings } = part
    const score = verdict.score ?? null
    return [{ part: id, eval: verdict.eval, score, code: null, findings, ms: 41 }]
  })
  const blank = { part: null, eval: "ok" as const, score: 0.03, code: null, findings: [], ms: 38 }
  return { pictures: [blank, blank, blank, ...pictures], doubts: [] }
}
