import type { PackPlace } from "#platform/blob-reader"
import type { Sqlite } from "#platform/sqlite"

/** A part whose picture has had its use. */
type EvictionCandidate = { id: string; n: number; received_at: number; sha256: string; size: number }

/** SQL: a picture goes from every part it belongs to, so none of them may be unlabelled, unsure, waiting, young or held. */
const hasHadItsUse = (image: string) => `NOT EXISTS (
  SELECT 1 FROM (
    SELECT * FROM inspection WHERE image_sha256 = ${image}
    UNION ALL SELECT p.* FROM further_image g JOIN inspection p ON p.id = g.inspection_id WHERE g.sha256 = ${image}
  ) o WHERE o.label_verdict IS NULL OR o.label_verdict = 'unsure' OR o.queue_rank IS NOT NULL
    OR o.received_at >= $before OR EXISTS (SELECT 1 FROM inspection_hold h WHERE h.inspection_id = o.id)
)`

/** The SQL of giving pictures up. All writes expect to run inside a transaction of the caller. */
export function createEvictionStore({ sqlite }: { sqlite: Sqlite }) {
  const selectInPack = sqlite.prepare<{ n: number }>(
    "SELECT EXISTS (SELECT 1 FROM image WHERE pack = $pack) AS n",
  )
  const selectCandidates = sqlite.prepare<EvictionCandidate>(
    `SELECT i.id, i.n, i.received_at, m.sha256, m.size FROM inspection i JOIN image m ON m.sha256 = i.image_sha256
     WHERE i.label_verdict IS NOT NULL AND (i.received_at, i.n) > ($receivedAt, $n) AND i.received_at < $before
       AND ${hasHadItsUse("i.image_sha256")}
     ORDER BY i.received_at, i.n LIMIT $limit`,
  )
  const selectFurther = sqlite.prepare<{ sha256: string; size: number }>(
    `SELECT m.sha256, m.size FROM further_image f JOIN image m ON m.sha256 = f.sha256
     WHERE f.inspection_id = $id AND ${hasHadItsUse("f.sha256")}`,
  )
  const selectShowing = sqlite.prepare<{ id: string; sha256: string }>(
    `SELECT id, coalesce(image_sha256, $sha256) AS sha256 FROM inspection WHERE image_sha256 = $sha256
     UNION SELECT i.id, coalesce(i.image_sha256, $sha256) FROM further_image f JOIN inspection i
       ON i.id = f.inspection_id WHERE f.sha256 = $sha256`,
  )
  const dropFurther = sqlite.prepare("DELETE FROM further_image WHERE sha256 = $sha256")
  const evictRows = sqlite.prepare(
    "UPDATE inspection SET image_sha256 = NULL, image_state = 'evicted' WHERE image_sha256 = $sha256",
  )
  const insertEvicted = sqlite.prepare(
    `INSERT INTO evicted_image (sha256, size, at, file_left, pack, pack_at)
       SELECT sha256, size, $at, 1, pack, pack_at FROM image WHERE sha256 = $sha256
     ON CONFLICT DO UPDATE SET at = $at, file_left = 1, pack = excluded.pack, pack_at = excluded.pack_at`,
  )
  const evictThumbs = sqlite.prepare(
    `INSERT INTO evicted_image (sha256, size, at, file_left)
       SELECT DISTINCT thumb_sha256, 0, $at, 1 FROM thumbnail t WHERE t.sha256 = $sha256
         AND NOT EXISTS (SELECT 1 FROM thumbnail o WHERE o.thumb_sha256 = t.thumb_sha256 AND o.sha256 <> t.sha256)
     ON CONFLICT DO UPDATE SET file_left = 1`,
  )
  const dropThumbs = sqlite.prepare("DELETE FROM thumbnail WHERE sha256 = $sha256")
  const dropImage = sqlite.prepare("DELETE FROM image WHERE sha256 = $sha256")
  const selectEvictedFiles = sqlite.prepare<{
    sha256: string
    size: number
    pack: number | null
    pack_at: number | null
  }>("SELECT sha256, size, pack, pack_at FROM evicted_image WHERE file_left = 1")
  const evictedFileGone = sqlite.prepare("UPDATE evicted_image SET file_left = 0 WHERE sha256 = $sha256")
  const selectEvicted = sqlite.prepare<{ at: number }>("SELECT at FROM evicted_image WHERE sha256 = $sha256")
  // Thumbnails went along and can be made no more; they are not counted as pictures.
  const evictedTotals = sqlite.prepare<{ images: number; bytes: number; last_at: number | null }>(
    `SELECT count(*) AS images, coalesce(sum(size), 0) AS bytes, max(at) AS last_at
     FROM evicted_image WHERE size > 0`,
  )

  return {
    /** Parts whose picture has had its use, received before a time, oldest first. */
    evictionCandidates: (
      after: { receivedAt: number; n: number },
      before: number,
      limit: number,
    ): EvictionCandidate[] => selectCandidates.all({ ...after, before, limit }),
    /** The other pictures of such a part, as far as every part they belong to has had its use. */
    furtherImages: (id: string, before: number): { sha256: string; size: number }[] =>
      selectFurther.all({ id, before }),
    /** All parts that a picture belongs to, each with the picture people look at. */
    showing: (sha256: string): { id: string; sha256: string }[] => selectShowing.all({ sha256 }),
    /** Gives a picture up: no row names it any more, its file may go. */
    evict: (sha256: string, at: number): void => {
      evictRows.run({ sha256 })
      evictThumbs.run({ sha256, at })
      dropThumbs.run({ sha256 })
      dropFurther.run({ sha256 })
      insertEvicted.run({ sha256, at })
      dropImage.run({ sha256 })
    },
    /** What is given up and still takes room. */
    evictedFiles: (): { sha256: string; place: PackPlace | undefined }[] =>
      selectEvictedFiles.all().map(({ sha256, size, pack, pack_at }) => ({
        sha256,
        place: pack === null ? undefined : { pack, at: pack_at!, size },
      })),
    /** Whether anything in a pack is still named. */
    isPackNeeded: (pack: number): boolean => selectInPack.get({ pack })!.n === 1,
    evictedFileGone: (sha256: string): void => void evictedFileGone.run({ sha256 }),
    /** When a picture was given up. */
    evictedAt: (sha256: string): number | undefined => selectEvicted.get({ sha256 })?.at,
    evictedTotals: () => evictedTotals.get()!,
  }
}
export type EvictionStore = ReturnType<typeof createEvictionStore>
