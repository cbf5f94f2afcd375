import { spawn } from "node:child_process"
import * as v from "valibot"
import { TrainingProgress } from "#contract/training"
import type { Trainer } from "./runner.ts"

/** A trainer's last message when it gives up by itself. */
const Failure = v.object({ failed: v.object({ code: v.string(), message: v.string() }) })

/** Output kept of a trainer that crashes without a word on the channel. */
const keptErrorBytes = 2_000

/**
 * The embedded trainer as a child process: `command` (e.g. `crux worker train`) plus the bundle folder. Progress comes
 * as JSON on its IPC channel; exit code 0 means that the result is in the folder. A child whose hub is gone ends.
 */
export function createTrainerChild({ command }: { command: readonly string[] }): Trainer {
  return (dir, onProgress) => {
    const [program, ...args] = command
    if (program === undefined) throw new TypeError("the trainer needs a command line")
    const child = spawn(program, [...args, dir], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "json",
    })
    let said = ""
    let failure = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-keptErrorBytes)
    })
    child.on("message", (message) => {
      const progress = v.safeParse(TrainingProgress, message)
      if (progress.success) onProgress(progress.output)
      const failed = v.safeParse(Failure, message)
      if (failed.success) failure = failed.output.failed.message
    })
    const ended = new Promise<string | null>((resolve) => {
      child.on("error", (error) => resolve(`the trainer could not be started: ${error.message}`))
      // "close" comes after the last byte of stderr, "exit" may come before it.
      child.on("close", (code, signal) => {
        if (code === 0) resolve(null)
        else resolve(failure || said.trim() || `the trainer ended early (${signal ?? `exit ${code}`})`)
      })
    })
    return { ended, kill: () => void child.kill("SIGKILL") }
  }
}
