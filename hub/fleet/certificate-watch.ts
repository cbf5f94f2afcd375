import type { CertificateAlarm, CertificateStep } from "#contract/security"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import { certificateStep, levelOf } from "./certificate.rules.ts"
import type { Fleet } from "./fleet.service.ts"

/** The certificates of the hub's own doors. */
export type DoorCertificate = {
  of: Exclude<CertificateAlarm["of"], "station">
  expiresAt: number
  /** Days left at which the hub renews it by itself. */
  renewedWithDays?: number | undefined
}

/**
 * Tells people of certificates before they end: 60, 30 and 7 days before, and when they have. What renews itself is
 * told only when it should have been renewed and was not. Each step is told once, and again after a restart.
 */
export function createCertificateWatch({
  doors,
  fleet,
  clock,
  events,
  log,
}: {
  doors: () => readonly DoorCertificate[]
  fleet: Pick<Fleet, "list" | "onEvent">
  clock: Clock
  events: Events
  log: Log
}) {
  const told = new Map<string, CertificateStep>()

  const alarms = (): CertificateAlarm[] => {
    const now = clock.now()
    const found = doors().flatMap((door): CertificateAlarm[] => {
      const step = certificateStep(door, now)
      return step === undefined ? [] : [{ of: door.of, expires_at: door.expiresAt, within_days: step }]
    })
    for (const { id, name, certificate_expires_at: expires_at, certificate_within_days } of fleet.list())
      if (expires_at !== undefined && certificate_within_days !== undefined)
        found.push({ of: "station", device: id, name, expires_at, within_days: certificate_within_days })
    return found.sort((a, b) => a.expires_at - b.expires_at)
  }

  return {
    alarms,
    /** Looks at all of them. Call it every hour. */
    look: async (): Promise<void> => {
      const now = alarms()
      const keyOf = ({ of, device = "" }: CertificateAlarm) => `${of} ${device}`
      const standing = new Set(now.map(keyOf))
      for (const key of told.keys()) if (!standing.has(key)) told.delete(key)
      for (const alarm of now) {
        const step = alarm.within_days
        if ((told.get(keyOf(alarm)) ?? Number.POSITIVE_INFINITY) <= step) continue
        told.set(keyOf(alarm), step)
        const { of, device, expires_at } = alarm
        log.warn("certificate_expires", { of, device, days: step, at: new Date(expires_at).toISOString() })
        const detail = { within_days: step, expires_at }
        if (device === undefined) events.announce("device", { certificate: of })
        else
          await fleet.onEvent(device, {
            v: 1,
            ts: clock.now(),
            kind: "certificate_expires",
            level: levelOf(step),
            detail,
          })
      }
    },
  }
}
