import { createHash } from "node:crypto"
import canonicalize from "canonicalize"
import type { SampleLabel } from "#contract/training"
import type { Split } from "./split.rules.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

/** Name of what was said about a picture: equal statements have equal digests, whatever their order (RFC 8785). */
export function labelDigest(label: SampleLabel): string {
  const boxes = label.boxes
    .map((b) => canonicalize(b) ?? "")
    .sort()
    .join("\n")
  return sha256(`${label.verdict}\n${[...new Set(label.kinds)].sort().join(",")}\n${boxes}`)
}

/**
 * Name of a frozen set: SHA-256 over its sorted lines of picture, label, split, group and weight. Equal content gives
 * an equal name on any machine; one changed label gives another.
 */
export function setDigest(
  samples: readonly { image: string; label: SampleLabel; split: Split; group: string; weight: number }[],
): string {
  // Most labels say the same few things without a box, and are one object then.
  const known = new Map<SampleLabel, string>()
  const digestOf = (label: SampleLabel): string => {
    if (label.boxes.length > 0) return labelDigest(label)
    const digest = known.get(label) ?? labelDigest(label)
    known.set(label, digest)
    return digest
  }
  const lines = samples.map((s) => `${s.image} ${digestOf(s.label)} ${s.split} ${s.group} ${s.weight}`)
  // A freeze has them in their order.
  if (lines.some((line, i) => i > 0 && line < lines[i - 1]!)) lines.sort()
  const name = createHash("sha256").update("crux.dataset.v1\n")
  for (let from = 0; from < lines.length || from === 0; from += together)
    name.update(`${lines.slice(from, from + together).join("\n")}\n`)
  return name.digest("hex")
}

/** Lines that are hashed as one text. */
const together = 1_000
