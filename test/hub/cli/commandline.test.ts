import { describe, expect, test } from "bun:test"
import { parseCommandArgs, wholeNumber } from "../../../hub/cli/args.ts"
import type { CommandTable } from "../../../hub/cli/command.ts"
import { commands } from "../../../hub/cli/commands.ts"
import { CommandFailure, EXIT, exitNameOf } from "../../../hub/cli/exit.ts"
import { runCommandLine } from "../../../hub/cli/run.ts"
import { StartFailure } from "../../../hub/platform/start-failure.ts"

/** One small command table whose command records what it was given. */
function createTerminal() {
  const out: string[] = []
  const err: string[] = []
  const seen: unknown[] = []
  const table: CommandTable = {
    pack: async () => ({
      summary: "pack a box",
      usage: "usage: crux pack [--size N] [--now] BOX",
      run: async (args) => {
        const options = { size: { type: "string", default: "1" }, now: { type: "boolean" } } as const
        const { values, positionals } = parseCommandArgs("pack", args, options, ["BOX", "LABEL?"])
        seen.push({
          size: wholeNumber("pack", "size", values.size, 1, 9),
          now: values.now ?? false,
          positionals,
        })
      },
    }),
    fall: async () => ({
      summary: "fail",
      usage: "usage: crux fall",
      run: async () => {
        throw new Error("The floor is gone.")
      },
    }),
    start: async () => ({
      summary: "fail to start",
      usage: "usage: crux start",
      run: async () => {
        throw new StartFailure("already_running", "Another hub is running.", "Stop it first.")
      },
    }),
  }
  const run = (...args: string[]) =>
    runCommandLine(args, table, {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      debug: false,
    })
  return { run, seen, out: () => out.join("\n"), err: () => err.join("\n") }
}

describe("the command line", () => {
  test("hands a command its options and plain arguments", async () => {
    const t = createTerminal()
    expect(await t.run("pack", "--size", "4", "--now", "a", "b")).toBe(EXIT.ok)
    expect(t.seen).toEqual([{ size: 4, now: true, positionals: ["a", "b"] }])
  })

  const wrong: readonly [what: string, args: string[], says: string][] = [
    ["an unknown command", ["unpack"], 'There is no command "unpack".'],
    ["a name every object has", ["constructor"], 'There is no command "constructor".'],
    ["an unknown option", ["pack", "--sizes", "4", "a"], '"crux pack" has no option --sizes.'],
    ["an option without its value", ["pack", "a", "--size"], "needs a value."],
    ["a value for a switch", ["pack", "--now=yes", "a"], "--now takes no value."],
    ["a missing plain argument", ["pack"], '"crux pack" needs BOX.'],
    ["one plain argument too many", ["pack", "a", "b", "c"], '"crux pack" does not take "c".'],
    ["a number out of bounds", ["pack", "--size", "10", "a"], "--size must be a whole number from 1 to 9"],
    ["a number that is none", ["pack", "--size", "0x1", "a"], "--size must be a whole number from 1 to 9"],
  ]
  for (const [what, args, says] of wrong) {
    test(`answers ${what} with exit code 2, what is wrong and where to look`, async () => {
      const t = createTerminal()
      expect(await t.run(...args)).toBe(EXIT.usage)
      expect(t.err()).toContain(says)
      expect(t.err()).toContain('Run "crux help')
      expect(t.err()).not.toContain("    at ")
    })
  }

  test("without a command lists the commands and exits with 2", async () => {
    const t = createTerminal()
    expect(await t.run()).toBe(EXIT.usage)
    expect(t.out()).toMatch(/^ {2}pack +pack a box$/m)
  })

  for (const args of [
    ["help", "pack"],
    ["pack", "--help"],
    ["pack", "--size", "-h"],
  ]) {
    test(`shows the page of the command on "crux ${args.join(" ")}"`, async () => {
      const t = createTerminal()
      expect(await t.run(...args)).toBe(EXIT.ok)
      expect(t.out()).toContain("usage: crux pack")
      expect(t.seen).toEqual([])
    })
  }

  test("shows the stack of a failure nobody has named, and exits with 1", async () => {
    const t = createTerminal()
    expect(await t.run("fall")).toBe(EXIT.failure)
    expect(t.err()).toContain("crux: The floor is gone.")
    expect(t.err()).toContain("    at ")
  })

  test("shows the sentence and the remedy of a failure to start, without a stack, and exits with its code", async () => {
    const t = createTerminal()
    expect(await t.run("start")).toBe(EXIT.already_running)
    expect(t.err()).toBe("crux: Another hub is running.\n      Stop it first.")
  })

  test("every command of crux has a summary and a usage page that starts with its name", async () => {
    for (const [name, load] of Object.entries(commands)) {
      const command = await load()
      expect(command.summary.length).toBeGreaterThan(10)
      expect(command.usage).toStartWith(`usage: crux ${name}`)
    }
  })
})

describe("the exit code", () => {
  test("is the promised number for each name", () => {
    expect(EXIT).toEqual({
      ok: 0,
      failure: 1,
      usage: 2,
      config: 3,
      already_running: 4,
      data_newer: 5,
      integrity: 6,
      no_space: 7,
      permission: 8,
      certificate: 9,
      verification: 10,
    })
  })

  test("comes from the error itself, from its system code, or from its cause", () => {
    expect(exitNameOf(new CommandFailure("config", "x"))).toBe("config")
    expect(exitNameOf(Object.assign(new Error("x"), { exit: "data_newer" }))).toBe("data_newer")
    expect(exitNameOf(Object.assign(new Error("x"), { code: "ENOSPC" }))).toBe("no_space")
    expect(exitNameOf(new Error("x", { cause: Object.assign(new Error("y"), { code: "EACCES" }) }))).toBe(
      "permission",
    )
    expect(exitNameOf(Object.assign(new Error("x"), { exit: "toString" }))).toBe("failure")
    expect(exitNameOf("a string")).toBe("failure")
  })
})
