/**
 * A name from an archive as a path that stays inside: "/" between its parts, no part that leads out, nothing a file
 * system or a terminal reads as more than a name. Null for a name that cannot be made one.
 */
export function safePath(name: string): string | null {
  const path = name
    .replaceAll("\\", "/")
    .replace(/^(\.\/)+/, "")
    .normalize("NFC")
  if (path.length === 0 || path.length > 1_000) return null
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/^\/|^[A-Za-z]:|[\x00-\x1f\x7f]/.test(path)) return null
  const parts = path.split("/")
  if (parts.length > 32) return null
  return parts.some((part) => part === "" || part === "." || part === ".." || part.length > 255) ? null : path
}

/** A file name made of foreign words: letters, digits, dot, dash and underscore of any script. */
export function fileName(text: string): string {
  const name = text
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}._-]+/gu, "_")
    .replace(/^[._]+/, "")
  return name.slice(0, 100) || "_"
}
