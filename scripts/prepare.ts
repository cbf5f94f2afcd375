import { ensureBackbone } from "../models/backbone/convert.ts"

/** Makes what the program needs beside its packages: the default backbone and the built screens. Quick when fresh. */
export async function prepare(): Promise<void> {
  await ensureBackbone()
}

if (import.meta.main) await prepare()
