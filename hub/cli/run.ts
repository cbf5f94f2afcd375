import type { CommandTable } from "./command.ts"
import { EXIT, exitNameOf, failureText, isExplained, usageFailure } from "./exit.ts"

export type Terminal = {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly debug: boolean
}

/** Runs one command line and returns its exit code; never throws. */
export async function runCommandLine(
  args: readonly string[],
  commands: CommandTable,
  terminal: Terminal,
): Promise<number> {
  try {
    await dispatch(args, commands, terminal)
    return EXIT.ok
  } catch (error) {
    // What nobody has worded for a person is a defect of ours: the stack is what its report needs.
    terminal.err(failureText(error, terminal.debug || !isExplained(error)))
    return EXIT[exitNameOf(error)]
  }
}

async function dispatch(args: readonly string[], commands: CommandTable, terminal: Terminal): Promise<void> {
  const [first, ...rest] = args
  const name = first === "--version" || first === "-v" ? "version" : first
  if (name === undefined) {
    terminal.out(await overview(commands))
    throw usageFailure("Which command?")
  }
  if (name === "help" || isHelp(name)) return terminal.out(await help(rest[0], commands))
  const load = commandNamed(name, commands)
  // `--help` anywhere before a bare `--` wins, so that a half-typed command line can be asked about.
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest
  if (options.some(isHelp)) return terminal.out(await help(name, commands))
  await (await load()).run(rest)
}

const isHelp = (arg: string) => arg === "--help" || arg === "-h"

function commandNamed(name: string, commands: CommandTable) {
  // Object.hasOwn: "constructor" is not a command.
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!load) {
    throw usageFailure(`There is no command "${name}". There are: ${Object.keys(commands).join(", ")}, help.`)
  }
  return load
}

async function help(name: string | undefined, commands: CommandTable): Promise<string> {
  if (name === undefined) return overview(commands)
  const command = await commandNamed(name, commands)()
  return `${command.summary}\n\n${command.usage.trim()}`
}

async function overview(commands: CommandTable): Promise<string> {
  const names = Object.keys(commands)
  const width = Math.max(...names.map((name) => name.length))
  const lines = await Promise.all(
    names.map(async (name) => `  ${name.padEnd(width)}  ${(await commandNamed(name, commands)()).summary}`),
  )
  const exits = Object.entries(EXIT).map(([meaning, code]) => `${code} ${meaning.replaceAll("_", " ")}`)
  return [
    "usage: crux COMMAND [options]",
    "",
    ...lines,
    "",
    'Run "crux help COMMAND" for one of them.',
    `Exit codes: ${exits.join(", ")}.`,
  ].join("\n")
}
