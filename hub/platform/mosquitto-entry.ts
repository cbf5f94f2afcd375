import { pbkdf2Sync, randomBytes } from "node:crypto"

/** mosquitto's own number of rounds; secrets of stations are 256 random bits, so there is no dictionary to slow down. */
const rounds = 101

/** A line of mosquitto's password file: name, and PBKDF2 with HMAC-SHA-512 of the secret (`$7$`). */
export function mosquittoEntry(name: string, secret: string): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(secret, salt, rounds, 64, "sha512")
  return `${name}:$7$${rounds}$${salt.toString("base64")}$${hash.toString("base64")}`
}
