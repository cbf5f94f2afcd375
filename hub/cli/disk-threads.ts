import { selfCommand } from "#models/child"

/** Bun reads the size of its pool for file work from this variable, once, when the program starts. */
const variable = "UV_THREADPOOL_SIZE"
const threads = 8

/**
 * Gives the hub enough threads for file work, by starting this program again in its own place (same process id) when
 * nobody has chosen a number. A sync holds a thread until the disk has answered, and by default there are as many
 * threads as cores: measured on 2 cores, 2 threads bring 2,200 images of 2 KB a second to disk, 8 threads 3,100.
 * Returns where a program cannot replace itself (Windows); it then works with what it has.
 */
export function ensureDiskThreads(...command: string[]): void {
  if (process.env[variable] !== undefined || process.execve === undefined || process.platform === "win32")
    return
  const [program = process.execPath, ...args] = selfCommand(...command)
  process.execve(program, [program, ...process.execArgv, ...args], {
    ...definedOf(process.env),
    [variable]: String(threads),
  })
}

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
