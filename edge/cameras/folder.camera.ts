import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import type { Camera } from "./camera.ts"
import { pause } from "./pace.ts"
import { isComplete, mimeOf } from "./picture-bytes.ts"

export interface FolderCameraOptions {
  dir: string
  product_id?: string
  /** How often the folder is read. */
  poll_ms?: number
  /** Whether pictures that lie there at the start are taken too; by default only later ones are. */
  existing?: boolean
  now?: () => number
}

const EXTENSION = /\.(jpe?g|png|webp)$/i

/**
 * A folder into which a vision system writes pictures: every complete new file becomes one frame, the file name
 * without its ending is the part's serial. Files are read, never moved or deleted.
 * Polled and not watched: change events do not cross network shares, where such folders often lie.
 */
export function createFolderCamera(options: FolderCameraOptions): Camera {
  const { dir, product_id, poll_ms = 200, existing = false, now = Date.now } = options
  return {
    async *frames(signal) {
      const done = new Set(existing ? [] : await pictureNames(dir))
      const waiting = new Map<string, string>()
      do {
        const names = await pictureNames(dir)
        forget(done, names)
        forget(waiting, names)
        for (const name of names) {
          if (done.has(name) || signal.aborted) continue
          const bytes = await readComplete(join(dir, name), name, waiting)
          if (!bytes) continue
          done.add(name)
          waiting.delete(name)
          const mime = mimeOf(bytes)!
          const part_id = name.replace(EXTENSION, "").slice(0, 128)
          yield {
            image: { form: "encoded", bytes, mime },
            ...(part_id === "" ? {} : { part_id }),
            ...(product_id === undefined ? {} : { product_id }),
            captured_at: now(),
            simulated: false,
          }
        }
      } while (await pause(poll_ms, signal))
    },
  }
}

/** What has left the folder is forgotten, so the memory of a camera that runs for months stays small. */
function forget(known: Set<string> | Map<string, string>, names: readonly string[]) {
  const present = new Set(names)
  for (const name of known.keys()) if (!present.has(name)) known.delete(name)
}

async function pictureNames(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir)
    return names.filter((name) => EXTENSION.test(name) && !name.startsWith(".")).sort()
  } catch (error) {
    const message = `The camera folder ${dir} cannot be read. Check that it exists and that this user may read it.`
    throw new Problem("unavailable", "camera_folder_lost", message, { dir }, error)
  }
}

/**
 * The bytes of a file that is whole: its size and time have not changed since the last look, and the picture
 * has its end mark. Undefined while somebody still writes.
 */
async function readComplete(path: string, name: string, waiting: Map<string, string>) {
  try {
    const { size, mtimeMs } = await stat(path)
    const state = `${size}/${mtimeMs}`
    if (waiting.get(name) !== state) {
      waiting.set(name, state)
      return undefined
    }
    const bytes = new Uint8Array(await readFile(path))
    return bytes.length === size && isComplete(bytes) ? bytes : undefined
  } catch (error) {
    // Renamed or deleted between listing and reading: the next look tells.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}
