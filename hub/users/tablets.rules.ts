import type { TabletSettings } from "#contract/tablets"
import { type Role, roles } from "#contract/users"

/** Wrong PINs in a row, on all tablets together, after which a person's PIN is worth nothing until somebody helps. */
export const triesUntilLocked = 10

export const usualTabletSettings: TabletSettings = { idle_lock_minutes: 3, pin_up_to: "worker" }

const rank = (role: Role) => roles.indexOf(role)

/** Whether people of this role may sign in with a PIN. Never an admin: four digits are not enough for that. */
export const mayUsePin = (role: Role, { pin_up_to }: TabletSettings): boolean => rank(role) <= rank(pin_up_to)

/**
 * Whether somebody may set the PIN or badge of a person, and so could sign in as that person: of lower roles, and one's
 * own; an admin anybody's.
 */
export const mayGiveAccess = (by: { id: string; role: Role }, to: { id: string; role: Role }): boolean =>
  by.role === "admin" || by.id === to.id || rank(to.role) < rank(by.role)

/** What thumbs find first, and what Korean phones are full of. */
const common = [
  "1004",
  "1212",
  "2580",
  "8282",
  "1818",
  "6969",
  "112233",
  "121212",
  "123123",
  "147258",
  "159753",
]

/** Why a PIN is refused, or null. */
export function pinWeakness(pin: string): "repeats" | "row" | "common" | null {
  const digits = [...pin].map(Number)
  if (new Set(digits).size === 1) return "repeats"
  const step = digits[1]! - digits[0]!
  const steady = digits.every(
    (digit, i) => i === 0 || (digit - digits[i - 1]! + 10) % 10 === (step + 10) % 10,
  )
  if (steady && Math.abs(step) === 1) return "row"
  return common.includes(pin) ? "common" : null
}

/** A badge as it counts: readers differ in case and in what they type around the code. */
export const normalizeBadge = (typed: string): string => typed.toUpperCase().replaceAll(/[^0-9A-Z]/g, "")
