import { createHash } from "node:crypto"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import type { HelpReport, Prelabel, SimilarParts, TeacherView } from "#contract/assist"
import { DefectClass, Guide } from "#contract/catalogue"
import { Device, type EnrolmentRequest } from "#contract/fleet"
import { type Colleague, Mention } from "#contract/flow"
import { Arrival, RefusalView } from "#contract/ingest"
import type { ModelServer, ModelServerTrial, ProgramKey, ProjectName } from "#contract/label-studio"
import { InspectionView, LabelTask } from "#contract/labelling"
import { PartHistory } from "#contract/parts"
import { PreviewItem, QueueView } from "#contract/queue"
import {
  type Confusion,
  JobView,
  type ModelLook,
  type ModelTrial,
  ModelView,
  type TrialResult,
} from "#contract/registry"
import { HomeView, LiveSeries, LoopView, RolloutView } from "#contract/rollout"
import type { Security } from "#contract/security"
import type { OutlineAnswer, Pointing, SegmenterView } from "#contract/segmenter"
import type { ShadowView } from "#contract/shadow"
import { Storage } from "#contract/storage"
import { Tablet } from "#contract/tablets"
import { type Recipe, RecipeView, TrainerView } from "#contract/trainer"
import { Session, User } from "#contract/users"
import type { Webhook, WebhookDelivery } from "#contract/webhook"
import { recipesOf } from "../../../hub/training/recipe.rules.ts"
import type { Picture } from "./pictures.ts"

const minute = 60_000
const hour = 60 * minute
const digestOf = (name: string) => createHash("sha256").update(name).digest("hex")

const kindNames: Record<string, [string, string]> = {
  scratch: ["긁힘", "Scratch"],
  dent: ["찍힘", "Dent"],
  stain: ["얼룩", "Stain"],
  chip: ["깨짐", "Chip"],
  crack: ["균열", "Crack"],
  burr: ["버", "Burr"],
  rust: ["녹", "Rust"],
}

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

const stations = [
  ["line1-cam", "1라인 카메라"],
  ["line2-cam", "2라인 카메라"],
  ["line3-top", "3라인 윗면"],
  ["line3-side", "3라인 옆면"],
] as const

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

export function makeTask(inspection: InspectionView, waiting: number, now: number): LabelTask {
  const { eval: evaluation } = inspection.verdict
  return v.parse(LabelTask, {
    inspection,
    reason: evaluation === "undecidable" ? "undecidable" : evaluation === "ng" ? "ng" : "audit",
    why: { value: 0.8, shares: [{ part: "audit", share: 0.8 }], chance: 0.02 },
    comments: 0,
    criteria: 3,
    lease: { id: uuidv7(), expires_at: now + 10 * minute },
    waiting,
  })
}

/** The third station lost parts nobody knows about, the fourth is behind and short of room. */
export const makeArrivals = (): Arrival[] =>
  stations.map(([id], i) =>
    v.parse(Arrival, {
      device_id: id,
      stored: 48_000,
      missing: i === 2 ? 3 : i === 3 ? 231 : 0,
      waiting: i === 3 ? 214 : 0,
      given_up: i === 3 ? 17 : 0,
      refused: 0,
      unexplained: i === 2 ? 3 : 0,
      refusals: i === 1 ? 2 : 0,
    }),
  )

export const makeRefusals = (now: number): RefusalView[] =>
  [
    { code: "digest", detail: "part image does not have the digest the header gives", size: 214_322 },
    { code: "frame", detail: "not a CXF1 frame: seq: Invalid type: Expected number", size: 1_204 },
  ].map((refusal, i) =>
    v.parse(RefusalView, {
      n: 12 - i,
      device_id: stations[1]![0],
      topic: `crux/v1/d/${stations[1]![0]}/up/insp`,
      at: now - (3 + i * 14) * minute,
      inspection_id: null,
      ...refusal,
    }),
  )

export const makeStorage = (now: number): Storage =>
  v.parse(Storage, {
    total: 480e9,
    free: 41e9,
    level: "tight",
    marks: { tight: 48e9, low: 14e9, full: 64e6 },
    filling: 2.1e9,
    tight_in_ms: 0,
    evicted: { images: 18_240, bytes: 3.7e9, last_at: now - hour },
    waiting: 0,
  })

/** One station that waits for a person. */
export function makeEnrolmentRequests(now: number): EnrolmentRequest[] {
  return [
    {
      id: "019ab2f0-0000-7000-8000-000000000001",
      device: "line5-cam",
      name: "5라인 카메라",
      fingerprint: "7KQ4-M2XP",
      proof: "certificate",
      address: "192.168.0.51",
      asked_at: now - 40_000,
      expires_at: now + hour,
      replaces: false,
    },
  ]
}

export function makeSecurity(now: number): Security {
  return {
    ca: "3fa1".repeat(16),
    own_certificate: false,
    certificate_expires_at: now + 80 * 24 * hour,
    certificates: [
      {
        of: "station",
        device: stations[0]![0],
        name: stations[0]![1],
        expires_at: now + 6 * 24 * hour,
        within_days: 7,
      },
    ],
    plain: "loopback",
    connections: 4,
    turned_away: [
      { reason: "wrong_secret", count: 12, last_at: now - 3 * minute, last_from: "192.168.0.77" },
      { reason: "malformed", count: 2, last_at: now - hour, last_from: "192.168.0.80" },
    ],
  }
}

export function makeDevices(now: number): Device[] {
  return stations.map(([id, name], i) =>
    v.parse(Device, {
      id,
      name,
      enrolled_at: now - 40 * 24 * hour,
      presence: i === 3 ? "offline" : "online",
      proof: i === 0 ? "certificate" : "secret",
      ...(i === 0 && { certificate_expires_at: now + 6 * 24 * hour, certificate_within_days: 7 }),
      ...(i === 1 && { clock_offset_ms: -3 * hour }),
      ...(i === 2 && {
        clone: { at: now - 5 * minute, why: "returned", addresses: ["192.168.0.31", "192.168.0.44"] },
      }),
      seen_at: now - (i === 3 ? 7 * minute : 2_000),
      state: {
        v: 1,
        online: i !== 3,
        session: "abcdefgh12",
        sw: "0.1.0",
        ts: now,
      },
      reported: {
        v: 1,
        device: id,
        ts: now,
        rev_seen: 7,
        rev_applied: 7,
        activation:
          i === 0
            ? { state: "committed", since: now - 3 * minute }
            : i === 1
              ? { state: "probation", line: "main", release: 4, progress: 0.6, since: now - minute }
              : { state: "fetching", line: "main", release: 4, progress: 0.35, since: now - minute },
        slots: {
          current: {
            line: "main",
            release: i === 0 ? 4 : 3,
            manifest: digestOf(`manifest-${i}`),
            digest: digestOf(i === 0 ? "model-4" : "model-3"),
            since: now - hour,
          },
        },
        queue: { depth: i === 3 ? 214 : i, bytes: 20_000 * i, oldest_ms: i === 3 ? 7 * minute : 200 },
        shed: i === 3 ? { ok_image: 1_204, ok_row: 17 } : {},
        latency: { p50_ms: 21.4, p99_ms: 34.8 },
        counts: { inspected: 48_210 + i * 311, ok: 47_000, ng: 900, undecidable: 310 },
        surroundings: {
          camera:
            i === 3
              ? { state: "lost", since: now - 4 * minute, frames: 48_210, dropped: 12, why: "no answer" }
              : { state: "ok", since: now - hour, frames: 48_210, dropped: 0 },
          triggers: { received: 48_210, missed: i === 2 ? 31 : 0, refused: 0 },
          outputs: {
            modbus: {
              state: i === 2 ? "failing" : "ok",
              since: now - hour,
              sent: 48_000,
              failed: i === 2 ? 9 : 0,
            },
          },
        },
      },
      desired_rev: 8,
    }),
  )
}

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
    provenance: { recipe: "patch-bank", licence: "Apache-2.0" },
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

export function makeJobs(now: number): JobView[] {
  const dataset = {
    digest: digestOf("dataset"),
    train: 412,
    calib: 96,
    ok: 360,
    ng: 148,
    by_kind: { scratch: 41, dent: 32, stain: 28, chip: 12, crack: 9, burr: 15, rust: 11 },
  }
  const curve = Array.from({ length: 24 }, (_, i) => ({
    at: now - 40_000 + i * 1600,
    progress: i / 30,
    metrics: { oof_auroc: 0.99 - 0.4 * Math.exp(-i / 5) },
  }))
  const epochs = Array.from({ length: 40 }, (_, i) => ({
    at: now - 620_000 + i * 15_000,
    progress: i / 60,
    step: (i + 1) * 100,
    metrics: { loss: 0.08 + 0.9 * Math.exp(-i / 9), "val/auroc": 0.98 - 0.4 * Math.exp(-i / 7) },
  }))
  const base: Omit<JobView, "id" | "state" | "why" | "created_at" | "started_at" | "finished_at"> = {
    line: "main",
    dataset,
    error: null,
    created_by: "김민지",
    place: "hub",
    recipe: { id: "patch", version: 1, task: "anomaly", params: { side: 384, bank_rows: 1500 } },
    seed: 1,
    bundle: digestOf("bundle"),
    reproduces: null,
    trainer: null,
    attempts: [],
    checkpoint: null,
    progress: null,
    curve: [],
    figures: {},
    note: null,
    model: null,
    gate_pass: null,
  }
  const remote = {
    place: "trainer" as const,
    trainer: "gpu-1",
    recipe: {
      id: "torch.classify",
      version: 1,
      task: "classification",
      params: { epochs: 60, lr: 0.001, augment: true, backbone: "resnet18" },
    },
  }
  const jobs: JobView[] = [
    {
      ...base,
      ...remote,
      id: uuidv7(),
      state: "running",
      why: "manual",
      progress: {
        phase: "train",
        progress: 0.66,
        eta_s: 310,
        metrics: { loss: 0.091 },
        message: "epoch 40 of 60",
      },
      curve: epochs,
      figures: { loss: 0.091, "val/auroc": 0.977 },
      attempts: [
        {
          n: 1,
          trainer: "gpu-2",
          started_at: now - 1_500_000,
          ended_at: now - 700_000,
          end: "lost",
          detail: null,
        },
        { n: 2, trainer: "gpu-1", started_at: now - 640_000, ended_at: null, end: null, detail: null },
      ],
      checkpoint: { n: 3, step: 3900, at: now - 40_000 },
      created_at: now - 1_560_000,
      started_at: now - 1_500_000,
      finished_at: null,
    },
    {
      ...base,
      id: uuidv7(),
      state: "running",
      why: "new_kind",
      progress: { phase: "head", progress: 0.62, eta_s: 17, metrics: { oof_auroc: 0.97 } },
      curve,
      figures: { oof_auroc: 0.97 },
      created_at: now - 45_000,
      started_at: now - 40_000,
      finished_at: null,
    },
    {
      ...base,
      id: uuidv7(),
      state: "queued",
      why: "new_labels",
      created_at: now - 10_000,
      started_at: null,
      finished_at: null,
    },
    {
      ...base,
      ...remote,
      id: uuidv7(),
      state: "succeeded",
      why: "reproduce",
      reproduces: uuidv7(),
      note: "model.int8.onnx was not taken: the file ends in the middle of a field",
      figures: { loss: 0.062, "val/auroc": 0.984 },
      model: digestOf("model-4"),
      gate_pass: true,
      created_at: now - 5 * hour,
      started_at: now - 5 * hour,
      finished_at: now - 5 * hour + 960_000,
    },
    {
      ...base,
      id: uuidv7(),
      state: "succeeded",
      why: "manual",
      figures: { oof_auroc: 0.97, oof_escape: 0.012, oof_overkill: 0.021 },
      model: digestOf("model-3"),
      gate_pass: true,
      created_at: now - 26 * hour,
      started_at: now - 26 * hour,
      finished_at: now - 26 * hour + 52_000,
    },
    {
      ...base,
      id: uuidv7(),
      state: "failed",
      why: "manual",
      error: "no OK parts in the training split",
      created_at: now - 70 * hour,
      started_at: now - 70 * hour,
      finished_at: now - 70 * hour + 9_000,
    },
  ]
  return jobs.map((job) => v.parse(JobView, job))
}

export function makeTrainers(now: number): TrainerView[] {
  const recipes: TrainerView["said"] = {
    software: "crux-trainer 1.0.0",
    contract_versions: [1],
    gpus: [{ name: "NVIDIA RTX A4000", mem_gb: 16 }],
    cpus: 16,
    mem_gb: 64,
    labels: { hall: "2" },
    recipes: [torchRecipe],
  }
  const trainer = { created_at: now - 90 * hour, created_by: "김민지", revoked_at: null }
  return [
    {
      ...trainer,
      id: "gpu-1",
      name: "GPU 1",
      seen_at: now - 4_000,
      online: true,
      busy: [uuidv7()],
      said: recipes,
    },
    {
      ...trainer,
      id: "gpu-2",
      name: "GPU 2",
      seen_at: now - 2 * hour,
      online: false,
      busy: [],
      said: { ...recipes, gpus: [{ name: "NVIDIA T4", mem_gb: 15 }] },
    },
    { ...trainer, id: "lab", name: "연구실 PC", seen_at: null, online: false, busy: [], said: null },
  ].map((one) => v.parse(TrainerView, one))
}

const torchRecipe: Recipe = {
  id: "torch.classify",
  version: 1,
  task: "classification",
  title: { en: "Classification (PyTorch)", ko: "분류 (PyTorch)" },
  about: {
    en: "Tells kinds of defects apart by the whole picture.",
    ko: "사진 전체를 보고 불량 종류를 가립니다.",
  },
  params: [
    {
      key: "epochs",
      type: "int",
      default: 60,
      min: 1,
      max: 500,
      title: { en: "Rounds through the data", ko: "학습 횟수" },
    },
    {
      key: "lr",
      type: "number",
      default: 0.001,
      min: 0.000001,
      max: 1,
      title: { en: "Learning rate", ko: "학습률" },
    },
    { key: "augment", type: "bool", default: true, title: { en: "Vary the pictures", ko: "사진 변형" } },
    {
      key: "backbone",
      type: "choice",
      default: "resnet18",
      choices: ["resnet18", "mobilenet_v3"],
      title: { en: "Network", ko: "신경망" },
    },
  ],
}

export const makeRecipes = (): RecipeView[] =>
  recipesOf(makeTrainers(Date.now())).map((recipe) => v.parse(RecipeView, recipe))

export function makeRollouts(now: number): RolloutView[] {
  const states = ["committed", "probation", "fetching", "waiting"] as const
  const devices = (done: boolean) =>
    stations.map(([device], i) => ({
      device,
      group: i === 0 ? 0 : 1,
      state: done ? "committed" : states[i],
      progress: done || i === 0 || i === 3 ? null : i === 1 ? 0.6 : 0.35,
      reason: null,
      online: i !== 3,
      committed_at: done || i === 0 ? now - 3 * minute : null,
    }))
  const base = { line: "main", manifest: digestOf("manifest"), groups: 2, created_by: "김민지" }
  return [
    {
      ...base,
      id: uuidv7(),
      release: 4,
      model: digestOf("model-4"),
      state: "running",
      group: 1,
      devices: devices(false),
      halt_reason: null,
      created_at: now - 6 * minute,
      finished_at: null,
    },
    {
      ...base,
      id: uuidv7(),
      release: 3,
      model: digestOf("model-3"),
      state: "finished",
      group: 1,
      devices: devices(true),
      halt_reason: null,
      created_at: now - 25 * hour,
      finished_at: now - 25 * hour + 4 * minute,
    },
    {
      ...base,
      id: uuidv7(),
      release: 2,
      model: digestOf("model-2"),
      state: "halted",
      group: 0,
      devices: devices(true).map((d, i) => ({
        ...d,
        state: i === 0 ? "rolled_back" : "waiting",
        reason: i === 0 ? "ng_shift" : null,
      })),
      halt_reason: { device: "line1-cam", reason: "ng_shift" },
      created_at: now - 90 * hour,
      finished_at: now - 89 * hour,
    },
  ].map((rollout) => v.parse(RolloutView, rollout))
}

export function makeHome(waiting: number, now: number): HomeView {
  const loop = (over: object) =>
    v.parse(LoopView, {
      id: uuidv7(),
      kind: "crack",
      stage: "rollout",
      first_seen_at: now - 11 * minute - 42_000,
      first_labelled_at: now - 9 * minute,
      labels: 14,
      job_id: uuidv7(),
      model: digestOf("model-4"),
      rollout_id: uuidv7(),
      closed_at: null,
      loop_seconds: null,
      ...over,
    })
  return v.parse(HomeView, {
    loop: loop({}),
    last_closed: loop({ kind: "rust", stage: "closed", closed_at: now - 25 * hour, loop_seconds: 846 }),
    waiting,
    labelled_today: 213,
    stations: { online: 3, total: 4 },
    last_hour: { inspected: 3_184, ng: 71, undecidable: 24 },
    champion: { digest: digestOf("model-3"), release: 3, line: "main" },
  })
}

export function makeSeries(now: number): LiveSeries {
  const bucket = 10_000
  const start = Math.floor(now / bucket) * bucket - 179 * bucket
  return v.parse(LiveSeries, {
    bucket_ms: bucket,
    points: Array.from({ length: 180 }, (_, i) => {
      const drift = i > 60 && i < 140 ? 1 : 0
      const ng = Math.round(2 + Math.sin(i / 9) + drift)
      return {
        at: start + i * bucket,
        inspected: 40,
        ok: 36 - ng,
        ng,
        undecidable: Math.round(1 + drift * (2 + Math.sin(i / 3))),
        judged_ng: 2,
        escapes: i > 70 && i < 136 && i % 9 === 0 ? 1 : 0,
      }
    }),
  })
}

export function makeUsers(now: number): User[] {
  return [
    ["admin", "김민지", "admin"],
    ["worker1", "이영수", "worker"],
    ["qe1", "박서연", "reviewer"],
  ].map(([login, name, role]) =>
    v.parse(User, { id: uuidv7(), login, name, role, language: "ko", disabled: false, created_at: now }),
  )
}

export const makeTablets = (now: number, id: string): Tablet[] =>
  [
    { id, name: "3라인 검사대", seen_at: now - 20_000, revoked: false },
    { id: uuidv7(), name: "1라인 검사대", seen_at: now - 9 * 24 * hour, revoked: true },
  ].map((tablet) => v.parse(Tablet, { ...tablet, enrolled_at: now - 30 * 24 * hour, enrolled_by: "김민지" }))

export const makeSession = (user: User, now: number): Session =>
  v.parse(Session, { user, expires_at: now + 12 * hour })

/** One model that looks on, and one that has just been told to. */
export function makeShadows(now: number): ShadowView[] {
  const shadow = (device: string): ShadowView => ({
    device,
    line: "main",
    model: digestOf("model-5"),
    release: 5,
    champion: digestOf("model-4"),
    share: 1,
    assigned_at: now - hour,
    assigned_by: "Kim",
    state: "running",
    reason: null,
    skipped: 214,
    compared: 3_120,
    differed: 87,
    failed: 0,
    differences: [
      { champion: "ok", shadow: "ng", parts: 52 },
      { champion: "ng", shadow: "undecidable", parts: 35 },
    ],
  })
  return [
    shadow("line1-cam"),
    {
      ...shadow("line2-cam"),
      champion: null,
      share: 0.1,
      state: "waiting",
      reason: "line_busy",
      skipped: 0,
      compared: 0,
      differed: 0,
      differences: [],
    },
  ]
}

/** Parts of the stream as the hub would call them similar to one, some of them judged. */
export function makeSimilar(stream: readonly InspectionView[], id: string): SimilarParts {
  const items = stream
    .filter((inspection) => inspection.id !== id)
    .slice(0, 12)
    .map((inspection, i) => {
      const verdict = i % 3 === 0 ? ("ok" as const) : ("ng" as const)
      const label = {
        verdict,
        kinds: verdict === "ng" ? ["scratch"] : [],
        by: "Kim",
        at: inspection.received_at,
        revision: 1,
      }
      return { similarity: 0.98 - i * 0.03, inspection: i === 4 ? inspection : { ...inspection, label } }
    })
  const labels = items.flatMap(({ inspection }) => inspection.label ?? [])
  const count = (of: string) => labels.filter(({ verdict }) => verdict === of).length
  return {
    items,
    judged: { ok: count("ok"), ng: count("ng"), unsure: 0, kinds: [{ kind: "scratch", parts: count("ng") }] },
    searched: 48_211,
    waiting: 0,
  }
}

/** Help as it is measured after some weeks of use. */
export function makeHelp(now: number, empty = false): HelpReport {
  const rate = (n: number, share: number, spread: number) => ({
    n,
    share,
    low: Math.max(0, share - spread),
    high: Math.min(1, share + spread),
  })
  const none = { n: 0, share: 0, low: 0, high: 1 }
  const day = 86_400_000
  const today = now - (now % day)
  if (empty)
    return {
      since: now - 30 * day,
      blind_share: 0.05,
      time: { helped: { n: 0, median_ms: 0 }, blind: { n: 0, median_ms: 0 }, ratio: null },
      agreement: { helped: none, blind: none },
      tools: [],
      days: [],
    }
  return {
    since: now - 30 * day,
    blind_share: 0.05,
    time: {
      helped: { n: 4_102, median_ms: 1_830 },
      blind: { n: 221, median_ms: 2_740 },
      ratio: { value: 0.68, low: 0.63, high: 0.74 },
    },
    agreement: { helped: rate(4_102, 0.91, 0.009), blind: rate(221, 0.86, 0.046) },
    tools: [
      { tool: "champion", shown: 4_102, as_is: 3_204, changed: 529, taken: rate(4_102, 0.91, 0.009) },
      { tool: "teacher", shown: 612, as_is: 402, changed: 88, taken: rate(612, 0.8, 0.032) },
      { tool: "segment", shown: 233, as_is: 121, changed: 60, taken: rate(233, 0.777, 0.053) },
      { tool: "same_as_last", shown: 48, as_is: 31, changed: 2, taken: rate(48, 0.688, 0.13) },
    ],
    days: Array.from({ length: 14 }, (_, i) => ({
      day: today - (13 - i) * day,
      shown: 200 + 13 * i,
      taken: Math.round((200 + 13 * i) * (0.78 + 0.01 * i)),
    })),
  }
}

export function makeTeacher(models: readonly ModelView[]): TeacherView {
  const [champion, other] = [models.find((model) => model.champion) ?? models[0], models[1] ?? models[0]]
  const run = (role: "champion" | "teacher", digest: string) => ({
    role,
    model: digest,
    made: role === "teacher" ? 1_204 : 310,
    differed: role === "teacher" ? 37 : 12,
    failed: 0,
    waiting: role === "teacher" ? 820 : 0,
  })
  return {
    teacher: other?.digest ?? null,
    runs: [run("champion", champion?.digest ?? ""), run("teacher", other?.digest ?? "")],
    state: "working",
  }
}

export function makeSegmenters(at: number): SegmenterView[] {
  const ends = (sha: string, inputs: string[], outputs: string[]) => ({
    sha256: sha.repeat(64),
    inputs,
    outputs,
  })
  const pair = (name: string, n: string): SegmenterView => ({
    id: `0199a000-0000-7000-8000-00000000000${n}`,
    name,
    active: false,
    builtin: false,
    state: "unknown",
    layout: null,
    encoder: ends(n, ["bild [1,3,512,512]"], ["merkmale [1,64,32,32]"]),
    decoder: ends(`${Number(n) + 3}`, ["merkmale [1,64,32,32]", "orte [1,n,2]"], ["flaeche [1,1,128,128]"]),
    licence: null,
    created_at: at,
  })
  return [
    { ...pair("CRUX", "1"), builtin: true, active: true, state: "ready" },
    { ...pair("MobileSAM", "2"), state: "ready", licence: "Apache-2.0" },
    pair("Werkbank", "3"),
  ]
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

export const makeColleagues = (users: readonly User[]): Colleague[] =>
  users.map(({ id, name, role }) => ({ id, name, role }))

export function makeMentions(
  users: readonly User[],
  inspections: readonly InspectionView[],
  now: number,
): Mention[] {
  const [first, second] = users
  return inspections.slice(0, 1).map((inspection) =>
    v.parse(Mention, {
      comment: {
        id: "019ab2f0-0000-7000-8000-00000000000c",
        inspection_id: inspection.id,
        by: { id: second!.id, name: second!.name },
        text: "이 자국, 긁힘으로 볼까요?",
        mentions: [{ id: first!.id, name: first!.name }],
        at: now - 5 * minute,
      },
      inspection,
      seen: false,
    }),
  )
}

export const makeQueueView = (waiting: number): QueueView =>
  v.parse(QueueView, {
    policies: [
      {
        line: null,
        weights: {
          undecided: 1,
          disagreement: 0.9,
          uncertainty: 0.4,
          coverage: 0.5,
          rare: 0.3,
          audit: 0.8,
          ng: 0.3,
          second_look: 0.5,
          age: 0,
        },
        audit_share: 0.02,
        version: 2,
        by: "Kim",
        at: 0,
      },
    ],
    floors: { audit: 0.15, rare: 0.1 },
    lines: [{ line: "main", waiting }],
  })

export const makePreview = (inspections: readonly InspectionView[]): PreviewItem[] =>
  inspections.map((inspection) => {
    const undecided = inspection.verdict.eval === "undecidable"
    const shares = undecided
      ? [
          { part: "undecided", share: 1 },
          { part: "uncertainty", share: 0.4 },
        ]
      : [
          { part: "ng", share: 0.3 },
          { part: "uncertainty", share: 0.11 },
        ]
    return v.parse(PreviewItem, {
      inspection,
      reason: undecided ? "undecidable" : "ng",
      second_look: false,
      why: { value: shares.reduce((sum, { share }) => sum + share, 0), shares },
    })
  })
/** A blob of twelve corners around what was pointed at. */
export function makeOutline({ points, box }: Pointing): OutlineAnswer {
  const [first] = points
  const [x, y, w, h] = box ?? [(first?.x ?? 50) - 40, (first?.y ?? 50) - 40, 80, 80]
  const corners = Array.from({ length: 12 }, (_, i): [number, number] => {
    const angle = (i / 12) * 2 * Math.PI
    const r = i % 2 === 0 ? 0.5 : 0.42
    return [x + w / 2 + r * w * Math.cos(angle), y + h / 2 + r * h * Math.sin(angle)]
  })
  return {
    mask: null,
    polygon: { type: "polygon", points: corners },
    segmenter: "0199a000-0000-7000-8000-000000000001",
    ms: { encode: 0, decode: 12 },
  }
}

/** A teacher that sees a part differently than its station. */
export function makePrelabels(at: number): Prelabel[] {
  return [
    {
      role: "teacher",
      model: "7e".repeat(32),
      verdict: { eval: "ng", score: 0.83 },
      findings: [{ kind: "dent", score: 0.83, box: [40, 40, 90, 60] }],
      disagrees: true,
      made_at: at,
    },
  ]
}

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

export function makeProgramKeys(now: number): ProgramKey[] {
  return [
    { id: "3f0a9c12", kind: "refresh", created_at: now - 20 * 24 * hour, ends_at: now + 345 * 24 * hour },
    { id: "b81d44e0", kind: "legacy", created_at: now - 300 * 24 * hour, ends_at: null },
  ]
}

export const lsProjects: ProjectName[] = [
  { id: 1, title: "3라인 하우징", tasks: 1_240 },
  { id: 2, title: "Bracket, side view", tasks: 96 },
]

export function makeModelServers(): ModelServer[] {
  const server = { interactive: false, timeout_s: 100, tasks: 1_240 }
  return [
    {
      ...server,
      id: 1,
      url: "http://gpu.plant.local:9090",
      title: "YOLO of the pilot",
      project: { id: 1, title: "3라인 하우징" },
      prelabels: true,
      sign_in: "token",
      state: "connected",
      error: null,
      model_version: "pilot-7",
      labels: [
        { word: "scratch", kind: "scratch" },
        { word: "dent", kind: "dent" },
        { word: "Blob", kind: null },
      ],
      predicted: 812,
      run: { done: 352, of: 428, answered: 350, error: null, ended: false },
    },
    {
      ...server,
      id: 2,
      url: "http://10.20.0.8:9090",
      title: "",
      project: { id: 2, title: "Bracket, side view" },
      prelabels: false,
      sign_in: "none",
      state: "failed",
      error: "10.20.0.8:9090 cannot be reached",
      model_version: "",
      labels: [{ word: "dent", kind: "dent" }],
      tasks: 96,
      predicted: 16,
      run: { done: 16, of: 96, answered: 16, error: "10.20.0.8:9090 cannot be reached", ended: true },
    },
  ]
}

/** What it says of a part: what the station found. */
export function makeServerTrial(stream: readonly InspectionView[]): ModelServerTrial {
  const part = stream.find(({ image, findings }) => image && findings.some(({ box }) => box))
  return {
    part: part?.id ?? null,
    verdict: { eval: "ng", score: 0.87 },
    findings: part?.findings ?? [],
    model_version: "pilot-7",
    note: null,
    ms: 412,
  }
}

export function makeWebhooks(now: number): Webhook[] {
  const hook = { created_at: now - 9 * 24 * hour, active: true, due: 0, dead: 0 }
  return [
    {
      ...hook,
      id: 1,
      shape: "crux",
      url: "http://mes.plant.local/crux",
      events: ["label", "model"],
      dead: 2,
    },
    {
      ...hook,
      id: 2,
      shape: "label-studio",
      url: "http://10.20.0.8:9090/webhook",
      events: null,
      active: false,
      due: 14,
    },
  ]
}

export function makeDeliveries(now: number): WebhookDelivery[] {
  const one = { attempts: 1, next_at: null, last_status: 200, last_error: null }
  return [
    {
      ...one,
      id: "msg_1",
      event: "label",
      state: "due",
      created_at: now - minute,
      attempts: 3,
      next_at: now + 2 * minute,
      last_status: 503,
      last_error: "the listener answered 503",
    },
    { ...one, id: "msg_2", event: "model", state: "delivered", created_at: now - 4 * hour },
    {
      ...one,
      id: "msg_3",
      event: "label",
      state: "dead",
      created_at: now - 80 * hour,
      attempts: 28,
      last_status: null,
      last_error: "connect ECONNREFUSED 10.20.0.4:80",
    },
  ]
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
