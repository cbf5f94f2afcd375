import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { type Confusion, ModelView } from "#contract/registry"
import type { Picture } from "../pictures.ts"
import { digestOf, hour, kindNames, minute } from "./names.ts"

function confusion(escapes: number, overkills: number): Confusion {
  return {
    ng: 64,
    ok: 180,
    escapes,
    overkills,
    ng_undecidable: 3,
    ok_undecidable: 6,
    escape: escapes / 64,
    escape_upper: (escapes + 2.9) / 64,
    overkill: overkills / 180,
    overkill_upper: (overkills + 2.9) / 180,
    undecidable: 9 / 244,
    auroc: 0.991,
  }
}

function makeContract(kinds: string[]) {
  return {
    v: 1,
    task: "anomaly",
    inputs: [
      {
        name: "image",
        dtype: "f32",
        layout: "NCHW",
        color: "RGB",
        resize: { mode: "stretch", w: 320, h: 320, interp: "bilinear", antialias: true },
        scale: 1,
        mean: [123.7, 116.3, 103.5],
        std: [58.4, 57.1, 57.4],
      },
    ],
    outputs: [{ name: "score", role: "score" }],
    decode: { type: "patchcore" },
    classes: kinds.map((key, i) => ({ id: i, key, verdict: "NG" })),
    thresholds: { t_low: 0.31, t_high: 0.62 },
    score: { direction: "higher_is_ng", raw: false },
    products: {
      plate: { t_low: 0.22, t_high: 0.48, outputs: { score: "score_plate", map: "map_plate" } },
      bracket: { t_low: 0.4, t_high: 0.71 },
    },
    provenance: { recipe: "patch", licence: "Apache-2.0" },
  }
}

export function makeModels(pictures: readonly Picture[], now: number): ModelView[] {
  const bad = pictures.filter((p) => p.defects.length > 0).slice(0, 5)
  const report = (pass: boolean) => ({
    v: 1,
    pass,
    checks: [
      { id: "integrity", hard: true, status: "pass", reason: "integrity", params: { n: 244 } },
      { id: "parity", hard: true, status: "pass", reason: "parity", params: { flips: 0, drift: 0, n: 244 } },
      {
        id: "escape",
        hard: true,
        status: pass ? "pass" : "fail",
        reason: "escape",
        params: { events: pass ? 1 : 7, n: 64, upper: pass ? 0.072 : 0.2, limit: 0.1, provable: 0.046 },
      },
      {
        id: "overkill",
        hard: true,
        status: "warn",
        reason: "overkill_few",
        params: { events: 2, n: 180, upper: 0.034, limit: 0.05, provable: 0.016, wanted: 300 },
      },
      {
        id: "undecidable",
        hard: true,
        status: "pass",
        reason: "undecidable",
        params: { share: 0.037, limit: 0.1 },
      },
      {
        id: "champion",
        hard: true,
        status: pass ? "pass" : "fail",
        reason: pass ? "champion_better" : "champion_only_new_escapes",
        params: { new_escapes: pass ? 0 : 4, fixed_escapes: pass ? 5 : 0, new_kinds: 1 },
      },
      { id: "must_not_fail", hard: true, status: "skip", reason: "must_not_fail_none", params: {} },
      {
        id: "per_kind",
        hard: false,
        status: pass ? "pass" : "warn",
        reason: "per_kind",
        params: pass ? { kinds: 7 } : { kind: "crack", escapes: 6, n: 9 },
      },
      {
        id: "latency",
        hard: true,
        status: "pass",
        reason: "latency",
        params: { p99_ms: 38.2, limit_ms: 80 },
      },
    ],
    golden: { digest: digestOf("golden"), ok: 180, ng: 64, looks: 6 },
    challenger: confusion(pass ? 1 : 7, 2),
    champion: confusion(6, 4),
    per_kind: Object.keys(kindNames).map((kind, i) => ({
      kind,
      n: 9 + (i % 3),
      escapes: kind === "crack" && !pass ? 6 : i === 2 ? 1 : 0,
      champion_escapes: kind === "crack" ? 5 : i === 2 ? 1 : 0,
    })),
    failing: bad.slice(0, pass ? 3 : 5).map((picture, i) => ({
      image: picture.sha256,
      truth: i === 2 ? "ok" : "ng",
      kinds: i === 2 ? [] : picture.defects.map((d) => d.kind),
      eval: i === 0 ? "ok" : i === 2 ? "ng" : "undecidable",
      score: 0.2 + i / 10,
      champion_eval: i === 1 ? "ok" : "ng",
    })),
    latency: { p50_ms: 22.1, p99_ms: 38.2 },
    made_at: now - 4 * minute,
  })
  const base = (name: string, kinds: string[]) => ({
    digest: digestOf(name),
    line: "main",
    size: 14_800_000,
    job_id: uuidv7(),
    contract: makeContract(kinds),
    metrics: { oof_auroc: 0.991 },
  })
  const all = Object.keys(kindNames)
  const some = all.filter((kind) => kind !== "crack")
  return [
    {
      ...base("model-4", all),
      state: "candidate",
      champion: false,
      release: null,
      gate: report(true),
      created_at: now - 5 * minute,
      approved_by: null,
      approved_at: null,
    },
    {
      ...base("model-3", some),
      state: "released",
      champion: true,
      release: 3,
      gate: report(true),
      created_at: now - 26 * hour,
      approved_by: "김민지",
      approved_at: now - 25 * hour,
    },
    {
      ...base("model-2b", some),
      state: "refused",
      champion: false,
      release: null,
      gate: report(false),
      created_at: now - 50 * hour,
      approved_by: null,
      approved_at: null,
    },
    {
      ...base("model-5", all),
      state: "proving",
      champion: false,
      release: null,
      gate: null,
      created_at: now - 20_000,
      approved_by: null,
      approved_at: null,
    },
  ].map((model) => v.parse(ModelView, model))
}
