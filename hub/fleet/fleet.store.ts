import type { CloneAlarm, DeviceState, EnrolmentRequest } from "#contract/fleet"
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
  clone: CloneAlarm | undefined
  proof: "secret" | "certificate"
  certificateExpiresAt: number | undefined
}

/** A station that has shown a code and waits for a person. */
export type StoredRequest = {
  id: string
  device: string
  name: string
  csr: string | undefined
  fingerprint: string
  address: string
  askedAt: number
  expiresAt: number
  state: "waiting" | "approved" | "refused" | "collected"
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
  clone: string | null
  by_certificate: number
  certificate_expires_at: number | null
}

type RequestRow = {
  id: string
  device_id: string
  name: string
  csr: string | null
  fingerprint: string
  address: string
  asked_at: number
  expires_at: number
  state: StoredRequest["state"]
}

const columns = `id, name, enrolled_at, revoked_at, seen_at, state, reported, reported_at, desired_rev, clone,
  secret_hash = '' AS by_certificate,
  (SELECT max(expires_at) FROM device_certificate AS c WHERE c.device_id = device.id AND c.ended_at IS NULL)
    AS certificate_expires_at`
const requestColumns = "id, device_id, name, csr, fingerprint, address, asked_at, expires_at, state"

/** Every SQL statement on devices, their certificates, enrolment codes and requests. */
export function createFleetStore({ sqlite }: { sqlite: Sqlite }) {
  const selectAll = sqlite.prepare<Row>(`SELECT ${columns} FROM device WHERE kind = 'station' ORDER BY id`)
  const selectOne = sqlite.prepare<Row>(`SELECT ${columns} FROM device WHERE id = $id AND kind = 'station'`)
  const selectSecret = sqlite.prepare<{ secret_hash: string }>(
    `SELECT secret_hash FROM device
     WHERE id = $id AND kind = 'station' AND revoked_at IS NULL AND secret_hash <> ''`,
  )
  const selectInService = sqlite.prepare<{ id: string }>(
    "SELECT id FROM device WHERE id = $id AND kind = 'station' AND revoked_at IS NULL",
  )
  // A box that replaces another under the same name keeps its history and its revision counter.
  const upsertDevice = sqlite.prepare(
    `INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ($id, $name, $at, $hash)
     ON CONFLICT DO UPDATE SET name = $name, enrolled_at = $at, secret_hash = $hash, revoked_at = NULL,
       state = NULL, reported = NULL, reported_at = NULL, clone = NULL`,
  )
  const selectKind = sqlite.prepare<{ kind: "station" | "source" }>("SELECT kind FROM device WHERE id = $id")
  const insertSource = sqlite.prepare(
    "INSERT INTO device (id, name, enrolled_at, secret_hash, kind) VALUES ($id, $name, $at, '', 'source')",
  )
  const renameSource = sqlite.prepare("UPDATE device SET name = $name WHERE id = $id AND kind = 'source'")
  const revoke = sqlite.prepare(
    "UPDATE device SET revoked_at = $at WHERE id = $id AND kind = 'station' AND revoked_at IS NULL",
  )
  const upsertEntry = sqlite.prepare(
    `INSERT INTO broker_credential (device_id, entry) VALUES ($id, $entry)
     ON CONFLICT DO UPDATE SET entry = $entry`,
  )
  const deleteEntry = sqlite.prepare("DELETE FROM broker_credential WHERE device_id = $device")
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
    `INSERT INTO enrolment_code (code_hash, device_id, name, created_by, expires_at, pre_approved)
     VALUES ($hash, $device, $name, $by, $expires, $preApproved)`,
  )
  const useCode = sqlite.prepare<{ name: string; pre_approved: number }>(
    `UPDATE enrolment_code SET used_at = $at
     WHERE code_hash = $hash AND device_id = $device AND used_at IS NULL AND expires_at > $at
     RETURNING name, pre_approved`,
  )
  const setClone = sqlite.prepare("UPDATE device SET clone = $clone WHERE id = $id AND clone IS NULL")
  const clearClone = sqlite.prepare("UPDATE device SET clone = NULL WHERE id = $id AND clone IS NOT NULL")
  const insertCertificate = sqlite.prepare(
    `INSERT INTO device_certificate (fingerprint, device_id, issued_at, expires_at, serial)
     VALUES ($fingerprint, $device, $at, $expires, $serial)`,
  )
  const selectEnded = sqlite.prepare<{ serial: string; at: number }>(
    `SELECT serial, ended_at AS at FROM device_certificate
     WHERE ended_at IS NOT NULL AND expires_at > $now AND serial <> '' ORDER BY serial`,
  )
  const selectCertificate = sqlite.prepare<{ device_id: string }>(
    `SELECT device_id FROM device_certificate AS c JOIN device AS d ON d.id = c.device_id
     WHERE c.fingerprint = $fingerprint AND c.ended_at IS NULL AND d.revoked_at IS NULL`,
  )
  const endCertificates = sqlite.prepare(
    `UPDATE device_certificate SET ended_at = $at
     WHERE device_id = $device AND ended_at IS NULL AND fingerprint <> $except`,
  )
  // By the order they were made in, not by a clock that may have been set.
  const endOlder = sqlite.prepare(
    `UPDATE device_certificate SET ended_at = $at WHERE device_id = $device AND ended_at IS NULL
       AND rowid < (SELECT rowid FROM device_certificate WHERE fingerprint = $than)`,
  )
  const insertRequest = sqlite.prepare(
    `INSERT INTO enrolment_request (id, token_hash, device_id, name, csr, fingerprint, address, asked_at, expires_at)
     VALUES ($id, $tokenHash, $device, $name, $csr, $fingerprint, $address, $at, $expires)`,
  )
  const selectRequests = sqlite.prepare<RequestRow>(
    `SELECT ${requestColumns} FROM enrolment_request WHERE state = 'waiting' AND expires_at > $now ORDER BY asked_at`,
  )
  const selectRequest = sqlite.prepare<RequestRow>(
    `SELECT ${requestColumns} FROM enrolment_request WHERE token_hash = $tokenHash AND expires_at > $now`,
  )
  const decideRequest = sqlite.prepare<{ device_id: string; fingerprint: string }>(
    `UPDATE enrolment_request SET state = $state, decided_by = $by
     WHERE id = $id AND state = 'waiting' AND expires_at > $now RETURNING device_id, fingerprint`,
  )
  const collectRequest = sqlite.prepare(
    "UPDATE enrolment_request SET state = 'collected' WHERE id = $id AND state = 'approved'",
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
    isInService: (id: string): boolean => selectInService.get({ id }) !== undefined,
    enrol: (device: { id: string; name: string; at: number; hash: string }): void => {
      upsertDevice.run(device)
    },
    /** Who has this name: a station, in service or not, or a camera of another maker. */
    kindOf: (id: string): "station" | "source" | undefined => selectKind.get({ id })?.kind,
    insertSource: (source: { id: string; name: string; at: number }): void => {
      insertSource.run(source)
    },
    renameSource: (id: string, name: string): void => {
      renameSource.run({ id, name })
    },
    /** The device's secret as the broker's password file has it. */
    setBrokerEntry: (id: string, entry: string): void => {
      upsertEntry.run({ id, entry })
    },
    /** It proves itself by a certificate from now on: an older secret must not let it in anywhere. */
    clearBrokerEntry: (device: string): void => {
      deleteEntry.run({ device })
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
    insertCode: (code: {
      hash: string
      device: string
      name: string
      by: string
      expires: number
      preApproved: boolean
    }): void => {
      insertCode.run({ ...code, preApproved: code.preApproved ? 1 : 0 })
    },
    /** Uses a code up; undefined when the code is unknown, used, expired or another device's. */
    useCode: (
      hash: string,
      device: string,
      at: number,
    ): { name: string; preApproved: boolean } | undefined => {
      const used = useCode.get({ hash, device, at })
      return used && { name: used.name, preApproved: used.pre_approved === 1 }
    },
    /** False when an alarm stands already. */
    setClone: (id: string, clone: CloneAlarm): boolean =>
      setClone.run({ id, clone: JSON.stringify(clone) }).changes > 0,
    /** False when there was no alarm. */
    clearClone: (id: string): boolean => clearClone.run({ id }).changes > 0,
    insertCertificate: (certificate: {
      fingerprint: string
      device: string
      at: number
      expires: number
      serial: string
    }): void => {
      insertCertificate.run(certificate)
    },
    /** Certificates that are worth nothing any more although their time has not come. */
    endedCertificates: (now: number): { serial: string; at: number }[] => selectEnded.all({ now }),
    /** Whose certificate this is; undefined when it has ended, or its device is out of service. */
    certificateOf: (fingerprint: string): string | undefined =>
      selectCertificate.get({ fingerprint })?.device_id,
    /** Ends a device's certificates, all `except` one; how many. */
    endCertificates: (device: string, at: number, except = ""): number =>
      endCertificates.run({ device, at, except }).changes,
    /** Ends those of a device that were made before one of them. */
    endOlderCertificates: (device: string, at: number, than: string): void => {
      endOlder.run({ device, at, than })
    },
    insertRequest: (request: {
      id: string
      tokenHash: string
      device: string
      name: string
      csr: string | null
      fingerprint: string
      address: string
      at: number
      expires: number
    }): void => {
      insertRequest.run(request)
    },
    /** What waits for a person now, oldest first. */
    waitingRequests: (now: number): StoredRequest[] => selectRequests.all({ now }).map(requestOf),
    /** The request of whoever holds the token, unless it has expired. */
    request: (tokenHash: string, now: number): StoredRequest | undefined => {
      const row = selectRequest.get({ tokenHash, now })
      return row && requestOf(row)
    },
    /** Undefined when it does not wait any more. */
    decide: (
      id: string,
      state: "approved" | "refused",
      by: string,
      now: number,
    ): Pick<EnrolmentRequest, "device" | "fingerprint"> | undefined => {
      const row = decideRequest.get({ id, state, by, now })
      return row && { device: row.device_id, fingerprint: row.fingerprint }
    },
    /** False when it is not approved, or has been collected. */
    collect: (id: string): boolean => collectRequest.run({ id }).changes > 0,
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
    clone: row.clone === null ? undefined : (JSON.parse(row.clone) as CloneAlarm),
    proof: row.by_certificate === 1 ? "certificate" : "secret",
    certificateExpiresAt: row.certificate_expires_at ?? undefined,
  }
}

function requestOf(row: RequestRow): StoredRequest {
  return {
    id: row.id,
    device: row.device_id,
    name: row.name,
    csr: row.csr ?? undefined,
    fingerprint: row.fingerprint,
    address: row.address,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    state: row.state,
  }
}
