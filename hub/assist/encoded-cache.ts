import { mkdir, readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"

/** Files that could be made again, in one folder of bounded size: what was used longest ago goes first. */
export async function openEncodedCache({ folder, most }: { folder: string; most: number }) {
  await mkdir(folder, { recursive: true })
  const sizes = new Map<string, number>()
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => ({ name, ...(await sizeOf(join(folder, name))) })),
  )
  for (const { name, size } of found.sort((a, b) => a.at - b.at)) {
    // A process that was killed while it wrote leaves this behind.
    if (!name.endsWith(".enc")) await rm(join(folder, name), { force: true })
    else sizes.set(name, size)
  }
  let total = [...sizes.values()].reduce((sum, size) => sum + size, 0)

  const forget = async (name: string) => {
    total -= sizes.get(name) ?? 0
    sizes.delete(name)
    await rm(join(folder, name), { force: true })
  }
  const nameOf = (image: string, encoder: string) => `${image}-${encoder.slice(0, 16)}.enc`
  return {
    path: (image: string, encoder: string) => join(folder, nameOf(image, encoder)),
    has: (image: string, encoder: string) => sizes.has(nameOf(image, encoder)),
    /** Says that a file was just written or read. */
    async used(image: string, encoder: string): Promise<void> {
      const name = nameOf(image, encoder)
      const { size } = await sizeOf(join(folder, name))
      total += size - (sizes.get(name) ?? 0)
      sizes.delete(name)
      sizes.set(name, size)
      for (const oldest of [...sizes.keys()]) {
        if (total <= most || oldest === name) break
        await forget(oldest)
      }
    },
    forget: (image: string, encoder: string) => forget(nameOf(image, encoder)),
    total: () => total,
  }
}
export type EncodedCache = Awaited<ReturnType<typeof openEncodedCache>>

async function sizeOf(path: string): Promise<{ size: number; at: number }> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { size, at: mtimeMs }
  } catch {
    return { size: 0, at: 0 }
  }
}
