import type { Role } from "#contract/users"

const minute = 60_000
const hour = 60 * minute

/**
 * How long a session lives without use, and at most. A line tablet must survive a shift with its breaks; an admin's
 * browser left open must not. (IEC 62443-4-2 CR 2.5, ASVS 5.0 §7.3.)
 */
export const sessionLimits: Readonly<Record<Role, { idle: number; absolute: number }>> = {
  worker: { idle: 10 * hour, absolute: 14 * hour },
  reviewer: { idle: 4 * hour, absolute: 14 * hour },
  engineer: { idle: 2 * hour, absolute: 12 * hour },
  admin: { idle: 1 * hour, absolute: 8 * hour },
}

/** When a session ends if nothing more happens. */
export function sessionEnd(
  role: Role,
  times: { created_at: number; seen_at: number; ends_at: number },
): number {
  const { idle, absolute } = sessionLimits[role]
  return Math.min(times.seen_at + idle, times.created_at + absolute, times.ends_at)
}

/** Clocks are put right by seconds all the time. */
const clockSlackMs = 5 * minute

/**
 * Whether a session is open now. One that was opened in what is now the future was opened under a wrong clock: it has
 * ended, or it would be open until that future comes.
 */
export function isSessionOpen(
  role: Role,
  times: { created_at: number; seen_at: number; ends_at: number },
  now: number,
): boolean {
  return now >= times.created_at - clockSlackMs && now < sessionEnd(role, times)
}

export type Failures = { failures: number; last_at: number }

/** Free tries, then a wait that doubles from 15 s to 15 min. A day without a failure forgets. */
const FREE_TRIES = 5
const FIRST_WAIT = 15_000
const LONGEST_WAIT = 15 * minute
const FORGET_AFTER = 24 * hour

/** Milliseconds until the next try is taken; 0 when it is taken now. `free` is the number of unpunished failures. */
export function waitBeforeTry(known: Failures | undefined, now: number, free = FREE_TRIES): number {
  if (!known || now - known.last_at >= FORGET_AFTER || known.failures < free) return 0
  const wait = Math.min(FIRST_WAIT * 2 ** (known.failures - free), LONGEST_WAIT)
  // A clock set back must not lock anybody out for longer than the wait itself.
  return Math.max(0, Math.min(wait, known.last_at + wait - now))
}

export function afterFailure(known: Failures | undefined, now: number): Failures {
  const stale = !known || now - known.last_at >= FORGET_AFTER
  return { failures: stale ? 1 : known.failures + 1, last_at: now }
}

/** One address guessing through many logins: more tries than one person's, fewer than a list. */
export const FREE_TRIES_PER_ADDRESS = 50

/** Passwords everybody tries first, with the words of this place (ASVS 5.0 §6.2.4, 6.2.11). */
const commonWords = ["password", "passw0rd", "qwerty", "123456", "letmein", "crux", "admin", "비밀번호"]

/** Why a password is refused, or null. Length is the contract's; this looks for what is guessed first. */
export function passwordWeakness(password: string, login: string): "repeats" | "login" | "common" | null {
  const text = password.toLowerCase()
  if (new Set(text).size < 5) return "repeats"
  if (text.includes(login.toLowerCase()) && text.length - login.length < 8) return "login"
  const rest = commonWords.reduce((left, word) => left.replaceAll(word, ""), text)
  if (rest.length < 6) return "common"
  return null
}

/** Crockford's base 32 without look-alikes: people copy the setup code from a terminal. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** Twelve characters (60 bits) in three groups, from at least 12 random bytes. */
export function formatSetupCode(bytes: Uint8Array): string {
  const text = Array.from(bytes.subarray(0, 12), (b) => alphabet[b % 32]).join("")
  return [text.slice(0, 4), text.slice(4, 8), text.slice(8, 12)].join("-")
}

/** What a person typed, as the code was made: case, dashes and look-alikes do not matter. */
export function normalizeSetupCode(typed: string): string {
  return typed
    .toUpperCase()
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1")
    .replaceAll(/[^0-9A-Z]/g, "")
}
