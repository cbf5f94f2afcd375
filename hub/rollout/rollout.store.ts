import * as v from "valibot"
import { Probation } from "#contract/release"
import { type RolloutDevice, RolloutState } from "#contract/rollout"
import type { Sqlite } from "#platform/sqlite"
import type { Progress, RolloutFacts, Tracked } from "./rollout.rules.ts"

export type Rollout = Omit<RolloutFacts, "devices"> & {
  id: string
  line: string
  release: number
  model: string
  probation: Probation
  halt: { device: string; reason: string } | null
  createdAt: number
  finishedAt: number | null
  createdBy: string
  devices: (Tracked & { progress: number | null; reason: string | null; before: string | null })[]
}

type Row = {
  id: string
  line: string
  release: number
  model: string
  manifest: string
  state: string
  current_group: number
  everyone: number
  probation: string
  halt_device: string | null
  halt_reason: string | null
  created_at: number
  finished_at: number | null
  created_by: string
}
type DeviceRow = {
  device: string
  device_group: number
  rev: number | null
  before_manifest: string | null
  state: RolloutDevice["state"]
  progress: number | null
  reason: string | null
  committed_at: number | null
}

const ProbationText = v.pipe(v.string(), v.parseJson(), Probation)

/** The only SQL of rollouts and of what stations are told to run. */
export function createRolloutStore(db: Sqlite) {
  const insert = db.prepare(`
    INSERT INTO rollout (id, line, release, model, manifest, state, everyone, probation, created_at, created_by)
    VALUES ($id, $line, $release, $model, $manifest, 'running', $everyone, $probation, $at, $by)`)
  const one = db.prepare<Row>("SELECT * FROM rollout WHERE id = $id")
  const newest = db.prepare<Row>("SELECT * FROM rollout ORDER BY created_at DESC, id DESC LIMIT $limit")
  const active = db.prepare<Row>("SELECT * FROM rollout WHERE state IN ('running', 'paused') ORDER BY line")
  const champion = db.prepare<{ model: string; probation: string }>(`
    SELECT model, probation FROM rollout WHERE line = $line AND state = 'finished' AND id <> $except
    ORDER BY finished_at DESC, id DESC LIMIT 1`)
  const supersede = db.prepare(
    "UPDATE rollout SET state = 'superseded', finished_at = $at WHERE line = $line AND state IN ('running', 'paused')",
  )
  const setState = db.prepare(
    "UPDATE rollout SET state = $state, finished_at = coalesce($at, finished_at) WHERE id = $id",
  )
  const setGroup = db.prepare("UPDATE rollout SET current_group = $group WHERE id = $id")
  const halt = db.prepare(`
    UPDATE rollout SET state = 'halted', halt_device = $device, halt_reason = $reason, finished_at = $at
    WHERE id = $id`)
  const addDevice = db.prepare(`
    INSERT INTO rollout_device (rollout, device, device_group, before_manifest, state)
    VALUES ($rollout, $device, $group, $before, 'waiting') ON CONFLICT DO NOTHING`)
  const devices = db.prepare<DeviceRow>(
    "SELECT * FROM rollout_device WHERE rollout = $rollout ORDER BY device_group, device",
  )
  const asked = db.prepare(
    "UPDATE rollout_device SET rev = $rev, state = 'idle' WHERE rollout = $rollout AND device = $device",
  )
  const observe = db.prepare(`
    UPDATE rollout_device
    SET state = $state, progress = $progress, reason = $reason, committed_at = coalesce(committed_at, $committed)
    WHERE rollout = $rollout AND device = $device`)
  const want = db.prepare(`
    INSERT INTO wanted_line (device, line, manifest, probation) VALUES ($device, $line, $manifest, $probation)
    ON CONFLICT DO UPDATE SET manifest = $manifest, probation = $probation`)
  const wanted = db.prepare<{ line: string; manifest: string; probation: string }>(
    "SELECT line, manifest, probation FROM wanted_line WHERE device = $device ORDER BY line",
  )
  const told = db.prepare<{ device: string; manifest: string }>(
    "SELECT device, manifest FROM wanted_line WHERE line = $line",
  )
  const floors = db.prepare<{ line: string; floor: number }>("SELECT line, floor FROM line_floor")

  const rolloutOf = (row: Row | undefined): Rollout | undefined =>
    row && {
      id: row.id,
      line: row.line,
      release: row.release,
      model: row.model,
      manifest: row.manifest,
      state: v.parse(RolloutState, row.state),
      group: row.current_group,
      everyone: row.everyone === 1,
      probation: v.parse(ProbationText, row.probation),
      halt: row.halt_device === null ? null : { device: row.halt_device, reason: row.halt_reason! },
      createdAt: row.created_at,
      finishedAt: row.finished_at,
      createdBy: row.created_by,
      devices: devices.all({ rollout: row.id }).map((d) => ({
        device: d.device,
        group: d.device_group,
        rev: d.rev,
        state: d.state,
        progress: d.progress,
        reason: d.reason,
        before: d.before_manifest,
        committedAt: d.committed_at,
      })),
    }
  const all = (rows: Row[]) => rows.flatMap((row) => rolloutOf(row) ?? [])

  return {
    insert: (
      r: Pick<Rollout, "id" | "line" | "release" | "model" | "manifest" | "everyone" | "probation"> & {
        at: number
        by: string
      },
    ): void =>
      void insert.run({ ...r, everyone: Number(r.everyone), probation: JSON.stringify(r.probation) }),
    get: (id: string): Rollout | undefined => rolloutOf(one.get({ id })),
    newest: (limit: number): Rollout[] => all(newest.all({ limit })),
    active: (): Rollout[] => all(active.all()),
    /** Model of the newest finished rollout of a line, of those that are not `except`. */
    champion(line: string, except = ""): { model: string; probation: Probation } | undefined {
      const row = champion.get({ line, except })
      return row && { model: row.model, probation: v.parse(ProbationText, row.probation) }
    },
    supersede: (line: string, at: number): void => void supersede.run({ line, at }),
    setState: (id: string, state: RolloutState, finishedAt: number | null): void =>
      void setState.run({ id, state, at: finishedAt }),
    setGroup: (id: string, group: number): void => void setGroup.run({ id, group }),
    halt: (id: string, why: { device: string; reason: string }, at: number): void =>
      void halt.run({ id, ...why, at }),
    addDevice: (rollout: string, d: { device: string; group: number; before: string | null }): void =>
      void addDevice.run({ rollout, ...d }),
    asked: (rollout: string, device: string, rev: number): void => void asked.run({ rollout, device, rev }),
    observe: (rollout: string, d: Progress & { device: string }, committedAt: number | null): void =>
      void observe.run({
        rollout,
        device: d.device,
        state: d.state,
        progress: d.progress,
        reason: d.reason,
        committed: committedAt,
      }),
    want: (device: string, line: string, manifest: string, probation: Probation): void =>
      void want.run({ device, line, manifest, probation: JSON.stringify(probation) }),
    wanted: (device: string): { line: string; manifest: string; probation: Probation }[] =>
      wanted.all({ device }).map((w) => ({ ...w, probation: v.parse(ProbationText, w.probation) })),
    /** Manifest every station is told to run on a line, by station. */
    told: (line: string): Map<string, string> =>
      new Map(told.all({ line }).map((w) => [w.device, w.manifest])),
    /** Lowest release per line that may still be run; lines without an entry have none. */
    floors: (): Map<string, number> => new Map(floors.all().map((f) => [f.line, f.floor])),
  }
}
