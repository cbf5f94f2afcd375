import { expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { longFiles, timingsOf } from "../../scripts/ok/timings.ts"

const root = join(import.meta.dir, "../..")

test("every file that is said to take long is there", () => {
  const there = new Set(new Bun.Glob("test/**/*.test.ts").scanSync(root))
  expect(Object.keys(longFiles).filter((file) => !there.has(file))).toEqual([])
})

test("bun test starts what takes long before what does not", () => {
  const folder = mkdtempSync(join(tmpdir(), "crux-timings-"))
  const long = ["test/browser/loop.test.ts", "test/faults/kill.test.ts"]
  const short = ["test/a.test.ts", "test/browser/b.test.ts", "test/z.test.ts"]
  const write = (file: string, body: string) => {
    mkdirSync(join(folder, file, ".."), { recursive: true })
    const imports = 'import { test } from "bun:test"; import { existsSync, writeFileSync } from "node:fs"'
    writeFileSync(join(folder, file), `${imports}\ntest("x", async () => { ${body} })`)
  }
  const begun = JSON.stringify(long.map((_, i) => join(folder, `begun-${i}`)))
  // Both of them are at work before either ends: two workers have nothing else to begin with.
  for (const [i, file] of long.entries())
    write(
      file,
      `writeFileSync(${begun}[${i}], ""); while (!${begun}.every((path) => existsSync(path))) await Bun.sleep(5)`,
    )
  for (const [i, file] of short.entries())
    write(
      file,
      `writeFileSync(${JSON.stringify(join(folder, `after-${i}`))}, String(${begun}.every((path) => existsSync(path))))`,
    )
  writeFileSync(join(folder, "timings.json"), timingsOf([...short, ...long]))
  const run = Bun.spawnSync(
    [process.execPath, "test", "--parallel=2", "--timeout=60000", "--timings=timings.json"],
    {
      cwd: folder,
    },
  )
  expect({ code: run.exitCode, err: run.stderr.toString() }).toMatchObject({ code: 0 })
  for (const i of short.keys()) {
    expect(existsSync(join(folder, `after-${i}`))).toBe(true)
    expect(readFileSync(join(folder, `after-${i}`), "utf8")).toBe("true")
  }
}, 60_000)
