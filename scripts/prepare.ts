import { ensureBackbone } from "../models/backbone/convert.ts"
import { makeIfStale } from "./build/fingerprint.ts"
import { buildUi } from "./build-ui.ts"

/** Makes what the program needs beside its packages: the default backbone and the built screens. Quick when fresh. */
export async function prepare(): Promise<void> {
  await ensureBackbone()
  await makeIfStale("dist/ui", ["ui", "hub/contract", "scripts/build-ui.ts"], () => buildUi())
}

if (import.meta.main) await prepare()
