import * as v from "valibot"
import { Device, type EnrolmentRequest } from "#contract/fleet"
import type { Security } from "#contract/security"
import type { ShadowView } from "#contract/shadow"
import { digestOf, hour, minute, stations } from "./names.ts"

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
