import { expect } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"

/** What `crux` answered on the command line. */
export type Answer = { code: number; out: string; err: string }

export type Started = ReturnType<typeof startCrux>

/** Starts the real program; `before` is put in front of it, e.g. a command that gives up rights. */
export function startCrux(
  args: readonly string[],
  { before = [], env = {}, cwd }: { before?: string[]; env?: Record<string, string>; cwd?: string } = {},
) {
  const child = Bun.spawn([...before, ...selfCommand(...args)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  const said = { out: "", err: "" }
  const keep = async (name: keyof typeof said, stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) said[name] += text
  }
  const kept = Promise.all([keep("out", child.stdout), keep("err", child.stderr)])
  return {
    child,
    said,
    ended: async (): Promise<Answer> => {
      const code = await child.exited
      await kept
      return { code, ...said }
    },
    /** Waits until the program has written something that matches; fails when it ends before. */
    says: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(said.out) ?? pattern.exec(said.err)
        if (found) return found
        if (child.exitCode !== null) throw new Error(`crux ended (${child.exitCode}): ${said.err}`)
        await Bun.sleep(20)
      }
    },
  }
}

/** Runs the real program to its end. */
export const crux = (args: readonly string[], options: Parameters<typeof startCrux>[1] = {}) =>
  startCrux(args, options).ended()

/** A refusal as people get it: this exit code, a sentence that holds each of `parts`, and no stack. */
export function expectRefusal({ code, err }: Answer, expected: number, ...parts: string[]): void {
  const text = err.slice(err.indexOf("crux: "))
  expect(text).toStartWith("crux: ")
  for (const part of parts) expect(text).toContain(part)
  expect(text).not.toMatch(/^\s+at /m)
  expect(code).toBe(expected)
}

/** A new temporary folder, removed at the end of the block that `using` stands in. */
export function newFolder() {
  const path = mkdtempSync(join(tmpdir(), "crux-system-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
