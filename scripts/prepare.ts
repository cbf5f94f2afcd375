import { ensureBackbone } from "../models/backbone/convert.ts"
import { ensureUi } from "./build-ui.ts"

/** Makes what the program needs beside its packages: the default backbone and the built screens. Quick when fresh. */
export async function prepare(): Promise<void> {
  await ensureBackbone()
  await ensureUi()
}

if (import.meta.main) await prepare()
