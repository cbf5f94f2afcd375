import { accessSync, constants, mkdirSync, readdirSync, statfsSync, statSync } from "node:fs"
import { join } from "node:path"
import { StartFailure } from "./start-failure.ts"

/** Where everything of one hub lies. Copying this folder of a stopped hub is a complete backup. */
export type DataFolder = {
  root: string
  database: string
  blobs: string
  keys: string
  backups: string
  lock: string
}

const dataFolder = (root: string): DataFolder => ({
  root,
  database: join(root, "hub.db"),
  blobs: join(root, "blobs"),
  keys: join(root, "keys"),
  backups: join(root, "backups"),
  lock: join(root, "lock"),
})

/** Below this much free space a hub does not start: SQLite could not even finish a checkpoint. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024

/**
 * Makes the folders (0700: keys and part images are nobody else's business) and checks that the hub can live there.
 * Throws StartFailure: permission, no_space, or integrity when evidence lies there without its database.
 */
export function prepareDataFolder(root: string): DataFolder {
  const folder = dataFolder(root)
  try {
    for (const path of [folder.root, folder.blobs, folder.keys, folder.backups])
      mkdirSync(path, { recursive: true, mode: 0o700 })
    for (const path of [folder.root, folder.blobs, folder.keys, folder.backups])
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw folderFailure("hub", root, error)
  }
  const { bavail, bsize } = statfsSync(root)
  if (bavail * bsize < LEAST_FREE_BYTES)
    throw new StartFailure(
      "no_space",
      `The disk of ${root} is full (${Math.floor((bavail * bsize) / 1024 / 1024)} MB left).`,
      "Free at least 64 MB there, then start again. Nothing was lost; stations keep their parts meanwhile.",
    )
  refuseOrphanedEvidence(folder)
  return folder
}

/** Why `program` cannot use `root` for its data, told from the system's error: no_space, permission or config. */
export function folderFailure(program: string, root: string, error: unknown): StartFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (code === "ENOSPC" || code === "EDQUOT")
    return new StartFailure("no_space", `The disk of ${root} is full.`, "Free space there.", error)
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new StartFailure(
      "permission",
      `The ${program} may not write to ${root} (${code}).`,
      `Give the folder to the user that runs the ${program}, or name another one with --data.`,
      error,
    )
  if (code === "EEXIST" || code === "ENOTDIR")
    return new StartFailure(
      "config",
      `${root} cannot be the data folder: a file is in its place.`,
      "Name another folder with --data.",
      error,
    )
  return new StartFailure(
    "config",
    `${root} cannot be the data folder: ${error instanceof Error ? error.message : String(error)}`,
    "Name another folder with --data.",
    error,
  )
}

/** Images without a database mean a lost or half-copied database: starting empty would hide that. */
function refuseOrphanedEvidence(folder: DataFolder): void {
  // An empty file is what a power cut or a full disk leaves of a copy: no database either.
  if ((statSync(folder.database, { throwIfNoEntry: false })?.size ?? 0) > 0) return
  const evidence = [folder.blobs, folder.backups].find((path) => readdirSync(path).length > 0)
  if (!evidence) return
  throw new StartFailure(
    "integrity",
    `${evidence} holds data, but the database ${folder.database} is missing or empty.`,
    "Put the database back from a backup; to begin anew, name an empty folder with --data.",
  )
}
