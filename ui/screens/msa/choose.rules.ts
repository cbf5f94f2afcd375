import type { KnownPart } from "#contract/review"

/** Known parts with a picture for a study, at most `most`: half of them NG where there are as many. */
export function chooseParts(known: readonly KnownPart[], most: number): string[] {
  const withPicture = known.filter(({ inspection }) => inspection.image !== null)
  const ng = withPicture.filter(({ verdict }) => verdict === "ng")
  const ok = withPicture.filter(({ verdict }) => verdict === "ok")
  const half = Math.ceil(most / 2)
  const fromNg = Math.min(ng.length, Math.max(half, most - ok.length))
  const fromOk = Math.min(ok.length, most - fromNg)
  return [...ng.slice(0, fromNg), ...ok.slice(0, fromOk)].map(({ inspection }) => inspection.id)
}
