import { timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"
import { StartFailure } from "#platform/start-failure"

const lineShape = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,63}):(.{12,})$/

/**
 * Who may read results at the hub's own broker: a file of lines name:password, as its owner keeps it. Throws
 * StartFailure `config`, without ever repeating a password.
 */
export function readReaders(path: string): { isReader: (name: string, password: Uint8Array) => boolean } {
  const refuse = (why: string, cause?: unknown) =>
    new StartFailure(
      "config",
      `The file of --mqtt-readers ${why}.`,
      "One line name:password per reader.",
      cause,
    )
  let text: string
  try {
    text = path === "" ? "" : readFileSync(path, "utf8")
  } catch (cause) {
    throw refuse(`cannot be read: ${path}`, cause)
  }
  const readers = new Map<string, Buffer>()
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "") return
    const [, name, password] = lineShape.exec(line.trim()) ?? []
    if (name === undefined || password === undefined)
      throw refuse(`is wrong in line ${i + 1}: a name, a colon and a password of at least 12 characters`)
    readers.set(name, Buffer.from(password))
  })
  return {
    isReader: (name, password) => {
      const expected = readers.get(name)
      return expected?.length === password.length && timingSafeEqual(expected, password)
    },
  }
}
