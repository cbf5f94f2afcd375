import type { Slot } from "#contract/release"
import type { Target } from "./activation.rules.ts"

/** Enough of a target to journal about a slot whose wish is long gone. */
export function targetFrom(slot: Slot | undefined, rev = 0): Target | undefined {
  if (!slot) return undefined
  const probation = { parts: 1, max_minutes: 1, max_undecidable: 1, max_ng_shift: 1 }
  const manifest = { sha256: slot.manifest, size: 0 }
  return { rev, line: slot.line, wanted: { manifest, release: slot.release, action: "run", probation } }
}

/** The wish a journal row was about: the stored one when it still is the same, else what the row itself says. */
export function targetFromEntry(
  entry: { rev: number; line: string | null; release: number | null; manifest: string | null; at: number },
  wish: Target | undefined,
): Target | undefined {
  const { line, release, manifest } = entry
  if (line === null || release === null || manifest === null) return undefined
  if (wish?.wanted.manifest.sha256 === manifest) return wish
  return targetFrom({ line, release, manifest, digest: manifest, since: entry.at }, entry.rev)
}
