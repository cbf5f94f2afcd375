import { createHash } from "node:crypto"
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { mosquittoEntry } from "#platform/mosquitto-entry"
import type { Credentials } from "./broker-settings.ts"

/** No device has such a name: theirs hold no underscore. */
const witnessPrefix = "crux_witness_"

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
  const write = (more: (lines: readonly string[], before: readonly string[]) => string[]): boolean => {
    try {
      const devices = entries()
      const ours = new Set(devices.map(({ id }) => id))
      const before = read(path)
      const others = before.filter((line) => !ours.has(nameOf(line)))
      const lines = more([...others, ...devices.flatMap(({ entry }) => entry ?? [])], before)
      const text = lines.map((line) => `${line}\n`).join("")
      if (text === before.map((line) => `${line}\n`).join("")) return true
      const temporary = `${path}.new`
      writeFileSync(temporary, text, { mode: 0o640 })
      renameSync(temporary, path)
      return true
    } catch (error) {
      onFailure(error)
      return false
    }
  }

  return {
    /** Writes what is committed now. */
    write: (): void => void write((lines) => [...lines]),
    /**
     * Writes what is committed now, and the line of a witness: a user without any right who is another one whenever
     * something has changed in the file, or in what `beside` stands for. The broker lets it in once it has read the
     * file. Undefined when the file could not be written.
     */
    writeWithWitness: (beside: string): Credentials | undefined => {
      let witness: Credentials | undefined
      const written = write((all, before) => {
        const lines = all.filter((line) => !line.startsWith(witnessPrefix))
        const digest = createHash("sha256")
          .update(`${lines.join("\n")}\n${beside}`)
          .digest("hex")
        // Whoever can read the file learns this password, and it opens nothing.
        witness = { username: `${witnessPrefix}${digest.slice(0, 16)}`, password: digest }
        const kept = before.find((line) => nameOf(line) === witness?.username)
        return [...lines, kept ?? mosquittoEntry(witness.username, witness.password)]
      })
      return written ? witness : undefined
    },
  }
}

const nameOf = (line: string) => line.slice(0, line.indexOf(":"))

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
