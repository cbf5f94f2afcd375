import type { TrainingProgress } from "#contract/training"

/** Progress reaches the disk at most this often: each write is a sync, and nobody reads faster. */
const progressEveryMs = 500

/** Writes the latest progress at the end of each interval, and at the end of the run, so that no last word is lost. */
export function createProgressWriter(write: (progress: TrainingProgress) => void) {
  let unwritten: TrainingProgress | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let writtenAt = 0
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (!unwritten) return
    write(unwritten)
    unwritten = undefined
    writtenAt = performance.now()
  }
  const report = (progress: TrainingProgress) => {
    const metrics = { ...unwritten?.metrics, ...progress.metrics }
    unwritten = { ...progress, ...(Object.keys(metrics).length > 0 && { metrics }) }
    timer ??= setTimeout(flush, Math.max(0, writtenAt + progressEveryMs - performance.now()))
  }
  return { report, flush }
}
