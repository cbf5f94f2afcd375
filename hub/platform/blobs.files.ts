import { open } from "node:fs/promises"

/** Makes the entries of a directory durable: a rename alone is not. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r")
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
