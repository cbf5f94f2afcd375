import { dirname } from "node:path"

/** One call to the kernel that changes files, or makes changes durable. `began` and `ended` are places in the trace. */
export type DiskCall = { readonly began: number; readonly ended: number } & (
  | { readonly kind: "create"; readonly path: string; readonly truncate: boolean }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly bytes: Buffer; readonly at: number | undefined }
  | { readonly kind: "truncate"; readonly path: string; readonly length: number }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
)

const calls = [
  "open",
  "openat",
  "write",
  "writev",
  "pwrite64",
  "pwritev",
  "pwritev2",
  "ftruncate",
  "fallocate",
  "fsync",
  "fdatasync",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "rmdir",
  "mkdir",
  "mkdirat",
]

/** Put before a command: writes down every change of files, with all bytes, of it and of what it starts. */
export function recording(into: string): string[] {
  return [
    "strace",
    "-D",
    "-f",
    "-qq",
    "-xx",
    "-y",
    "-s",
    "16777216",
    "-o",
    into,
    "-e",
    `trace=${calls.join(",")}`,
  ]
}

/** Reads what `recording` has written; only what happened below `root`. */
export function readTrace(text: string, root: string): DiskCall[] {
  const found: DiskCall[] = []
  const unfinished = new Map<string, { head: string; began: number }>()
  let place = 0
  let from = 0
  while (from < text.length) {
    let end = text.indexOf("\n", from)
    if (end < 0) end = text.length
    const line = text.slice(from, end)
    from = end + 1
    place += 1
    const [, pid = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith("<unfinished ...>")) {
      unfinished.set(pid, { head: rest.slice(0, -"<unfinished ...>".length).trimEnd(), began: place })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest)
    const begun = resumed && unfinished.get(pid)
    if (resumed && !begun) continue
    const whole = begun ? begun.head + rest.slice(resumed[0].length) : rest
    const at = { began: begun?.began ?? place, ended: place }
    const call = parseCall(whole, at)
    if (call && (call.path === root || call.path.startsWith(`${root}/`))) found.push(call)
  }
  return found
}

const string = /"((?:\\x[0-9a-f]{2})*)"/g
const descriptor = /^(\d+)<([^>]*)>/
const bytesOf = (hex: string) => Buffer.from(hex.replaceAll("\\x", ""), "hex")
/** A path as strace says it in `<>`: as it is, or in hexadecimal too. */
const pathOf = (said: string) =>
  (said.startsWith("\\x") ? bytesOf(said).toString() : said).replace(/ \(deleted\)$/, "")

function parseCall(line: string, at: { began: number; ended: number }): DiskCall | undefined {
  const open = line.indexOf("(")
  const close = line.lastIndexOf(") ")
  const answer = /^ *= *(-?\d+)/.exec(line.slice(close + 1))
  if (open < 0 || close < 0 || !answer || answer[1]!.startsWith("-")) return undefined
  const name = line.slice(0, open)
  const args = line.slice(open + 1, close)
  const names = () => [...args.matchAll(string)].map(([, hex = ""]) => bytesOf(hex).toString())
  const fd = () => {
    const found = descriptor.exec(args)
    return found ? pathOf(found[2]!) : ""
  }
  switch (name) {
    case "open":
    case "openat": {
      const [path = ""] = names()
      if (!/O_CREAT|O_TRUNC/.test(args) || args.includes("O_TMPFILE")) return undefined
      return { ...at, kind: "create", path, truncate: args.includes("O_TRUNC") }
    }
    case "mkdir":
    case "mkdirat":
      return { ...at, kind: "mkdir", path: names()[0] ?? "" }
    case "write":
    case "writev":
    case "pwrite64":
    case "pwritev":
    case "pwritev2": {
      // As many bytes as the kernel took.
      const bytes = Buffer.concat([...args.matchAll(string)].map(([, hex = ""]) => bytesOf(hex)))
      // The last argument; of pwritev2 the one before the flags.
      const place = name === "pwritev2" ? /, (\d+), [^,]+$/ : /, (\d+)$/
      const offset = name.startsWith("pwrite") ? Number(place.exec(args)?.[1]) : undefined
      return { ...at, kind: "write", path: fd(), bytes: bytes.subarray(0, Number(answer[1])), at: offset }
    }
    case "ftruncate":
      return { ...at, kind: "truncate", path: fd(), length: Number(/, (\d+)$/.exec(args)?.[1]) }
    case "fsync":
    case "fdatasync":
      return { ...at, kind: "sync", path: fd() }
    case "rename":
    case "renameat":
    case "renameat2": {
      const [path = "", to = ""] = names()
      return { ...at, kind: "rename", path, to }
    }
    case "unlink":
    case "unlinkat":
    case "rmdir":
      return { ...at, kind: "unlink", path: names()[0] ?? "" }
    default:
      return undefined
  }
}

export const folderOf = (path: string): string => dirname(path)
