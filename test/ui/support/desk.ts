import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { DatasetDiff, type DatasetSample, DatasetVersion } from "#contract/dataset"
import { ExportPreview, ImportView } from "#contract/exchange"
import type { InspectionView } from "#contract/labelling"
import { AppraiserName, MsaReport, Study } from "#contract/msa"
import { CheckPlan, KnownPart, PersonAgreement, ReviewCase, ReviewItem } from "#contract/review"
import type { User } from "#contract/users"
import { wilson } from "../../../hub/msa/kappa.rules.ts"
import { analyse, type Rating, type Truth, usualLimits } from "../../../hub/msa/report.rules.ts"

const minute = 60_000
const day = 24 * 60 * minute
const dated = "0".repeat(63)

/**
 * What a reviewer and an engineer look at, for the stand-in of the hub: labels in doubt, known parts, agreement, datasets.
 * Undefined for what it does not know.
 */
export function createDesk({
  users,
  stream,
  now,
}: {
  users: readonly User[]
  stream: readonly InspectionView[]
  now: number
}): (at: string) => unknown {
  const [first, second] = [users[1] ?? users[0]!, users[2] ?? users[0]!]
  const parts = stream.filter(({ image }) => image !== null)
  const cases = parts.slice(0, 6).map((inspection, i) => caseOf(inspection, i, first, second, now))
  const report = reportOf(users, now)
  const studies = [
    v.parse(Study, {
      id: uuidv7(),
      name: "11월 신입 평가",
      parts: 50,
      trials: 3,
      people: [
        { id: first.id, name: first.name, left: 0 },
        { id: second.id, name: second.name, left: 34 },
      ],
      model: null,
      by: users[0]!.name,
      at: now - day,
      closed_at: null,
    }),
  ]
  const lists: Record<string, unknown[]> = {
    "GET /api/reviews": cases.map((one) => v.parse(ReviewItem, one)),
    "GET /api/msa/studies": studies,
    "GET /api/msa/people": peopleOf(users),
    "GET /api/msa/appraisers": users.map(({ id, name }) => v.parse(AppraiserName, { id, name })),
    "GET /api/known-parts": parts.slice(0, 8).map((inspection, i) => knownOf(inspection, i, first, now)),
    "GET /api/datasets": versionsOf(now, parts[0]?.image?.sha256),
    "GET /api/imports": [importOf(users[0]!, now)],
  }
  const plain: Record<string, unknown> = {
    "GET /api/msa/ongoing": report,
    "GET /api/labelling/checks": v.parse(CheckPlan, {
      review: 0.05,
      second: 0.1,
      blind_to_model: false,
      known: 0.03,
      repeat: 0.02,
      counts: "reviewed",
      overlap: 0.5,
    }),
  }
  return (at) => {
    const list = lists[at]
    if (list) return { items: list, next: null }
    if (plain[at]) return plain[at]
    const review = /^GET \/api\/reviews\/([0-9a-f-]{36})$/.exec(at)?.[1]
    if (review) return cases.find(({ inspection }) => inspection.id === review)
    if (/^GET \/api\/msa\/studies\/[^/]+\/report$/.test(at)) return { ...report, title: studies[0]!.name }
    if (/^GET \/api\/datasets\/[0-9a-f]+\/diff\/[0-9a-f]+$/.test(at)) return diffOf(parts, now)
    if (/^GET \/api\/exports\/[^/]+\/preview$/.test(at)) return preview
    return undefined
  }
}

function caseOf(inspection: InspectionView, i: number, first: User, second: User, now: number): ReviewCase {
  const whys = ["disputed", "second", "unsure", "again", "sample"] as const
  const why = whys[i % whys.length]!
  const kinds = inspection.findings.map(({ kind }) => kind)
  const boxes = inspection.findings.flatMap(({ kind, box }) => (box ? [{ kind, box }] : []))
  const said = (by: User, revision: number, verdict: "ok" | "ng" | "unsure") => ({
    id: uuidv7(),
    inspection_id: inspection.id,
    revision,
    verdict,
    kinds: verdict === "ng" ? (kinds.length > 0 ? kinds : ["scratch"]) : [],
    boxes: verdict === "ng" ? boxes : [],
    accepted: false,
    criteria: 3,
    by: { id: by.id, name: by.name },
    shown_at: now - (30 + i) * minute,
    decided_at: now - (29 + i) * minute,
    stored_at: now - (29 + i) * minute,
    active_ms: 4_200,
  })
  const newest = why === "unsure" ? "unsure" : "ng"
  return v.parse(ReviewCase, {
    inspection: {
      ...inspection,
      label: { verdict: newest, kinds: kinds.slice(0, 1), by: first.name, at: now - minute, revision: 2 },
    },
    state: "unreviewed",
    why,
    label_by: { id: first.id, name: first.name },
    since: now - (20 + i * 7) * minute,
    revisions: [said(second, 1, "ok"), said(first, 2, newest)],
    seconds: [],
    reviews: [
      {
        id: uuidv7(),
        revision: 1,
        outcome: "sent_back",
        reason: "왼쪽 모서리를 다시 봐 주세요. Look at the left edge again.",
        by: { id: first.id, name: first.name },
        at: now - 60 * minute,
      },
    ],
    reference: null,
    present: [],
  })
}

function knownOf(inspection: InspectionView, i: number, by: User, now: number): KnownPart {
  const ng = inspection.findings.length > 0
  return v.parse(KnownPart, {
    inspection,
    verdict: ng ? "ng" : "ok",
    kinds: ng ? inspection.findings.map(({ kind }) => kind) : [],
    boxes: ng ? inspection.findings.flatMap(({ kind, box }) => (box ? [{ kind, box }] : [])) : [],
    handed_out: i % 4 !== 3,
    by: by.name,
    at: now - i * day,
    asked: i * 7,
    right: Math.max(0, i * 7 - (i % 3)),
  })
}

/** Four appraisers at fifty parts, three times each, through the hub's own formulas. */
function reportOf(users: readonly User[], now: number): MsaReport {
  const people = users.slice(0, 3).map(({ id, name }) => ({ id, name, kind: "person" as const }))
  const appraisers = [...people, { id: "model", name: "r3", kind: "model" as const }]
  const truths = new Map<string, Truth>()
  const ratings: Rating[] = []
  for (let part = 0; part < 50; part++) {
    const kinds = part % 2 === 0 ? [["scratch", "dent", "stain"][part % 3]!] : []
    truths.set(`p${part}`, { verdict: kinds.length > 0 ? "ng" : "ok", kinds })
    for (const [who, { id }] of appraisers.entries())
      for (let trial = 0; trial < 3; trial++) {
        // The same every time, so that pictures can be compared.
        const wrong = (part * 7 + trial * 5 + who * 3) % (17 + who * 6) === 0
        const ng = kinds.length > 0 !== wrong
        const named = kinds.length > 0 ? kinds : ["dent"]
        ratings.push({ appraiser: id, part: `p${part}`, verdict: ng ? "ng" : "ok", kinds: ng ? named : [] })
      }
  }
  return v.parse(MsaReport, {
    v: 1,
    title: "",
    study: null,
    since: now - 90 * day,
    made_at: now,
    ...analyse(ratings, truths, appraisers, usualLimits),
    limits: usualLimits,
  })
}

const peopleOf = (users: readonly User[]): PersonAgreement[] =>
  users.slice(0, 3).map(({ id, name }, i) =>
    v.parse(PersonAgreement, {
      id,
      name,
      accepted: 120 - i * 9,
      fixed: 4 + i,
      sent_back: i,
      review: wilson(120 - i * 9, 126),
      second: wilson(44 - i, 46),
      known: wilson(58 - i * 2, 60),
      repeat: wilson(29, 30),
    }),
  )

const versionsOf = (now: number, leak: string | undefined): DatasetVersion[] =>
  ["a", "b", "c"].map((name, i) =>
    v.parse(DatasetVersion, {
      digest: dated + name,
      role: i === 1 ? "golden" : "training",
      samples: 1_240 - i * 212,
      created_at: now - (i * 3 + 1) * day,
      parent: i === 0 ? `${dated}c` : null,
      summary: {
        total: {
          ok: 830 - i * 150,
          ng: 410 - i * 62,
          by_kind: { scratch: 190, dent: 120, stain: 60, crack: 40 },
        },
        by_split: {
          train: { ok: 700, ng: 340, by_kind: { scratch: 160, dent: 100, stain: 50, crack: 30 } },
          calib: { ok: 130, ng: 70, by_kind: { scratch: 30, dent: 20, stain: 10, crack: 10 } },
        },
        by_product: { plate: 700, bracket: 540 },
      },
      leaks: i === 0 && leak !== undefined ? [{ image: leak, splits: ["train", "golden"] }] : [],
    }),
  )

function diffOf(parts: readonly InspectionView[], now: number): DatasetDiff {
  const samples = parts.slice(0, 3).map(
    ({ id, image, product_id, findings }, i): DatasetSample => ({
      id,
      image: image!.sha256,
      mime: image!.mime,
      w: image!.w,
      h: image!.h,
      split: "train",
      group: id,
      product: product_id,
      weight: 1,
      label: { verdict: i % 2 === 0 ? "ng" : "ok", kinds: findings.map(({ kind }) => kind), boxes: [] },
      said: { by: "Kim", at: now - day },
    }),
  )
  return v.parse(DatasetDiff, {
    added: 212,
    removed: 4,
    relabelled: 9,
    moved: 0,
    examples: {
      added: samples,
      removed: samples.slice(0, 1),
      relabelled: samples
        .slice(0, 1)
        .map((sample) => ({ now: sample, before: { ...sample.label, verdict: "ok" } })),
    },
  })
}

const preview = v.parse(ExportPreview, {
  parts: 1_240,
  ok: 830,
  ng: 410,
  regions: 612,
  by_kind: { scratch: 310, dent: 180, stain: 122 },
  left_out: { mask: 14 },
})

const importOf = (by: User, now: number): ImportView =>
  v.parse(ImportView, {
    id: uuidv7(),
    name: "line-3-coco.zip",
    state: "done",
    seen: 812,
    total: 812,
    report: {
      format: "coco",
      new_parts: 800,
      known_parts: 12,
      new_labels: 800,
      known_labels: 12,
      unlabelled: 0,
      refused: 2,
      remarks: [{ path: "annotations[14]", code: "kind_unknown", detail: "tear" }],
      by_code: { kind_unknown: 2 },
    },
    error: null,
    started_by: by.name,
    started_at: now - 90 * minute,
    finished_at: now - 88 * minute,
  })
