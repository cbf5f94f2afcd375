import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import type { ImageMime } from "#contract/inspection"
import { Problem } from "#contract/problem"
import type { Camera } from "./camera.ts"
import { pause } from "./pace.ts"

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

/** Told by the first bytes, not by the name. */
function mimeOf(bytes: Uint8Array): ImageMime | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg"
  if (bytes[0] === 0x89 && text(1, 4) === "PNG") return "image/png"
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "image/webp"
  return undefined
}

/** Whether the end of the picture is there: EOI, IEND, or the length the RIFF header states. */
function isComplete(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (mimeOf(bytes)) {
    case "image/jpeg":
      // Some cameras pad the file behind the end mark.
      return lastIndexOfPair(bytes, 0xff, 0xd9) > bytes.length - 4096
    case "image/png":
      return bytes.length > 20 && view.getUint32(bytes.length - 8) === 0x49454e44
    case "image/webp":
      return bytes.length >= view.getUint32(4, true) + 8
    default:
      return false
  }
}

function lastIndexOfPair(bytes: Uint8Array, first: number, second: number): number {
  for (let i = bytes.length - 2; i >= 0; i--) if (bytes[i] === first && bytes[i + 1] === second) return i
  return Number.NEGATIVE_INFINITY
}
