import { mkdir, open, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import type { QuarantinedMessage } from "#contract/source"
import { syncDirectory } from "#platform/blobs.files"
import type { Clock } from "#platform/clock"
import type { GroupCommit } from "#platform/group-commit"
import type { Message } from "./message.ts"
import { headOf, type Refusal } from "./picture.rules.ts"
import type { QuarantineRow, SourceStore } from "./source.store.ts"

const keptRows = 200
const keptBytes = 256 * 1024 * 1024
const headBytes = 4096

type Beside = Pick<Message, "type" | "beside" | "key" | "retained"> & { data?: string }

/**
 * What was not understood, whole and on disk before the camera is told that it was taken: once the profile is right it
 * can be tried again, and nothing is lost. The newest stay, up to a number per source and a size in all.
 */
export function createQuarantine({
  store,
  commits,
  clock,
  folder,
}: {
  store: SourceStore
  commits: GroupCommit
  clock: Clock
  folder: string
}) {
  const fileOf = (n: number) => join(folder, `${n}.bin`)

  const trim = async (source: string): Promise<void> => {
    const gone = store.quarantineOverflow(source, keptRows)
    let total = 0
    const withoutFile = store.keptQuarantine().flatMap(({ n, kept }) => {
      total += kept
      return total > keptBytes ? [n] : []
    })
    if (gone.length + withoutFile.length === 0) return
    await commits.commit(() => {
      for (const n of withoutFile) store.forgetQuarantineFile(n)
      for (const n of gone) store.deleteQuarantine(n)
    })
    for (const n of [...gone, ...withoutFile]) await rm(fileOf(n), { force: true })
  }

  return {
    /** Keeps a message; resolves when it is on disk. */
    keep: async (source: string, message: Message, { code, detail }: Refusal, whole: boolean) => {
      const { via, topic, bytes, type, beside, key, retained, data } = message
      const around: Beside = {
        type,
        beside,
        ...(key !== undefined && { key }),
        ...(retained && { retained }),
        ...(data && { data: Buffer.from(data).toString("base64") }),
      }
      const row = {
        source,
        at: clock.now(),
        via,
        topic: topic.slice(0, 256),
        beside: JSON.stringify(around),
        size: bytes.length,
        code,
        detail: detail.slice(0, 512),
        head: Uint8Array.from(bytes.subarray(0, headBytes)),
        kept: whole ? bytes.length : 0,
      }
      // Row first: its number names the file. A row whose file a crash took says so when it is tried again.
      const n = await commits.commit(() => store.insertQuarantine(row))
      if (whole) {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        const file = await open(fileOf(n), "w", 0o600)
        try {
          await file.writeFile(bytes)
          await file.datasync()
        } finally {
          await file.close()
        }
        await syncDirectory(folder)
      }
      await trim(source)
    },

    list: (source: string): QuarantinedMessage[] => store.quarantine(source, keptRows).map(viewOf),

    /** The message as it came. Throws `not_found` when it, or its bytes, are not there any more. */
    read: async (source: string, n: number): Promise<Message> => {
      const row = store.quarantined(source, n)
      if (!row || row.kept === 0)
        throw new Problem("not_found", "quarantined", "this message is not kept whole any more")
      const { data, ...around } = JSON.parse(row.beside) as Beside
      const bytes = await readFile(fileOf(n)).catch((cause: unknown) => {
        throw new Problem("not_found", "quarantined", "this message is not kept whole any more", {}, cause)
      })
      return {
        via: row.via as Message["via"],
        topic: row.topic,
        at: row.at,
        bytes,
        ...around,
        ...(data !== undefined && { data: Buffer.from(data, "base64") }),
      }
    },
    /** The profile still does not understand it. */
    setReason: (n: number, { code, detail }: Refusal): Promise<void> =>
      commits.commit(() => store.setQuarantineReason(n, code, detail.slice(0, 512))),
    remove: async (n: number): Promise<void> => {
      await commits.commit(() => store.deleteQuarantine(n))
      await rm(fileOf(n), { force: true })
    },
  }
}
export type Quarantine = ReturnType<typeof createQuarantine>

function viewOf(row: QuarantineRow): QuarantinedMessage {
  const { n, at, via, topic, size, code, detail } = row
  return { n, at, via, topic, size, code, detail, head: headOf(row.head), whole: row.kept > 0 }
}
