import { expect, test } from "bun:test"
import { existsSync, mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeDemoFolder } from "../../hub/demo/demo-folder.ts"

/** Another demo: a process of its own, holding its folder until it is ended. */
async function anotherDemo() {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "support/demo-folder.child.ts")], {
    stdout: "pipe",
    env: { ...process.env },
  })
  const { value } = await child.stdout.getReader().read()
  return { child, path: new TextDecoder().decode(value).trim() }
}

test("a demo that was killed leaves its folder to the next one; one that lives keeps it", async () => {
  const [killed, living] = [await anotherDemo(), await anotherDemo()]
  killed.child.kill("SIGKILL")
  await killed.child.exited
  const strange = join(tmpdir(), "crux-demo-of-somebody-else")
  mkdirSync(strange)
  try {
    const mine = makeDemoFolder()
    expect(existsSync(killed.path)).toBe(false)
    expect(existsSync(living.path)).toBe(true)
    expect(existsSync(strange)).toBe(true)
    mine.remove()
    expect(existsSync(mine.path)).toBe(false)
  } finally {
    living.child.kill("SIGKILL")
    await living.child.exited
  }
})
