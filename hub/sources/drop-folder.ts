import { constants, type Stats } from "node:fs"
import { lstat, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { SourceProfile } from "#contract/source"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { type DropFile, dropFile, sortFiles } from "./drop-folder.rules.ts"
import type { Intake } from "./intake.service.ts"
import type { Monitor } from "./monitor.ts"
import { lookAtPicture, type Refusal, type Sniff } from "./picture.rules.ts"
import type { SourceStore, StoredSource } from "./source.store.ts"

type FolderProfile = Extract<SourceProfile, { kind: "folder" }>

const lookMs = 500
/** A picture without its end that does not grow any more for this long will not be finished. */
const cutAfterMs = 30_000
const fullPauseMs = 5_000
/** Files looked at in one round: a backlog of thousands is worked off in the order of names. */
const filesPerLook = 200
const sidecarBytes = 256 * 1024

/** What was last seen of a file, since when, and whether it was read and found unfinished. */
type Watched = { state: string; since: number; settled: boolean; unfinished: boolean }

/**
 * Watches the drop folders of FTP-style cameras. A file is taken when its size and time rest and its end is there; only
 * after it is stored is it moved to `done` or deleted. What cannot be read goes to `quarantine` with a reason beside it.
 * Polled and not watched: change events do not cross network shares.
 */
export function createDropFolders({
  root,
  store,
  intake,
  monitor,
  sniff,
  clock,
  log,
}: {
  /** All drop folders lie in here. */
  root: string
  store: SourceStore
  intake: Pick<Intake, "take">
  monitor: Monitor
  sniff: Sniff
  clock: Clock
  log: Log
}) {
  const watched = new Map<string, Map<string, Watched>>()
  const pausedUntil = new Map<string, number>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let looking: Promise<void> = Promise.resolve()
  let stopped = false

  const pathOf = (folder: string, file: DropFile) => Buffer.concat([Buffer.from(`${folder}/`), file.raw])

  /** Moves a file without ever writing over another. */
  const moveTo = async (folder: string, file: DropFile, target: string): Promise<string> => {
    await mkdir(target, { recursive: true })
    for (let i = 0; ; i += 1) {
      const prefix = i === 0 ? "" : `${i}-`
      const to = Buffer.concat([Buffer.from(`${target}/${prefix}`), file.raw])
      if ((await statOf(to)) !== undefined) continue
      await rename(pathOf(folder, file), to)
      return prefix
    }
  }

  const finish = async (folder: string, profile: FolderProfile, files: (DropFile | undefined)[]) => {
    const today = new Date(clock.now()).toISOString().slice(0, 10)
    // The data file first: a picture that is found again is known, a data file alone would look like a loss.
    for (const file of files) {
      if (!file) continue
      if (profile.after === "delete") await rm(pathOf(folder, file))
      else await moveTo(folder, file, join(folder, "done", today))
    }
  }

  const poison = async (folder: string, files: (DropFile | undefined)[], { code, detail }: Refusal) => {
    for (const file of files) {
      if (!file) continue
      const target = join(folder, "quarantine")
      const prefix = await moveTo(folder, file, target)
      const reason = Buffer.concat([Buffer.from(`${target}/${prefix}`), file.raw, Buffer.from(".reason.txt")])
      await writeFile(reason, `${code}: ${detail}\n`)
    }
  }

  const lookInto = async (source: StoredSource, profile: FolderProfile): Promise<void> => {
    const folder = join(root, profile.folder)
    await mkdir(folder, { recursive: true })
    // A link here would let whoever may write to the drop folder choose what the hub reads, moves and deletes.
    if (!(await lstat(folder)).isDirectory()) throw new Error(`${profile.folder} is not a folder`)
    const names = (await readdir(folder, { encoding: "buffer" })) as unknown as Buffer[]
    const files = names
      .flatMap((raw) => dropFile(raw) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, filesPerLook)
    const seen = watched.get(source.id) ?? new Map<string, Watched>()
    watched.set(source.id, seen)
    const keyOf = (file: DropFile) => Buffer.from(file.raw).toString("hex")
    const present = new Set(files.map(keyOf))
    for (const key of seen.keys()) if (!present.has(key)) seen.delete(key)

    const now = clock.now()
    const stats = new Map<DropFile, Stats>()
    const plain: DropFile[] = []
    for (const file of files) {
      const stat = await statOf(pathOf(folder, file))
      if (!stat || stat.isDirectory()) continue
      if (!stat.isFile()) {
        const refusal = { code: "not_a_file", detail: "links, pipes and devices are not taken" }
        await poison(folder, [file], refusal)
        noteRefusal(source.id, file, 0, refusal)
        continue
      }
      const state = `${stat.size}/${stat.mtimeMs}/${stat.ino}`
      const before = seen.get(keyOf(file))
      if (before?.state === state) before.settled = true
      else seen.set(keyOf(file), { state, since: now, settled: false, unfinished: false })
      stats.set(file, stat)
      plain.push(file)
    }
    const watchedOf = (file: DropFile) => seen.get(keyOf(file))!
    const restsFor = (file: DropFile) => (watchedOf(file).settled ? now - watchedOf(file).since : -1)

    const { pictures, lonely } = sortFiles(plain, profile.sidecar)
    for (const { file, sidecar } of pictures) {
      if (stopped || (pausedUntil.get(source.id) ?? 0) > now) return
      const resting = restsFor(file)
      if (resting < 0 || (sidecar && restsFor(sidecar) < 0)) continue
      if (profile.sidecar !== "none" && !sidecar && resting < profile.sidecar_wait_s * 1000) continue
      if (watchedOf(file).unfinished && resting < cutAfterMs) continue
      await takeFile(source, profile, folder, file, sidecar, {
        stat: stats.get(file)!,
        watched: watchedOf(file),
        resting,
      })
    }
    for (const file of lonely) {
      if (restsFor(file) < profile.sidecar_wait_s * 1000) continue
      const refusal = { code: "picture_missing", detail: "no picture came with this data file" }
      await poison(folder, [file], refusal)
      noteRefusal(source.id, file, stats.get(file)!.size, refusal)
    }
  }

  const takeFile = async (
    source: StoredSource,
    profile: FolderProfile,
    folder: string,
    file: DropFile,
    sidecar: DropFile | undefined,
    { stat, watched, resting }: { stat: Stats; watched: Watched; resting: number },
  ): Promise<void> => {
    const bytes = await readWhole(pathOf(folder, file), profile.max_bytes)
    const data = sidecar && (await readWhole(pathOf(folder, sidecar), sidecarBytes))
    const tooLarge = bytes === undefined || (sidecar && data === undefined)
    if (tooLarge) {
      const refusal = {
        code: "too_large",
        detail: `this source takes files up to ${profile.max_bytes} bytes`,
      }
      await poison(folder, [sidecar, file], refusal)
      return noteRefusal(source.id, file, stat.size, refusal)
    }
    const picture = lookAtPicture(bytes, sniff)
    const maybeUnfinished = "code" in picture && ["picture_cut", "empty"].includes(picture.code)
    if (maybeUnfinished && resting < cutAfterMs) {
      watched.unfinished = true
      return
    }
    const outcome = await intake.take(source.id, {
      via: "folder",
      topic: file.name,
      bytes,
      type: "",
      beside: { $file: { name: file.name, stem: file.stem } },
      ...(data && { data }),
      // The same file found again after a crash is the same shot, however much later.
      key: `${Buffer.from(file.raw).toString("hex")} ${stat.mtimeMs} ${sha256Of(bytes)}`,
    })
    if (outcome.st === "later") pausedUntil.set(source.id, clock.now() + fullPauseMs)
    else if (outcome.st === "quarantined")
      await poison(folder, [sidecar, file], { code: outcome.code ?? "", detail: outcome.detail ?? "" })
    else await finish(folder, profile, [sidecar, file])
  }

  const noteRefusal = (source: string, file: DropFile, size: number, { code, detail }: Refusal) =>
    monitor.note(source, {
      via: "folder",
      topic: file.name,
      size,
      head: "",
      st: "quarantined",
      code,
      detail,
      notes: [],
    })

  const look = async (): Promise<void> => {
    for (const source of store.all()) {
      if (stopped) return
      if (!source.enabled || source.profile.kind !== "folder") continue
      try {
        await lookInto(source, source.profile)
        monitor.recovered(source.id, "folder")
      } catch (error) {
        // Taken away meanwhile: what lies in its folder stays there.
        if (!store.get(source.id)) continue
        // Told once: the same trouble twice a second would hide every other.
        const detail = error instanceof Error ? error.message : String(error)
        if (monitor.of(source.id).trouble?.detail === detail) continue
        log.warn("drop_folder", { source: source.id, error: detail })
        monitor.trouble(source.id, "folder", detail)
      }
    }
  }

  return {
    start: (): void => {
      const next = () => {
        looking = look().finally(() => {
          if (!stopped) timer = setTimeout(next, lookMs)
        })
      }
      next()
    },
    close: async (): Promise<void> => {
      stopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

async function statOf(path: Buffer): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    // Renamed or deleted since the listing: the next look tells.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}

/** The bytes of a plain file; undefined when there are more than `most`. A link is not followed, a pipe not waited for. */
async function readWhole(path: Buffer, most: number): Promise<Uint8Array | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error("not a plain file")
    return stat.size > most ? undefined : new Uint8Array(await file.readFile())
  } finally {
    await file.close()
  }
}
