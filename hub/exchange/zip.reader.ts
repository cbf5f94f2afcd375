import { createWriteStream } from "node:fs"
import { type FileHandle, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { Readable, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { crc32, createInflateRaw, inflateRawSync } from "node:zlib"
import type { ExchangeRemark } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { RandomAccess, Tree } from "./entry.format.ts"
import { openFile } from "./folder.ts"
import { safePath } from "./path.rules.ts"

/** What an archive may hold. Nobody's labels need more; a bomb needs much more. */
const archiveLimits = {
  entries: 4_000_000,
  directoryBytes: 1024 ** 3,
  /** All files together, unpacked. */
  totalBytes: 512 * 1024 ** 3,
  /** A file that is read whole. */
  fileBytes: 256 * 1024 ** 2,
  /** Bytes that come of one packed byte; deflate itself reaches 1032, text of labels some dozen. */
  ratio: 300,
  /** Below this a file may be packed as it likes. */
  ratioFrom: 4 * 1024 ** 2,
}

type Member = { offset: number; packedSize: number; size: number; crc: number; method: number }

/**
 * Opens an archive for reading: names become safe paths or are refused one by one (`refused`), sizes are bounded before
 * anything is unpacked, and what is unpacked is compared with its checksum. Throws `invalid` for what is no archive.
 * `scratch` is a folder for large files that must be read in pieces.
 */
export async function openZip(
  path: string,
  scratch: string,
): Promise<{ tree: Tree; refused: ExchangeRemark[]; close: () => Promise<void> }> {
  const file = await open(path, "r")
  try {
    const { size } = await file.stat()
    const end = await findEnd(file, size)
    const members = new Map<string, Member>()
    const refused: ExchangeRemark[] = []
    await readDirectory(file, end, members, refused)
    const paths = [...members.keys()].sort((a, b) => (a < b ? -1 : 1))
    const near = createNear(file, size)
    let spooled = 0
    /** The last one that was unpacked and closed: formats look at a file before they read it. */
    let spare: { name: string; target: string } | undefined
    const dropSpare = async () => {
      if (spare) await rm(spare.target, { force: true })
      spare = undefined
    }
    const memberOf = (name: string): Member => {
      const member = members.get(name)
      if (!member) throw new Problem("not_found", "archive_file", `${name} is not in the archive`)
      return member
    }
    const tree: Tree = {
      paths,
      has: (name) => members.has(name),
      read: async (name) => {
        const member = memberOf(name)
        if (member.size > archiveLimits.fileBytes) throw broken(name, "it is too large")
        const start = await dataStart(near, size, member)
        return unpack(await near(start, start + member.packedSize), member, name)
      },
      open: async (name) => {
        const member = memberOf(name)
        const start = await dataStart(near, size, member)
        if (member.method === 0) return part(file, start, member.size)
        let target = join(scratch, `unpacked-${spooled++}`)
        if (spare?.name === name) {
          target = spare.target
          spare = undefined
        } else await spool(path, start, member, name, target)
        const opened = await openFile(target)
        return {
          ...opened,
          close: async () => {
            await opened.close()
            await dropSpare()
            spare = { name, target }
          },
        }
      },
    }
    return {
      tree,
      refused,
      close: async () => {
        await dropSpare()
        await file.close()
      },
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

const broken = (name: string, why: string) =>
  new Problem("invalid", "archive", `${name}: ${why}`, { path: name })

async function readAt(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
  if (bytesRead !== bytes.length) throw broken("archive", "it ends too early")
  return bytes
}

type ReadAt = (start: number, end: number) => Promise<Uint8Array>

/** Files of an archive are mostly read one after the other: a megabyte at a time instead of two reads each. */
function createNear(file: FileHandle, size: number): ReadAt {
  let held: { from: number; bytes: Uint8Array } = { from: 0, bytes: new Uint8Array() }
  return async (start, end) => {
    if (end - start > nearby) return readAt(file, start, end)
    if (start < held.from || end > held.from + held.bytes.length) {
      const bytes = await readAt(file, start, Math.min(size, Math.max(end, start + nearby)))
      held = { from: start, bytes }
      return bytes.subarray(0, end - start)
    }
    return held.bytes.subarray(start - held.from, end - held.from)
  }
}
const nearby = 1024 * 1024

const part = (file: FileHandle, start: number, size: number): RandomAccess => ({
  size,
  slice: (from, to) => readAt(file, start + from, start + to),
  close: async () => {},
})

function unpack(packed: Uint8Array, { method, size, crc }: Member, name: string): Uint8Array {
  let bytes = packed
  if (method === 8)
    try {
      bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
    } catch {
      throw broken(name, "it cannot be unpacked")
    }
  if (bytes.length !== size || crc32(bytes) !== crc) throw broken(name, "its checksum does not fit")
  return bytes
}

/** Unpacks a large file beside the archive, never more than it said it was. */
async function spool(
  path: string,
  start: number,
  member: Member,
  name: string,
  target: string,
): Promise<void> {
  const source = await open(path, "r")
  let [written, crc] = [0, 0]
  const watched = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      written += chunk.length
      crc = crc32(chunk, crc)
      done(written > member.size ? broken(name, "more comes of it than it says") : null, chunk)
    },
  })
  try {
    const packed = source.createReadStream({
      start,
      end: start + Math.max(1, member.packedSize) - 1,
      highWaterMark: 256 * 1024,
      autoClose: false,
    })
    await pipeline(
      Readable.from(packed),
      createInflateRaw({ chunkSize: 256 * 1024 }),
      watched,
      createWriteStream(target, { mode: 0o600 }),
    )
    if (written !== member.size || crc !== member.crc) throw broken(name, "its checksum does not fit")
  } catch (error) {
    await rm(target, { force: true })
    throw error instanceof Problem ? error : broken(name, "it cannot be unpacked")
  } finally {
    await source.close()
  }
}

type End = { entries: number; size: number; offset: number }

async function findEnd(file: FileHandle, length: number): Promise<End> {
  const no = () => new Problem("invalid", "archive", "this is not a ZIP archive, or its end is missing")
  const from = Math.max(0, length - 65_557)
  const tail = await readAt(file, from, length)
  const view = new DataView(tail.buffer)
  for (let at = tail.length - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue
    const end = {
      entries: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    }
    const wide = end.entries === 0xffff || end.size === 0xffffffff || end.offset === 0xffffffff
    if (wide && at >= 20 && view.getUint32(at - 20, true) === 0x07064b50) {
      const where = Number(view.getBigUint64(at - 12, true))
      if (where + 56 > length) throw no()
      const far = new DataView((await readAt(file, where, where + 56)).buffer)
      if (far.getUint32(0, true) !== 0x06064b50) throw no()
      end.entries = Number(far.getBigUint64(32, true))
      end.size = Number(far.getBigUint64(40, true))
      end.offset = Number(far.getBigUint64(48, true))
    }
    if (end.offset + end.size > length) throw no()
    if (end.entries > archiveLimits.entries || end.size > archiveLimits.directoryBytes)
      throw new Problem(
        "too_large",
        "archive_entries",
        `more than ${archiveLimits.entries} files are in this archive`,
      )
    return end
  }
  throw no()
}

/** Reads the archive's list of files in pieces; what may not come in is told and left out. */
async function readDirectory(
  file: FileHandle,
  { entries, size, offset }: End,
  members: Map<string, Member>,
  refused: ExchangeRemark[],
): Promise<void> {
  const folded = new Set<string>()
  let total = 0
  let rest: Uint8Array = new Uint8Array()
  let seen = 0
  for (let at = offset; at < offset + size && seen < entries; ) {
    const fresh = await readAt(file, at, Math.min(at + 1024 ** 2, offset + size))
    at += fresh.length
    const bytes = new Uint8Array(rest.length + fresh.length)
    bytes.set(rest)
    bytes.set(fresh, rest.length)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let here = 0
    while (here + 46 <= bytes.length && seen < entries) {
      if (view.getUint32(here, true) !== 0x02014b50) throw broken("archive", "its list of files is damaged")
      const [nameLength, extraLength] = [view.getUint16(here + 28, true), view.getUint16(here + 30, true)]
      const next = here + 46 + nameLength + extraLength + view.getUint16(here + 32, true)
      if (next > bytes.length) break
      seen++
      const raw = bytes.subarray(here + 46, here + 46 + nameLength)
      const extra = bytes.subarray(here + 46 + nameLength, here + 46 + nameLength + extraLength)
      const flags = view.getUint16(here + 8, true)
      const name = decodeName(raw, (flags & 0x800) !== 0)
      const member = memberAt(view, here, extra)
      const mode = view.getUint32(here + 38, true) >>> 16
      here = next
      if (name?.endsWith("/")) continue
      const say = (code: string, detail: string) =>
        refused.push({ path: (name ?? "?").slice(0, 200), code, detail })
      const path = name === null ? null : safePath(name)
      total += member.size
      if (path === null) say("unsafe_name", "its name leads out of the archive, or cannot be read")
      else if ((mode & 0o170000) === 0o120000) say("link", "it is a link, not a file")
      else if ((flags & 1) !== 0) say("encrypted", "it is encrypted")
      else if (member.method !== 0 && member.method !== 8)
        say("packing", "it is packed in a way that is not read here")
      else if (member.method === 0 && member.size !== member.packedSize)
        say("sizes", "its sizes contradict each other")
      else if (member.size > archiveLimits.ratioFrom && member.size > member.packedSize * archiveLimits.ratio)
        say("bomb", "far more would come of it than labels and pictures are")
      else if (folded.has(fold(path))) say("twice", "a file of this name was there before")
      else if (total > archiveLimits.totalBytes) say("too_much", "the archive is too large when unpacked")
      else {
        folded.add(fold(path))
        members.set(path, member)
      }
    }
    rest = bytes.subarray(here)
  }
  if (seen !== entries) throw broken("archive", "its list of files is shorter than it says")
  // Files that share bytes are how a small archive becomes endless.
  let end = 0
  for (const [path, member] of inOrder(members)) {
    const to = member.offset + 30 + member.packedSize
    if (member.offset < end || to > offset + size) {
      members.delete(path)
      refused.push({ path, code: "overlap", detail: "it shares its bytes with another file" })
    } else end = to
  }
}

/** As the files lie in the archive; nearly always as they are listed, and then nothing is copied. */
function inOrder(members: ReadonlyMap<string, Member>): Iterable<[string, Member]> {
  let last = 0
  for (const { offset } of members.values()) {
    if (offset < last) return [...members].sort(([, a], [, b]) => a.offset - b.offset)
    last = offset
  }
  return members
}

/** Two names that some file system takes for one. */
const fold = (path: string): string =>
  ascii.test(path) ? path.toLowerCase() : path.toLowerCase().normalize("NFC")
const ascii = /^[ -~]*$/

function memberAt(view: DataView, at: number, extra: Uint8Array): Member {
  const member = {
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  }
  const wide = new DataView(extra.buffer, extra.byteOffset, extra.byteLength)
  for (let i = 0; i + 4 <= extra.length; i += 4 + wide.getUint16(i + 2, true)) {
    if (wide.getUint16(i, true) !== 1) continue
    const end = Math.min(extra.length, i + 4 + wide.getUint16(i + 2, true))
    let from = i + 4
    for (const key of ["size", "packedSize", "offset"] as const)
      if (member[key] === 0xffffffff && from + 8 <= end) {
        member[key] = Number(wide.getBigUint64(from, true))
        from += 8
      }
  }
  return member
}

/** UTF-8 when the archive says so or when it is; else the code page of a Korean Windows (CP949). Null for neither. */
function decodeName(raw: Uint8Array, said: boolean): string | null {
  for (const decoder of said ? [utf8] : [utf8, cp949])
    try {
      return decoder.decode(raw)
    } catch {}
  return null
}
const utf8 = new TextDecoder("utf-8", { fatal: true })
const cp949 = new TextDecoder("euc-kr", { fatal: true })

async function dataStart(read: ReadAt, size: number, { offset, packedSize }: Member): Promise<number> {
  const head = await read(offset, offset + 30)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (view.getUint32(0, true) !== 0x04034b50) throw broken("archive", "a file is not where its list says")
  const start = offset + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  if (start + packedSize > size) throw broken("archive", "it ends too early")
  return start
}
