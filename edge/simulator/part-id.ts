/**
 * Where a simulated part comes from. Streams never share a part: what a line makes is never in the golden set,
 * and what the model is measured on at the end (`unseen`) is in neither.
 */
export type Stream = "warmup" | "golden" | "unseen" | `line/${number}`

export interface PartOrigin {
  seed: number
  stream: Stream
  /** Number within the stream, from 1. */
  n: number
}

const letters = { G: "golden", U: "unseen", W: "warmup" } as const

/** `P7-L1-000123`: seed 7, line station 1, part 123; `G`, `U` and `W` stand for golden, unseen and warm-up. */
export function partIdOf({ seed, stream, n }: PartOrigin): string {
  const place = stream.startsWith("line/") ? `L${stream.slice(5)}` : stream[0]!.toUpperCase()
  return `P${seed}-${place}-${String(n).padStart(6, "0")}`
}

/** Reads a simulated part's id; undefined if the text is not one. */
export function readPartId(text: string): PartOrigin | undefined {
  const match = /^P(\d{1,9})-(?:L(\d{1,4})|([GUW]))-(\d{6,9})$/.exec(text)
  if (!match) return undefined
  const [, seed, station, letter, n] = match
  const stream: Stream = station ? `line/${Number(station)}` : letters[letter as keyof typeof letters]
  return { seed: Number(seed), stream, n: Number(n) }
}
