import { writeFileSync } from "node:fs"
import { Glob } from "bun"

/** Debian's package `libfaketime`; the folder carries the machine's name. */
const [library] = new Glob("/usr/lib/*/faketime/libfaketime.so.1").scanSync({ absolute: true })

/** Undefined where programs can be given another time than the machine's. */
export function hasFaketime(): string | undefined {
  if (!library) return "libfaketime is not installed"
  const shown = Bun.spawnSync([process.execPath, "-e", "console.log(new Date().getUTCFullYear())"], {
    env: { ...process.env, LD_PRELOAD: library, FAKETIME: "@1970-01-02 00:00:00" },
  }).stdout.toString()
  return shown.trim() === "1970" ? undefined : "libfaketime does not reach this program"
}

/**
 * A clock of its own for programs started with its `env`, kept in the file `path`; `set` takes what faketime takes
 * ("+10y", "-1d", "@1970-01-01 00:00:00", "+0") and reaches programs that run within a second. Their timers go on
 * undisturbed, as those of a machine do whose clock somebody sets.
 */
export function createFakeClock(path: string, time = "+0") {
  const set = (to: string) => writeFileSync(path, `${to}\n`)
  set(time)
  return {
    set,
    env: {
      LD_PRELOAD: library ?? "",
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  }
}
