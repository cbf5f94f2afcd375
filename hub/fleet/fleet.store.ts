import type { DeviceState } from "#contract/fleet"
import type { Reported } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"
import type { Sqlite } from "#platform/sqlite"

/** A device as stored; presence is decided by the service, which knows who is connected. */
export type StoredDevice = {
  id: string
  name: string
  enrolledAt: number
  revokedAt: number | undefined
  seenAt: number | undefined
  state: DeviceState | undefined
  reported: Reported | undefined
  reportedAt: number | undefined
  desiredRev: number
}

type Row = {
  id: string
  name: string
  enrolled_at: number
  revoked_at: number | null
  seen_at: number | null
  state: string | null
  reported: string | null
  reported_at: number | null
  desired_rev: number
}

const columns = "id, name, enrolled_at, revoked_at, seen_at, state, reported, reported_at, desired_rev"

/** Every SQL statement on devices and enrolment codes. */
export function createFleetStore({ sqlite }: { sqlite: Sqlite }) {
  const selectAll = sqlite.prepare<Row>(`SELECT ${columns} FROM device WHERE kind = 'station' ORDER BY id`)
  const selectOne = sqlite.prepare<Row>(`SELECT ${columns} FROM device WHERE id = $id AND kind = 'station'`)
  const selectSecret = sqlite.prepare<{ secret_hash: string }>(
    "SELECT secret_hash FROM device WHERE id = $id AND kind = 'station' AND revoked_at IS NULL",
  )
  // A box that replaces another under the same name keeps its history and its revision counter.
  const upsertDevice = sqlite.prepare(
    `INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ($id, $name, $at, $hash)
     ON CONFLICT DO UPDATE SET name = $name, enrolled_at = $at, secret_hash = $hash, revoked_at = NULL,
       state = NULL, reported = NULL, reported_at = NULL`,
  )
  const selectKind = sqlite.prepare<{ kind: "station" | "source" }>("SELECT kind FROM device WHERE id = $id")
  const insertSource = sqlite.prepare(
    "INSERT INTO device (id, name, enrolled_at, secret_hash, kind) VALUES ($id, $name, $at, '', 'source')",
  )
  const revoke = sqlite.prepare(
    "UPDATE device SET revoked_at = $at WHERE id = $id AND kind = 'station' AND revoked_at IS NULL",
  )
  const upsertEntry = sqlite.prepare(
    `INSERT INTO broker_credential (device_id, entry) VALUES ($id, $entry)
     ON CONFLICT DO UPDATE SET entry = $entry`,
  )
  const selectEntries = sqlite.prepare<{ id: string; entry: string | null }>(
    `SELECT id, CASE WHEN revoked_at IS NULL THEN entry END AS entry
     FROM device LEFT JOIN broker_credential ON device_id = id ORDER BY id`,
  )
  const updateState = sqlite.prepare("UPDATE device SET state = $state, seen_at = $at WHERE id = $id")
  const updateReported = sqlite.prepare(
    "UPDATE device SET reported = $reported, reported_at = $at, seen_at = $at WHERE id = $id",
  )
  const updateSeen = sqlite.prepare("UPDATE device SET seen_at = $at WHERE id = $id")
  const updateDesired = sqlite.prepare(
    "UPDATE device SET desired_rev = $rev, desired = $envelope WHERE id = $id",
  )
  const selectDesired = sqlite.prepare<{ id: string; desired: string }>(
    "SELECT id, desired FROM device WHERE desired IS NOT NULL AND revoked_at IS NULL",
  )
  const selectOneDesired = sqlite.prepare<{ desired: string }>(
    "SELECT desired FROM device WHERE id = $id AND desired IS NOT NULL AND revoked_at IS NULL",
  )
  const insertCode = sqlite.prepare(
    `INSERT INTO enrolment_code (code_hash, device_id, name, created_by, expires_at)
     VALUES ($hash, $device, $name, $by, $expires)`,
  )
  const useCode = sqlite.prepare<{ name: string }>(
    `UPDATE enrolment_code SET used_at = $at
     WHERE code_hash = $hash AND device_id = $device AND used_at IS NULL AND expires_at > $at RETURNING name`,
  )
  const insertEvent = sqlite.prepare(
    "INSERT INTO device_event (device_id, received_at, event) VALUES ($id, $at, $event)",
  )
  const trimEvents = sqlite.prepare(
    `DELETE FROM device_event WHERE device_id = $id AND n <= (
       SELECT n FROM device_event WHERE device_id = $id ORDER BY n DESC LIMIT 1 OFFSET $keep)`,
  )
  const selectEvents = sqlite.prepare<{ received_at: number; event: string }>(
    "SELECT received_at, event FROM device_event WHERE device_id = $id ORDER BY n DESC LIMIT $limit",
  )

  return {
    all: (): StoredDevice[] => selectAll.all().map(deviceOf),
    get: (id: string): StoredDevice | undefined => {
      const row = selectOne.get({ id })
      return row && deviceOf(row)
    },
    /** SHA-256 (hex) of the device's secret; undefined for unknown and revoked devices. */
    secretHash: (id: string): string | undefined => selectSecret.get({ id })?.secret_hash,
    enrol: (device: { id: string; name: string; at: number; hash: string }): void => {
      upsertDevice.run(device)
    },
    /** Who has this name: a station, in service or not, or a camera of another maker. */
    kindOf: (id: string): "station" | "source" | undefined => selectKind.get({ id })?.kind,
    insertSource: (source: { id: string; name: string; at: number }): void => {
      insertSource.run(source)
    },
    /** The device's secret as the broker's password file has it. */
    setBrokerEntry: (id: string, entry: string): void => {
      upsertEntry.run({ id, entry })
    },
    /** Every device, with its line of the broker's password file while it is in service. */
    brokerEntries: (): { id: string; entry: string | null }[] => selectEntries.all(),
    /** False when there is no such device in service. */
    revoke: (id: string, at: number): boolean => revoke.run({ id, at }).changes > 0,
    setState: (id: string, state: DeviceState, at: number): void => {
      updateState.run({ id, state: JSON.stringify(state), at })
    },
    setReported: (id: string, reported: Reported, at: number): void => {
      updateReported.run({ id, reported: JSON.stringify(reported), at })
    },
    setSeen: (id: string, at: number): void => {
      updateSeen.run({ id, at })
    },
    setDesired: (id: string, rev: number, envelope: string): void => {
      updateDesired.run({ id, rev, envelope })
    },
    /** The signed wish of every device in service that has one, as its envelope's JSON. */
    desired: (): { id: string; desired: string }[] => selectDesired.all(),
    desiredOf: (id: string): string | undefined => selectOneDesired.get({ id })?.desired,
    insertCode: (code: { hash: string; device: string; name: string; by: string; expires: number }): void => {
      insertCode.run(code)
    },
    /** Uses a code up; the device's name, or undefined when the code is unknown, used, expired or another device's. */
    useCode: (hash: string, device: string, at: number): string | undefined =>
      useCode.get({ hash, device, at })?.name,
    /** Appends an event; only the newest `keep` of a device stay. */
    insertEvent: (id: string, event: DeviceEvent, at: number, keep: number): void => {
      insertEvent.run({ id, at, event: JSON.stringify(event) })
      trimEvents.run({ id, keep })
    },
    /** Newest first. */
    events: (id: string, limit: number): { receivedAt: number; event: DeviceEvent }[] =>
      selectEvents
        .all({ id, limit })
        .map((row) => ({ receivedAt: row.received_at, event: JSON.parse(row.event) as DeviceEvent })),
  }
}
export type FleetStore = ReturnType<typeof createFleetStore>

function deviceOf(row: Row): StoredDevice {
  return {
    id: row.id,
    name: row.name,
    enrolledAt: row.enrolled_at,
    revokedAt: row.revoked_at ?? undefined,
    seenAt: row.seen_at ?? undefined,
    state: row.state === null ? undefined : (JSON.parse(row.state) as DeviceState),
    reported: row.reported === null ? undefined : (JSON.parse(row.reported) as Reported),
    reportedAt: row.reported_at ?? undefined,
    desiredRev: row.desired_rev,
  }
}
