import type { JobView } from "#contract/registry"
import type { Checkpoint } from "#contract/trainer"
import type { Sqlite } from "#platform/sqlite"

type AttemptRow = {
  n: number
  trainer: string | null
  started_at: number
  ended_at: number | null
  how: string | null
  detail: string | null
}
type CheckpointRow = { n: number; sha256: string; size: number; step: number | null; at: number }

/** The SQL of leases, and of what trainers hand in. */
export function createLeasesStore(db: Sqlite) {
  const lease = db.prepare(`
    UPDATE training_job
    SET state = 'running', attempt = attempt + 1, epoch = epoch + 1, trainer = $trainer, claim = $claim,
      lease_until = $until, started_at = coalesce(started_at, $at), error = NULL, progress = NULL
    WHERE id = $id AND state = 'queued' AND preparing = 0`)
  const begin = db.prepare(`
    INSERT INTO training_attempt (job, n, epoch, trainer, started_at)
    SELECT $id, (SELECT coalesce(max(n), 0) + 1 FROM training_attempt WHERE job = $id), epoch, $trainer, $at
    FROM training_job WHERE id = $id`)
  const end = db.prepare(`
    UPDATE training_attempt SET ended_at = $at, how = $how, detail = $detail
    WHERE job = $id AND ended_at IS NULL`)
  const reopen = db.prepare(`
    UPDATE training_attempt SET ended_at = NULL, how = NULL, detail = NULL
    WHERE job = $id AND n = (SELECT max(n) FROM training_attempt WHERE job = $id)`)
  const again = db.prepare(
    "UPDATE training_job SET state = 'running', lease_until = $until, error = NULL WHERE id = $id AND state = 'queued'",
  )
  const renew = db.prepare(
    "UPDATE training_job SET lease_until = $until WHERE id = $id AND state = 'running'",
  )
  const giveBack = db.prepare("UPDATE training_job SET trainer = NULL, claim = NULL WHERE id = $id")
  const uncount = db.prepare("UPDATE training_job SET attempt = max(0, attempt - 1) WHERE id = $id")
  const fence = db.prepare(
    "UPDATE training_job SET epoch = epoch + 1, trainer = NULL, claim = NULL WHERE id = $id",
  )
  const handIn = db.prepare(`
    UPDATE training_job SET state = 'proving', result = $result, lease_until = NULL, progress = NULL
    WHERE id = $id AND state IN ('running', 'queued')`)
  const byClaim = db.prepare<{ id: string }>(
    "SELECT id FROM training_job WHERE state = 'running' AND trainer = $trainer AND claim = $claim",
  )
  const had = db.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM training_attempt WHERE job = $id AND trainer = $trainer",
  )
  const heldBy = db.prepare<{ id: string }>(
    "SELECT id FROM training_job WHERE state = 'running' AND trainer = $trainer ORDER BY id",
  )
  const attempts = db.prepare<AttemptRow>(
    "SELECT n, trainer, started_at, ended_at, how, detail FROM training_attempt WHERE job = $id ORDER BY n",
  )
  const addFile = db.prepare(
    "INSERT INTO training_file (job, sha256, size, fresh) VALUES ($id, $sha256, $size, $fresh) ON CONFLICT DO NOTHING",
  )
  const fileSize = db.prepare<{ size: number }>(
    "SELECT size FROM training_file WHERE job = $id AND sha256 = $sha256",
  )
  const files = db.prepare<{ sha256: string; size: number }>(
    "SELECT sha256, size FROM training_file WHERE job = $id ORDER BY sha256",
  )
  const isFresh = db.prepare<{ fresh: number }>(
    "SELECT fresh FROM training_file WHERE job = $id AND sha256 = $sha256",
  )
  const passOn = db.prepare("UPDATE training_file SET fresh = 1 WHERE sha256 = $sha256")
  const holders = db.prepare<{ n: number }>("SELECT count(*) AS n FROM training_file WHERE sha256 = $sha256")
  const dropFile = db.prepare("DELETE FROM training_file WHERE job = $id AND sha256 = $sha256")
  const handed = db.prepare<{ bytes: number | null }>(
    "SELECT sum(size) AS bytes FROM training_file WHERE job = $id",
  )
  const addCheckpoint = db.prepare(`
    INSERT INTO training_checkpoint (job, n, sha256, size, step, at) VALUES ($id, $n, $sha256, $size, $step, $at)
    ON CONFLICT (job, n) DO UPDATE SET sha256 = $sha256, size = $size, step = $step`)
  const checkpoints = db.prepare<CheckpointRow>(
    "SELECT n, sha256, size, step, at FROM training_checkpoint WHERE job = $id ORDER BY n DESC",
  )
  const dropCheckpoint = db.prepare("DELETE FROM training_checkpoint WHERE job = $id AND n = $n")

  return {
    /** Gives a queued job out under the next epoch. False when it is not queued any more. */
    lease(id: string, to: { trainer: string; claim: string; until: number; at: number }): boolean {
      if (lease.run({ id, ...to }).changes === 0) return false
      begin.run({ id, trainer: to.trainer, at: to.at })
      return true
    },
    /** Says what became of the attempt under way. */
    endAttempt: (id: string, how: string, detail: string | null, at: number): void =>
      void end.run({ id, how, detail, at }),
    /** The trainer that lost a job takes it up again, before anybody else has. */
    again(id: string, until: number): boolean {
      if (again.run({ id, until }).changes === 0) return false
      reopen.run({ id })
      return true
    },
    renew: (id: string, until: number): void => void renew.run({ id, until }),
    /** Nobody has the job any more, and whoever had it cannot take it up again. */
    giveBack: (id: string): void => void giveBack.run({ id }),
    /** The attempt that was given back in good order does not count. */
    uncount: (id: string): void => void uncount.run({ id }),
    /** From here on no trainer may write to this job. */
    fence: (id: string): void => void fence.run({ id }),
    /** Takes a result. False when the job has ended, or has one. */
    handIn: (id: string, result: string): boolean => handIn.run({ id, result }).changes === 1,
    byClaim: (trainer: string, claim: string): string | undefined => byClaim.get({ trainer, claim })?.id,
    had: (id: string, trainer: string): boolean => had.get({ id, trainer })!.n > 0,
    heldBy: (trainer: string): string[] => heldBy.all({ trainer }).map((row) => row.id),
    attempts: (id: string): JobView["attempts"] =>
      attempts.all({ id }).map(({ how, ...row }) => ({ ...row, end: how })),
    /** `fresh`: the store did not have it before. */
    addFile: (id: string, sha256: string, size: number, fresh: boolean): void =>
      void addFile.run({ id, sha256, size, fresh: Number(fresh) }),
    /** Length of an artefact that is whole; undefined for one that is not. */
    fileSize: (id: string, sha256: string): number | undefined => fileSize.get({ id, sha256 })?.size,
    files: (id: string): { sha256: string; size: number }[] => files.all({ id }),
    /** Forgets an artefact; true when the object came with trainers and none of their jobs names it any more. */
    dropFile(id: string, sha256: string): boolean {
      const fresh = isFresh.get({ id, sha256 })?.fresh === 1
      dropFile.run({ id, sha256 })
      if (!fresh) return false
      if (holders.get({ sha256 })!.n === 0) return true
      passOn.run({ sha256 })
      return false
    },
    handedIn: (id: string): number => handed.get({ id })?.bytes ?? 0,
    addCheckpoint: (id: string, checkpoint: Omit<CheckpointRow, "step"> & { step: number | null }): void =>
      void addCheckpoint.run({ id, ...checkpoint }),
    /** The newest first. */
    checkpoints: (id: string): (Checkpoint & { at: number })[] =>
      checkpoints.all({ id }).map(({ step, ...rest }) => ({ ...rest, ...(step !== null && { step }) })),
    dropCheckpoint: (id: string, n: number): void => void dropCheckpoint.run({ id, n }),
  }
}
export type LeasesStore = ReturnType<typeof createLeasesStore>
