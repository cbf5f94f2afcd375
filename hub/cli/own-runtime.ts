import { selfCommand } from "#models/child"

/**
 * What Bun reads once, when the program starts.
 *
 * Threads for file work: a sync holds one until the disk has answered, and by default there are as many as cores. Measured
 * on 2 cores, 2 threads bring 2,200 images of 2 KB a second to disk, 8 threads 3,100.
 *
 * The memory that JavaScript counts with when it decides how often to look for what is no longer used: images that have been
 * stored are left lying for longer on a machine with much of it. Measured with 200 KB images on 23 GB: 420 to 500 MB at
 * the most as it is, 310 to 360 MB counting with 1 GiB, as many images a second. It is no limit.
 */
export const hubRuntime = {
  UV_THREADPOOL_SIZE: "8",
  BUN_JSC_forceRAMSize: String(1024 ** 3),
} as const
const memory = "BUN_JSC_forceRAMSize"

/**
 * What children read that let go of nearly everything they take in, as exports and imports do: they look for what is no
 * longer used before it has piled up.
 */
export const streamRuntime = { [memory]: String(256 * 1024 ** 2) } as const

/**
 * Gives the hub these settings, where nobody has chosen others, by starting this program again in its own place (same process
 * id). Returns where a program cannot replace itself (Windows); it then works with what it has.
 */
export function ensureHubRuntime(...command: string[]): void {
  const missing = Object.entries(hubRuntime).filter(([name]) => process.env[name] === undefined)
  if (missing.length === 0) {
    // Read by now. Children that train or export have other work, and inherit this environment.
    if (process.env[memory] === hubRuntime[memory]) delete process.env[memory]
    return
  }
  if (process.execve === undefined || process.platform === "win32") return
  const [program = process.execPath, ...args] = selfCommand(...command)
  process.execve(program, [program, ...process.execArgv, ...args], {
    ...definedOf(process.env),
    ...Object.fromEntries(missing),
  })
}

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
