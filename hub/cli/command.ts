/**
 * What a command file exports. Import anything heavy inside `run`: `crux help` loads every command file to print
 * its summary, and `crux version` must answer at once.
 */
export type Command = {
  /** One line in the list of commands. */
  readonly summary: string
  /** The page of `crux help NAME`: arguments, options, examples. */
  readonly usage: string
  /** Resolves when the command has finished; a long-running one resolves after it was told to stop. */
  readonly run: (args: readonly string[]) => Promise<void>
}

/** Commands by name, each loaded only when asked for. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>
