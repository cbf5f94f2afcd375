import { expect, test } from "bun:test"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openEnvelope, parseEnvelope, preAuthEncoding } from "#contract/dsse"
import { openSigningKeys } from "#platform/signing"

async function withKeys(check: (dataDir: string) => Promise<void>) {
  const dataDir = await mkdtemp(join(tmpdir(), "crux-keys-"))
  try {
    await check(dataDir)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

test("the signed bytes are DSSE's own example", () => {
  // The specification's example: PAE of type "http://example.com/HelloWorld" and body "hello world".
  const bytes = preAuthEncoding("http://example.com/HelloWorld", new TextEncoder().encode("hello world"))
  expect(new TextDecoder().decode(bytes)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world")
})

test("what the hub key signs opens with the pinned public key, byte for byte", () =>
  withKeys(async (dataDir) => {
    const keys = await openSigningKeys({ dataDir })
    const payload = new TextEncoder().encode('{"v":1}')
    const envelope = parseEnvelope(new TextEncoder().encode(JSON.stringify(keys.hub.sign("a/b", payload))))
    expect(new Uint8Array(openEnvelope(envelope, "a/b", keys.trusted.hub))).toEqual(payload)
  }))

test("another key, another type or another payload is refused", () =>
  withKeys(async (dataDir) => {
    const keys = await openSigningKeys({ dataDir })
    const envelope = keys.hub.sign("a/b", new TextEncoder().encode("run model 4"))
    const changed = { ...envelope, payload: Buffer.from("run model 5").toString("base64") }
    expect(() => openEnvelope(envelope, "a/b", keys.trusted.release)).toThrow("signature")
    expect(() => openEnvelope(envelope, "a/c", keys.trusted.hub)).toThrow("signature")
    expect(() => openEnvelope(changed, "a/b", keys.trusted.hub)).toThrow("signature")
  }))

test("keys are made once, stay the same at the next start, and only their owner reads them", () =>
  withKeys(async (dataDir) => {
    const first = await openSigningKeys({ dataDir })
    const second = await openSigningKeys({ dataDir })
    expect(second.trusted).toEqual(first.trusted)
    expect(first.trusted.hub).not.toBe(first.trusted.release)
    expect((await stat(join(dataDir, "keys", "hub.key"))).mode & 0o777).toBe(0o600)
  }))
