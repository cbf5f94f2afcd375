import { Problem } from "#contract/problem"
import { ModelError } from "#models/model-error"

/**
 * Exit codes of `crux`: a contract with systemd units and plant scripts, so a number never changes its meaning.
 * 1 is everything without a better name.
 */
export const EXIT = {
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
} as const

export type ExitName = keyof typeof EXIT

/** An error that ends the program: `message` says what is wrong, `remedy` what to do about it. */
export class CommandFailure extends Error {
  readonly exit: ExitName
  readonly remedy: string | undefined

  constructor(exit: ExitName, message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "CommandFailure"
    this.exit = exit
    this.remedy = remedy
  }
}

/** The command line itself is wrong; the remedy names the help page. */
export function usageFailure(message: string, command = ""): CommandFailure {
  return new CommandFailure(
    "usage",
    message,
    `Run "crux help${command && ` ${command}`}" to see what it takes.`,
  )
}

/** What the command line names cannot be used: a refusal that is worded for people ends the program as `config`. */
export async function asConfig<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof Problem || error instanceof ModelError)) throw error
    throw new CommandFailure("config", error.message, undefined, { cause: error })
  }
}

/** Operating-system and SQLite error codes that have an exit code of their own. */
const EXIT_BY_SYSTEM_CODE: Readonly<Record<string, ExitName>> = {
  EADDRINUSE: "already_running",
  ENOSPC: "no_space",
  EDQUOT: "no_space",
  SQLITE_FULL: "no_space",
  EACCES: "permission",
  EPERM: "permission",
  EROFS: "permission",
  SQLITE_READONLY: "permission",
  SQLITE_CORRUPT: "integrity",
  SQLITE_NOTADB: "integrity",
  CERT_HAS_EXPIRED: "certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate",
}

/**
 * The exit name of any thrown value. An error names its own exit by a string property `exit`, so that layers below
 * the command line (which may not import it) can do so too; else a system code decides; else the cause is asked.
 */
export function exitNameOf(error: unknown): ExitName {
  for (let at = error; typeof at === "object" && at !== null; at = "cause" in at ? at.cause : null) {
    if ("exit" in at && typeof at.exit === "string" && Object.hasOwn(EXIT, at.exit))
      return at.exit as ExitName
    if ("code" in at && typeof at.code === "string") {
      const name = EXIT_BY_SYSTEM_CODE[at.code]
      if (name) return name
    }
  }
  return "failure"
}

/** Whether the sentence alone tells a person enough: a Problem that is not `internal` was worded for one. */
export function isExplained(error: unknown): boolean {
  if (error instanceof Problem) return error.code !== "internal"
  // Whoever says what to do about it has worded it for a person.
  return exitNameOf(error) !== "failure" || (error instanceof Error && "remedy" in error)
}

/** What a person at the terminal reads: the sentence, then the remedy, then the stack when asked for. */
export function failureText(error: unknown, withStack: boolean): string {
  const message = error instanceof Error ? error.message : String(error)
  const lines = [`crux: ${message}`]
  if (error instanceof Error && "remedy" in error && error.remedy) lines.push(`      ${error.remedy}`)
  if (withStack && error instanceof Error && error.stack) lines.push(error.stack)
  return lines.join("\n")
}
