import { type FSWatcher, watch } from "node:fs"
import { join } from "node:path"
import { prepare } from "./prepare.ts"

/**
 * bun run dev [command and options, default: hub]: runs crux from source, starts it again when its code changes, and
 * builds the screens again when theirs do.
 */
const root = join(import.meta.dirname, "..")
const command = process.argv.length > 2 ? process.argv.slice(2) : ["hub"]

/** Editors write a file in several steps: wait until they are done. */
const SETTLE_MS = 150

function start() {
  return Bun.spawn([process.execPath, join(root, "hub/main.ts"), ...command], {
    stdio: ["inherit", "inherit", "inherit"],
  })
}

/** Calls `react` after changes in the folders have settled; one call at a time. */
function onChange(folders: readonly string[], react: () => Promise<void>): FSWatcher[] {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = Promise.resolve()
  return folders.map((folder) =>
    watch(join(root, folder), { recursive: true }, () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        running = running.then(react).catch((error) => console.error(error))
      }, SETTLE_MS)
    }),
  )
}

await prepare()
const state = { child: start() }

onChange(["hub", "models", "edge"], async () => {
  // The hub ends its work properly: the same way as under systemd.
  state.child.kill("SIGTERM")
  await state.child.exited
  state.child = start()
})
onChange(["ui"], prepare)

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    state.child.kill("SIGTERM")
    process.exit(await state.child.exited)
  })
}
