import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { JobView } from "#contract/registry"
import { type Recipe, RecipeView, TrainerView } from "#contract/trainer"
import { recipesOf } from "../../../../hub/training/recipe.rules.ts"
import { digestOf, hour } from "./names.ts"

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
        gpu: { util: 0.93, mem_gb: 11.2 },
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
