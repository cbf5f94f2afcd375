import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { InspectionView } from "#contract/labelling"
import { PartHistory } from "#contract/parts"
import type { Picture } from "../pictures.ts"
import { digestOf, stations } from "./names.ts"

export function makeInspection(picture: Picture, i: number, at: number): InspectionView {
  const ng = picture.defects.length > 0
  const evaluation = i % 6 === 1 || i % 6 === 4 ? "undecidable" : ng ? "ng" : "ok"
  return v.parse(InspectionView, {
    id: uuidv7(),
    device_id: stations[i % stations.length]![0],
    seq: i + 1,
    captured_at: at,
    received_at: at + 40,
    part_id: picture.part,
    product_id: picture.product,
    verdict: { eval: evaluation, score: ng ? 0.86 : 0.34, t_low: 0.3, t_high: 0.62 },
    findings: picture.defects.map((d) => ({ kind: d.kind, score: 0.86, box: d.box })),
    model: { line: "main", release: 3, digest: digestOf("model-3") },
    why_sent: "ng",
    image: {
      sha256: picture.sha256,
      mime: "image/jpeg",
      w: picture.w,
      h: picture.h,
      size: picture.jpeg.length,
    },
    simulated: true,
    label:
      i % 5 === 3
        ? {
            verdict: ng ? "ng" : "ok",
            kinds: picture.defects.map((d) => d.kind),
            by: "worker1",
            at,
            revision: 1,
          }
        : null,
  })
}

/** A part with a label, a review and a set it is in. */
export function makePartHistory(inspection: InspectionView, at: number): PartHistory {
  const by = { id: uuidv7(), name: "김민수" }
  const id = uuidv7()
  const { image, model, part_id, product_id } = inspection
  return v.parse(PartHistory, {
    part_id,
    product_id,
    split: "train",
    left_out: false,
    golden: false,
    more: false,
    judged_by: model
      ? [{ digest: model.digest, line: "main", release: 3, state: "released", created_at: at }]
      : [],
    looks: [
      {
        inspection,
        lot: "L26-1",
        recipe: "cap-top",
        step: null,
        images: image ? [{ name: "main", sha256: image.sha256, w: image.w, h: image.h, here: true }] : [],
        waits: null,
        standing: "accepted",
        labels: [
          {
            id,
            inspection_id: inspection.id,
            revision: 1,
            verdict: "ng",
            kinds: ["scratch"],
            boxes: [],
            accepted: false,
            by,
            shown_at: at,
            decided_at: at,
            stored_at: at,
            active_ms: 900,
          },
        ],
        reviews: [{ id, revision: 1, outcome: "accepted", reason: "", by, at }],
        comments: [],
        opinions: [],
        hold: null,
        datasets: [{ digest: digestOf("set"), name: "v3", role: "training", split: "train", created_at: at }],
        taught: [],
        deeds: [],
      },
    ],
  })
}
