import type { Sqlite } from "#platform/sqlite"
import type { Kept } from "./sampling.rules.ts"

/** The only SQL of the pictures kept in the last hour. Writing expects a transaction of the caller. */
export function createHourlyCapsStore(sqlite: Sqlite) {
  const all = sqlite.prepare<Kept>("SELECT why, step, count FROM hourly_kept")
  const clear = sqlite.prepare("DELETE FROM hourly_kept")
  const insert = sqlite.prepare("INSERT INTO hourly_kept VALUES ($why, $step, $count)")
  return {
    read: (): Kept[] => all.all(),
    replace: (kept: readonly Kept[]): void => {
      clear.run()
      for (const one of kept) insert.run(one)
    },
  }
}
export type HourlyCapsStore = ReturnType<typeof createHourlyCapsStore>
