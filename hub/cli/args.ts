import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util"
import { usageFailure } from "./exit.ts"

type Parsed<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; strict: true; allowPositionals: true }>
>

/**
 * Reads one command's arguments strictly: unknown options, missing values and a wrong number of plain arguments
 * are usage failures (exit 2) that say what to type instead.
 * `operands` names the plain arguments in order, e.g. `["DIR"]`; a trailing `?` makes one optional.
 */
export function parseCommandArgs<const O extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: O,
  operands: readonly string[] = [],
): Parsed<O> {
  const parsed = parseStrictly(command, args, options)
  const required = operands.filter((name) => !name.endsWith("?"))
  const missing = required[parsed.positionals.length]
  if (missing) throw usageFailure(`"crux ${command}" needs ${missing}.`, command)
  const extra = parsed.positionals[operands.length]
  if (extra !== undefined) throw usageFailure(`"crux ${command}" does not take "${extra}".`, command)
  return parsed
}

function parseStrictly<const O extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: O,
): Parsed<O> {
  try {
    const config = { args: [...args], options, strict: true, allowPositionals: true } as const
    return parseArgs<typeof config>(config satisfies ParseArgsConfig) as Parsed<O>
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw usageFailure(parseSentence(command, error), command)
  }
}

/** util.parseArgs explains itself in several sentences, some of them about its own API; ours keeps the option. */
function parseSentence(command: string, error: TypeError): string {
  const option = /'(-[^' ]+)[^']*'/.exec(error.message)?.[1] ?? ""
  const code = "code" in error ? error.code : undefined
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") return `"crux ${command}" has no option ${option}.`
  if (/does not take an argument/.test(error.message)) return `${option} takes no value.`
  if (/argument missing|ambiguous/.test(error.message)) return `${option} needs a value.`
  return error.message
}

/** A whole number within bounds, or a usage failure that names the option. */
export function wholeNumber(command: string, option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw usageFailure(`--${option} must be a whole number from ${min} to ${max}, not "${text}".`, command)
}
