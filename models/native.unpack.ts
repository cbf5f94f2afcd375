import { randomUUID } from "node:crypto"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { constants, homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"

/**
 * Native code inside the compiled binary. The system's loader takes libraries only from real files and finds one
 * library's neighbour by its place relative to the first (RUNPATH $ORIGIN). So an addon and its libraries are embedded
 * as plain files and written out once, as the same small tree they form in node_modules, into a cache folder whose
 * name is the hash of their content. The build puts a call of `loadUnpacked` in the place where each package requires
 * its addon; a run from source never comes here.
 */
export type NativeFile = {
  /** Place in the tree, relative. */
  readonly path: string
  /** Where the bytes are: a file inside the binary. */
  readonly embedded: string
  /** xxHash3 of the content, hexadecimal. */
  readonly hash: string
}

export type NativeTree = {
  readonly name: string
  /** Content hash of the whole tree. */
  readonly id: string
  /** Path of the Node addon within the tree. */
  readonly addon: string
  readonly files: readonly NativeFile[]
}

/** Writes the tree out unless it is there already, and loads its addon. Returns the addon's exports. */
export function loadUnpacked(tree: NativeTree): unknown {
  const refusals: string[] = []
  for (const base of cacheFolders(process.env)) {
    try {
      const folder = unpack(tree, base)
      const module = { exports: {} }
      // LAZY: binding every symbol of libvips at once would cost some 50 ms.
      process.dlopen(module, join(folder, tree.addon), constants.dlopen.RTLD_LAZY)
      return module.exports
    } catch (error) {
      // A read-only home or a noexec /tmp is ordinary on hardened machines: the next place may do.
      refusals.push(`${base}: ${error instanceof Error ? error.message : error}`)
    }
  }
  throw new NativeUnavailable(
    `The native library "${tree.name}" could not be loaded. Set CRUX_CACHE to a folder of this user that allows ` +
      `programs to run (not mounted noexec). Tried ${refusals.join("; ")}`,
  )
}

/** No cache folder would do. Ends the program with the config exit code. */
export class NativeUnavailable extends Error {
  readonly exit = "config"
}

/** Where to try, in order. A folder that somebody configured is used or complained about, never passed over. */
export function cacheFolders(env: Readonly<Record<string, string | undefined>>): string[] {
  if (env.CRUX_CACHE) return [join(env.CRUX_CACHE, "native")]
  const home = env.XDG_CACHE_HOME ?? join(homedir(), ".cache")
  return [join(home, "crux", "native"), join(tmpdir(), `crux-${process.getuid?.() ?? "user"}`, "native")]
}

/**
 * Makes sure that the tree stands whole under `base` and returns its folder. Any number of processes may do this at
 * once: each writes a folder of its own and one rename wins.
 */
export function unpack(tree: NativeTree, base: string): string {
  mkdirSync(base, { recursive: true, mode: 0o700 })
  // Whoever owns the folder above can put another in the place of ours.
  refuseForeignFolder(dirname(base))
  refuseForeignFolder(base)
  const folder = join(base, `${tree.name}-${tree.id}`)
  // Twice: a damaged tree is moved away first, and another process may put its own there in between.
  for (let attempt = 0; attempt < 2; attempt++) {
    if (isWhole(tree, folder)) {
      markUsed(folder)
      return folder
    }
    dropUnused(base, tree.name)
    const own = `${folder}.${randomUUID()}`
    for (const file of tree.files) {
      mkdirSync(dirname(join(own, file.path)), { recursive: true, mode: 0o700 })
      writeFileSync(join(own, file.path), readFileSync(file.embedded), { mode: 0o600 })
    }
    // Asked again: another process may have put its own there meanwhile, and be loading from it just now.
    // Not removed at once: a mapped file survives its removal.
    if (existsSync(folder) && !isWhole(tree, folder)) tryRename(folder, `${own}.damaged`)
    tryRename(own, folder)
    rmSync(own, { recursive: true, force: true })
    rmSync(`${own}.damaged`, { recursive: true, force: true })
  }
  if (isWhole(tree, folder)) return folder
  throw new Error(`${folder} is not what was written there`)
}

/**
 * Whether every file has its content. Checked on each start: no fsync protects the tree, so a power cut may leave
 * short files. Guards against damage; against other people it is the folder's owner that protects.
 */
function isWhole(tree: NativeTree, folder: string): boolean {
  return tree.files.every((file) => {
    const path = join(folder, file.path)
    return existsSync(path) && contentHash(path) === file.hash
  })
}

/** Trees of versions that nobody has started for this long make room when a new one is written. */
const UNUSED_MS = 30 * 86_400_000

/** The folder's time says when it was last used; once a day is enough. A read-only cache keeps its time. */
function markUsed(folder: string): void {
  const { mtimeMs, uid } = statSync(folder)
  if (Date.now() - mtimeMs < 86_400_000 || uid !== process.getuid?.()) return
  utimesSync(folder, new Date(), new Date())
}

/** An update leaves the libraries of the version before: 65 MB that a small station cannot spare for ever. */
function dropUnused(base: string, name: string): void {
  for (const entry of readdirSync(base).filter((each) => each.startsWith(`${name}-`))) {
    const folder = join(base, entry)
    const stat = lstatSync(folder, { throwIfNoEntry: false })
    if (stat && Date.now() - stat.mtimeMs > UNUSED_MS) rmSync(folder, { recursive: true, force: true })
  }
}

/** xxHash3 over a mapping: 60 MB in 6 ms, where reading and SHA-256 took 100 ms (2 cores, warm cache). */
export function contentHash(path: string): string {
  if (lstatSync(path).size === 0) return "empty"
  return Bun.hash.xxHash3(Bun.mmap(path)).toString(16).padStart(16, "0")
}

/** Code from a folder that another user can write to would run with our rights: /tmp is open to everyone. */
function refuseForeignFolder(base: string): void {
  const { mode, uid } = lstatSync(base)
  const own = process.getuid?.()
  if (own !== undefined && uid !== own && uid !== 0) throw new Error("belongs to another user")
  if (mode & 0o022) throw new Error("can be written to by other users")
}

/** Losing the race is fine: the loop looks at what the winner left. */
function tryRename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error
  }
}
