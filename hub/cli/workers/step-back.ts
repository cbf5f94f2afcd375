import { readdirSync } from "node:fs"
import { setPriority } from "node:os"

/**
 * Gives this process the priority `nice`, 0..19. On Linux a priority is a thread's own and new threads inherit that of the
 * thread that makes them, so it is set for those the runtime has started already, too.
 */
export function stepBack(nice: number): void {
  setPriority(nice)
  const done = new Set<string>()
  for (;;) {
    const fresh = threads().filter((thread) => !done.has(thread))
    if (fresh.length === 0) return
    for (const thread of fresh) {
      done.add(thread)
      try {
        setPriority(Number(thread), nice)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

function threads(): string[] {
  try {
    return readdirSync("/proc/self/task")
  } catch {
    // Elsewhere a priority is the process's.
    return []
  }
}
