import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { HomeView, LiveSeries, LoopView, RolloutView } from "#contract/rollout"
import { digestOf, hour, minute, stations } from "./names.ts"

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
