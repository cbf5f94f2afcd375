import type { CertificateStep } from "#contract/security"

const day = 86_400_000
const steps: readonly CertificateStep[] = [0, 7, 30, 60]

/**
 * How urgent a certificate's end is; undefined while there is nothing to do. One that somebody renews by itself with
 * `renewedWithDays` left is none of people's business before it is a day late: then something is in the way.
 */
export function certificateStep(
  { expiresAt, renewedWithDays }: { expiresAt: number; renewedWithDays?: number | undefined },
  now: number,
): CertificateStep | undefined {
  const left = (expiresAt - now) / day
  if (renewedWithDays !== undefined && left > renewedWithDays - 1) return undefined
  return steps.find((days) => left <= days)
}

/** How loud that is for the station's list of events and the log. */
export const levelOf = (step: CertificateStep): "warn" | "alarm" => (step <= 7 ? "alarm" : "warn")
