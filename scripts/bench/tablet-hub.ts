import { join } from "node:path"
import { freePort } from "../faults/plant.ts"

export type BenchHub = { url: string; password: string }

/** A hub in a process of its own, with people, `parts` with pictures, and the screens built into `folder`/ui. */
export async function startTabletHub(
  folder: string,
  {
    parts,
    cost,
  }: { parts: number /** What passwords and PINs cost: little, or the usual. */; cost?: "usual" },
) {
  const script = join(import.meta.dirname, "../../test/browser/support/hub.child.ts")
  const port = String(await freePort())
  const child = Bun.spawn(
    [
      process.execPath,
      script,
      join(folder, "data"),
      port,
      join(folder, "ui"),
      String(parts),
      ...(cost ? [cost] : []),
    ],
    { stdout: "pipe", stderr: "inherit" },
  )
  const { value } = await child.stdout.getReader().read()
  return {
    ...(JSON.parse(new TextDecoder().decode(value)) as BenchHub),
    stop: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}
