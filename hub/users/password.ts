import { randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import { Problem } from "#contract/problem"

/**
 * scrypt at 32 MiB (OWASP password storage: N=2^15, r=8, p=3): in every runtime's node:crypto, which argon2id is not.
 */
export type PasswordCost = { N: number; r: number; p: number }
const usualCost: PasswordCost = { N: 2 ** 15, r: 8, p: 3 }

/** More at once would take the memory and the cores that inspections need. */
const AT_ONCE = 2
const MOST_WAITING = 64

export type Passwords = {
  /** Hash text with its parameters: `scrypt$N$r$p$salt$hash`, base64url. */
  hash(password: string): Promise<string>
  /**
   * Whether the password fits. A null hash costs the same time as a real one and never fits.
   * `outdated` asks the caller to store a new hash. Throws `rate_limited` when too many wait.
   */
  check(password: string, hash: string | null): Promise<{ fits: boolean; outdated: boolean }>
}

/** Hashing with at most two computations at a time. */
export function createPasswords(cost: PasswordCost = usualCost): Passwords {
  let running = 0
  const waiting: (() => void)[] = []

  async function derive(password: string, salt: Buffer, { N, r, p }: PasswordCost): Promise<Buffer> {
    if (running >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING)
        throw new Problem("rate_limited", "busy", "too many people sign in at once; try again", {
          seconds: 5,
        })
      await new Promise<void>((go) => waiting.push(go))
    }
    running += 1
    try {
      return await new Promise((resolve, reject) =>
        scrypt(password.normalize("NFC"), salt, 32, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
          error ? reject(error) : resolve(key),
        ),
      )
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }

  return {
    async hash(password) {
      const salt = randomBytes(16)
      const key = await derive(password, salt, cost)
      return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join(
        "$",
      )
    },
    async check(password, hash) {
      const stored = hash === null ? undefined : parse(hash)
      const { salt, key, ...used } = stored ?? { ...cost, salt: Buffer.alloc(16), key: Buffer.alloc(32) }
      const derived = await derive(password, salt, used)
      const fits = timingSafeEqual(derived, key) && stored !== undefined
      return { fits, outdated: used.N !== cost.N || used.r !== cost.r || used.p !== cost.p }
    },
  }
}

function parse(hash: string) {
  const [name, N, r, p, salt, key] = hash.split("$")
  if (name !== "scrypt" || !salt || !key) throw new Error("a stored password hash is not readable")
  return {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64url"),
    key: Buffer.from(key, "base64url"),
  }
}
