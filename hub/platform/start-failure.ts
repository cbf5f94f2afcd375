/** Names of `crux` exit codes that the platform can cause; the command line turns them into numbers. */
export type StartFailureExit =
  | "failure"
  | "config"
  | "already_running"
  | "data_newer"
  | "integrity"
  | "no_space"
  | "permission"
  | "certificate"
  | "verification"

/**
 * The hub cannot start here, and data has not been touched. `message` says what is wrong, `remedy` what to do.
 * The command line maps `exit` to the process's exit code.
 */
export class StartFailure extends Error {
  readonly exit: StartFailureExit
  readonly remedy: string
  constructor(exit: StartFailureExit, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "StartFailure"
    this.exit = exit
    this.remedy = remedy
  }
}
