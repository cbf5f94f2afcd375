import { mkdtempSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from "node:os"
import { join } from "node:path"

/** What the figures depend on, as lines of `name: value`. */
export async function describeMachine(): Promise<string[]> {
  return [
    `processor: ${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? "unknown"}`,
    `memory: ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `disk: ${Math.round(await syncsPerSecond())} synced 4 KiB writes a second, one after the other`,
    `load before the run: ${loadavg()[0]?.toFixed(1)} (1 minute)`,
    `Bun ${Bun.version}, ${process.platform} ${process.arch}`,
  ]
}

async function syncsPerSecond(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "crux-bench-"))
  const file = await open(join(folder, "sync"), "w")
  try {
    const block = new Uint8Array(4096)
    const started = performance.now()
    let count = 0
    for (; performance.now() - started < 1000; count++) {
      await file.write(block)
      await file.datasync()
    }
    return (count * 1000) / (performance.now() - started)
  } finally {
    await file.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
