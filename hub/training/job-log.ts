import { mkdir, open, stat } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { Problem } from "#contract/problem"
import { createTurns } from "./turns.ts"

/** What programs print of keys and passwords: the value is struck out, and the length stays, for offsets count bytes. */
const secrets = [
  /\bct_[a-z0-9-]{1,32}_[A-Za-z0-9_-]{8,}/g,
  /(?<=\b(?:authorization|bearer|password|passwd|secret|token|api[_-]?key)["']?\s*[:= ]\s*["']?(?:bearer\s+)?)[^\s"',;]{6,}/gi,
]

/** Text without its secrets, as long in bytes as before. */
export function strikeOut(text: string): string {
  return secrets.reduce(
    (rest, secret) => rest.replace(secret, (found) => "*".repeat(Buffer.byteLength(found))),
    text,
  )
}

/** What trainers wrote while they worked: one file a job, append-only, of bounded length. */
export function createJobLog({ folder, most }: { folder: string; most: number }) {
  const inTurn = createTurns()
  const pathOf = (job: string) => join(folder, `${v.parse(Uuid, job)}.log`)

  const size = async (job: string): Promise<number> =>
    await stat(pathOf(job)).then(
      (found) => found.size,
      () => 0,
    )

  return {
    size,

    /**
     * Adds a piece that begins at `offset`; what of it is there already is not added again. Throws `log_offset` for one
     * that begins behind the end.
     */
    append: (job: string, offset: number, text: string): Promise<{ offset: number; full: boolean }> =>
      inTurn(job, async () => {
        const at = await size(job)
        if (offset > at && at < most)
          throw new Problem("conflict", "log_offset", `the log ends at ${at}: go on from there`, {
            offset: at,
          })
        const fresh = new TextEncoder().encode(strikeOut(text)).subarray(Math.max(0, at - offset))
        const fits = fresh.subarray(0, Math.max(0, most - at))
        if (fits.length > 0) {
          await mkdir(folder, { recursive: true, mode: 0o700 })
          const file = await open(pathOf(job), "a", 0o600)
          try {
            await file.writeFile(fits)
          } finally {
            await file.close()
          }
        }
        return { offset: at + fits.length, full: at + fits.length >= most }
      }),

    /** Text from `from` on, at most `length` bytes. */
    async read(job: string, from: number, length: number): Promise<Uint8Array> {
      const end = await size(job)
      if (from >= end) return new Uint8Array()
      const file = await open(pathOf(job), "r")
      try {
        const bytes = new Uint8Array(Math.min(length, end - from))
        const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
        return bytes.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    },
  }
}
export type JobLog = ReturnType<typeof createJobLog>
