import { createHash } from "node:crypto"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Draft } from "../../../edge/outbox/outbox.ts"
import { systemIds } from "../../../hub/platform/ids.ts"

export function tempFolder(): string {
  return mkdtempSync(join(tmpdir(), "crux-edge-"))
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** Waits until `condition` gives a value that is not false or undefined; fails after `ms` with what it was waiting for. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false,
  ms = 20_000,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const value = condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain: ${what}`)
    await Bun.sleep(10)
  }
}

export function draftOf(evaluation: "ok" | "ng" | "undecidable", whySent: string = evaluation): Draft {
  return {
    v: 1,
    id: systemIds.uuid(),
    ts: Date.now(),
    verdict: { eval: evaluation },
    findings: [],
    policy: { why_sent: whySent, image: "full" },
  }
}
