import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { DefectClass, Guide } from "#contract/catalogue"
import type { InspectionView } from "#contract/labelling"
import { hour, kindNames } from "./names.ts"

export function makeKinds(): DefectClass[] {
  return Object.entries(kindNames).map(([key, [ko, en]], i) =>
    v.parse(DefectClass, {
      key,
      names: { ko, en },
      icon: key,
      color: `c${i + 1}`,
      severity: key === "crack" ? "critical" : "major",
      active: true,
    }),
  )
}

/** Criteria and limit samples; the pictures are those of inspections. */
export function makeGuide(inspections: readonly InspectionView[], now: number): Guide {
  const shown = inspections.filter((inspection) => inspection.image !== null).slice(0, 2)
  return v.parse(Guide, {
    version: 3,
    criteria: [
      {
        version: 3,
        kind: "scratch",
        product: null,
        texts: {
          ko: "2 mm보다 짧고 손톱에 걸리지 않으면 양품입니다.",
          en: "OK when shorter than 2 mm and a nail does not catch on it.",
        },
        change: "2026-03 customer audit",
        by: "Kim",
        at: now - hour,
      },
      {
        version: 1,
        kind: null,
        product: null,
        texts: { ko: "나사산 안쪽은 보지 않습니다.", en: "The inside of threads does not count." },
        change: "first version",
        by: "Kim",
        at: now - 20 * hour,
      },
    ],
    samples: shown.map(({ id, image }, i) => ({
      id: uuidv7(),
      kind: "scratch",
      product: null,
      verdict: i === 0 ? "ng" : "ok",
      inspection_id: id,
      image,
      notes: {
        ko: i === 0 ? "가장 짧은 불량" : "가장 긴 양품",
        en: i === 0 ? "The shortest NG" : "The longest OK",
      },
      by: "Kim",
      at: now - hour,
    })),
  })
}
