import { readFileSync, renameSync, writeFileSync } from "node:fs"

/**
 * Keeps the broker's password file: lines of stations are the hub's, whatever else stands in it is left alone. The
 * broker reads it again when it is told to (mosquitto: SIGHUP).
 */
export function createPasswordFile({
  path,
  entries,
  onFailure,
}: {
  path: string
  /** Every device the hub ever knew, and its line if it may connect. */
  entries: () => { id: string; entry: string | null }[]
  /** It could not be written; what was decided stays decided. */
  onFailure: (error: unknown) => void
}) {
  return {
    /** Writes what is committed now. */
    write: (): void => {
      try {
        const devices = entries()
        const ours = new Set(devices.map(({ id }) => id))
        const before = read(path)
        const others = before.filter((line) => !ours.has(line.slice(0, line.indexOf(":"))))
        const lines = [...others, ...devices.flatMap(({ entry }) => entry ?? [])]
        const text = lines.map((line) => `${line}\n`).join("")
        if (text === before.map((line) => `${line}\n`).join("")) return
        const temporary = `${path}.new`
        writeFileSync(temporary, text, { mode: 0o640 })
        renameSync(temporary, path)
      } catch (error) {
        onFailure(error)
      }
    },
  }
}

function read(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return []
    throw error
  }
}
