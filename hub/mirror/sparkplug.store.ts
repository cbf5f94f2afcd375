import type { Sqlite } from "#platform/sqlite"

/** Numbers of births and deaths of Sparkplug nodes. */
export function createSparkplugStore({ sqlite }: { sqlite: Sqlite }) {
  const take = sqlite.prepare<{ taken: number }>(
    `INSERT INTO sparkplug_node (topic, next_bdseq) VALUES ($topic, 1)
     ON CONFLICT DO UPDATE SET next_bdseq = (next_bdseq + 1) % 256
     RETURNING (next_bdseq + 255) % 256 AS taken`,
  )
  return {
    /** The number of the next connection: 0 at first, then one more each time, 0 again after 255. */
    takeBdSeq: (topic: string): number => take.get({ topic })?.taken ?? 0,
  }
}
