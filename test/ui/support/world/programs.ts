import type { ModelServer, ModelServerTrial, ProgramKey, ProjectName } from "#contract/label-studio"
import type { InspectionView } from "#contract/labelling"
import type { Webhook, WebhookDelivery } from "#contract/webhook"
import { hour, minute } from "./names.ts"

export function makeProgramKeys(now: number): ProgramKey[] {
  return [
    {
      id: "3f0a9c12",
      kind: "refresh",
      scope: "label",
      created_at: now - 20 * 24 * hour,
      ends_at: now + 345 * 24 * hour,
      used_at: now - hour,
    },
    {
      id: "b81d44e0",
      kind: "legacy",
      scope: "full",
      created_at: now - 300 * 24 * hour,
      ends_at: null,
      used_at: null,
    },
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
