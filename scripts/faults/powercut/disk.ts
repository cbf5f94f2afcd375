import { mkdirSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import type { Random } from "../../../edge/simulator/random.ts"
import { type DiskCall, folderOf } from "./trace.ts"

type Change = { readonly doneAt: number } & (
  | { readonly kind: "write"; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly length: number }
)
type Inode = { readonly folder: boolean; durable: Buffer; pending: Change[]; size: number }
/** A change of names; each takes effect as a whole or not at all. */
type Naming = {
  readonly doneAt: number
  readonly set: readonly (readonly [path: string, inode: Inode | null])[]
}

/** The unit that a disk writes as a whole. */
const sector = 512

/**
 * What a disk may hold after a power cut. A file's bytes are certain once a sync of that file has begun after they were
 * written and has ended; a name once a sync of its folder has. Everything else may be there or not, in any order, and a
 * write may be torn between two sectors. That is less than ext4 and XFS promise, and all that POSIX does.
 */
export function createDisk(root: string) {
  /** Names and files as the programs see them. */
  const live = new Map<string, Inode>()
  /** Names that are certain. */
  const durable = new Map<string, Inode>()
  let namings: Naming[] = []

  const folder = (): Inode => ({ folder: true, durable: Buffer.alloc(0), pending: [], size: 0 })
  const rootInode = folder()
  live.set(root, rootInode)
  durable.set(root, rootInode)

  const name = (doneAt: number, ...set: (readonly [string, Inode | null])[]) => {
    for (const [path, inode] of set) {
      if (inode) live.set(path, inode)
      else live.delete(path)
    }
    namings.push({ doneAt, set })
  }

  const settleNames = (folderPath: string, before: number) => {
    namings = namings.filter(({ doneAt, set }) => {
      // A rename between two folders is certain with the sync of the one that got the name.
      const last = set.at(-1)![0]
      if (doneAt >= before || folderOf(last) !== folderPath) return true
      for (const [path, inode] of set) setName(durable, path, inode)
      return false
    })
  }

  return {
    /** Takes the next call of a trace. */
    apply: (call: DiskCall): void => {
      const { path, ended } = call
      const inode = live.get(path)
      switch (call.kind) {
        case "create":
          if (!inode) name(ended, [path, { folder: false, durable: Buffer.alloc(0), pending: [], size: 0 }])
          else if (call.truncate) {
            inode.pending.push({ kind: "truncate", length: 0, doneAt: ended })
            inode.size = 0
          }
          return
        case "mkdir":
          name(ended, [path, folder()])
          return
        case "write": {
          if (!inode) return
          const at = call.at ?? inode.size
          inode.pending.push({ kind: "write", at, bytes: call.bytes, doneAt: ended })
          inode.size = Math.max(inode.size, at + call.bytes.length)
          return
        }
        case "truncate":
          if (!inode) return
          inode.pending.push({ kind: "truncate", length: call.length, doneAt: ended })
          inode.size = call.length
          return
        case "rename":
          if (inode) name(ended, [path, null], [call.to, inode])
          return
        case "unlink":
          if (inode) name(ended, [path, null])
          return
        case "sync": {
          if (!inode) return
          if (inode.folder) {
            settleNames(path, call.began)
            return
          }
          const certain = inode.pending.filter(({ doneAt }) => doneAt < call.began)
          inode.durable = after(inode.durable, certain)
          inode.pending = inode.pending.filter(({ doneAt }) => doneAt >= call.began)
          return
        }
      }
    },

    /** Writes a state the disk may be in after a cut right now into a folder. */
    cut: (into: string, random: Random): void => {
      const names = new Map(durable)
      for (const naming of namings) {
        if (random.next() < 0.5) continue
        for (const [path, inode] of naming.set) setName(names, path, inode)
      }
      const reachable = (path: string): boolean =>
        path === root || (names.has(path) && reachable(folderOf(path)))
      // Folders come before what is in them.
      for (const [path, inode] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        if (!reachable(path)) continue
        const target = join(into, relative(root, path))
        if (inode.folder) mkdirSync(target, { recursive: true })
        else writeFileSync(target, after(inode.durable, survivors(inode.pending, random)))
      }
    },
  }
}

function setName(names: Map<string, Inode>, path: string, inode: Inode | null): void {
  if (inode) names.set(path, inode)
  else names.delete(path)
}

/** Each unsynced write is there or not, and one in four only in part. */
function survivors(pending: readonly Change[], random: Random): Change[] {
  return pending.flatMap((change) => {
    if (random.next() < 0.5) return []
    if (change.kind === "truncate" || random.next() < 0.75) return [change]
    const sectors = Math.ceil(change.bytes.length / sector)
    return [{ ...change, bytes: change.bytes.subarray(0, random.below(sectors) * sector) }]
  })
}

function after(before: Buffer, changes: readonly Change[]): Buffer {
  let bytes = before
  for (const change of changes) {
    const length =
      change.kind === "truncate" ? change.length : Math.max(bytes.length, change.at + change.bytes.length)
    const next = Buffer.alloc(length)
    bytes.copy(next, 0, 0, Math.min(length, bytes.length))
    if (change.kind === "write") change.bytes.copy(next, change.at)
    bytes = next
  }
  return bytes
}
