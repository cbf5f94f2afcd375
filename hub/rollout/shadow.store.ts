import type { Sqlite } from "#platform/sqlite"

/** What a station's shadow model is to be. */
export type Shadow = {
  device: string
  line: string
  manifest: string
  share: number
  assigned_at: number
  assigned_by: string
}

/** The only SQL of what stations are told to run in shadow. */
export function createShadowStore(db: Sqlite) {
  const all = db.prepare<Shadow>("SELECT * FROM shadow_line ORDER BY device, line")
  const of = db.prepare<Shadow>("SELECT * FROM shadow_line WHERE device = $device ORDER BY line")
  const put = db.prepare(`
    INSERT INTO shadow_line (device, line, manifest, share, assigned_at, assigned_by)
    VALUES ($device, $line, $manifest, $share, $assigned_at, $assigned_by)
    ON CONFLICT DO UPDATE SET manifest = $manifest, share = $share, assigned_at = $assigned_at,
      assigned_by = $assigned_by`)
  const drop = db.prepare("DELETE FROM shadow_line WHERE device = $device AND line = $line")
  return {
    all: (): Shadow[] => all.all(),
    of: (device: string): Shadow[] => of.all({ device }),
    put: (shadow: Shadow): void => void put.run(shadow),
    drop: (device: string, line: string): void => void drop.run({ device, line }),
  }
}
export type ShadowStore = ReturnType<typeof createShadowStore>
