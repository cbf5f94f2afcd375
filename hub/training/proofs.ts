import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Results } from "./results.ts"
import type { TrainingStore } from "./training.store.ts"

/** Registers and proves what a trainer left in `dir`: the registry does, which comes later in the order of domains. */
export type Prove = (
  job: { id: string; line: string; dataset: string; golden: string },
  dir: string,
  signal: AbortSignal,
) => Promise<{
  model: string
  pass: boolean
  /** Further models that came with it, each a candidate of its own. */
  also: string[]
  /** What came with it and was not taken, and why; null when all was. */
  note: string | null
}>

export type ProofsDeps = {
  store: Pick<TrainingStore, "get" | "finish">
  results: Results
  prove: Prove
  /** Removes what only an unfinished job needs. */
  tidy: (id: string, kept: ReadonlySet<string>) => Promise<void>
  clock: Clock
  log: Log
  announce: (id: string) => void
  /** Folder results are laid out in, one a job. */
  workDir: string
}

/** Results of trainers on other machines that are being proved. */
export function createProofs(deps: ProofsDeps) {
  const { store, clock, log, announce } = deps
  const atWork = new Map<string, { abort: AbortController; done: Promise<void> }>()
  let stopping = false

  return {
    /** Registers and proves a result that was handed in; the job's row says how it ended. */
    begin(id: string): void {
      if (stopping || atWork.has(id)) return
      const abort = new AbortController()
      const work = async () => {
        const job = store.get(id)
        if (!job) throw new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
        const end = (how: Parameters<typeof store.finish>[1]) => {
          if (store.finish(id, how, clock.now())) announce(id)
        }
        let kept = new Set<string>()
        try {
          if (job.result === null) throw new Problem("internal", "internal", "there is no result")
          const dir = await deps.results.layOut(job, job.result)
          const { line, dataset, golden } = job
          const proof = await deps.prove({ id, line, dataset, golden }, dir, abort.signal)
          if (abort.signal.aborted) return
          kept = new Set([proof.model, ...proof.also])
          end({ state: "succeeded", model: proof.model, pass: proof.pass, note: proof.note })
        } catch (error) {
          if (abort.signal.aborted) return
          log.error("job_failed", { job: id, error: String(error) })
          end({ state: "failed", error: error instanceof Error ? error.message : String(error) })
        } finally {
          await rm(join(deps.workDir, id), { recursive: true, force: true })
        }
        await deps.tidy(id, kept)
      }
      const done = work()
        .catch((error) => log.error("job_failed", { job: id, error: String(error) }))
        .finally(() => atWork.delete(id))
      atWork.set(id, { abort, done })
    },

    cancel: (id: string): void => atWork.get(id)?.abort.abort(),
    /** What is being proved is taken up again at the next start. */
    async stop(): Promise<void> {
      stopping = true
      for (const { abort } of atWork.values()) abort.abort()
      await Promise.all([...atWork.values()].map(({ done }) => done))
    },
  }
}
