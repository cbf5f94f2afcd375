import type * as v from "valibot"
import type { LabelReceipt, NewLabel } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import { createJudgements, type Judged, type JudgementDeps, type Stored } from "./judgement.service.ts"
import { createLabelled, type LabelledDeps } from "./labelled.service.ts"
import { createLeases, type LeaseDeps } from "./lease.service.ts"
import { createNumbers, type NumbersDeps } from "./numbers.service.ts"
import { createRevisions, type RevisionDeps } from "./revision.service.ts"

type Receipt = v.InferOutput<typeof LabelReceipt>

/** What labelling needs of its neighbours. All writes happen inside labelling's own transaction. */
export type LabellingDeps = LeaseDeps &
  Omit<JudgementDeps, "revisions"> &
  RevisionDeps &
  LabelledDeps &
  NumbersDeps & { db: Sqlite; events: Events }

export type Labelling = ReturnType<typeof createLabelling>

/** Parts are leased to people, and what they say of them is stored: each operation one transaction, told when it is on disk. */
export function createLabelling(deps: LabellingDeps) {
  const { db, store, events } = deps
  const { judge, fix } = createJudgements({ ...deps, revisions: createRevisions(deps) })

  function storedReceipt({ row, duplicate, met }: Judged): Receipt {
    const { id, inspection_id, revision, stored_at, unseen = null } = row
    const other = unseen === null ? undefined : store.revision(inspection_id, unseen)
    return {
      id,
      inspection_id,
      revision,
      stored_at,
      duplicate,
      ...(other &&
        unseen !== null && { unseen: { revision: unseen, by: other.name, verdict: other.verdict } }),
      ...(met && { met }),
    }
  }

  function announce(row: Stored, label: Pick<NewLabel, "kinds">, user: User): void {
    events.announce("label", {
      inspection_id: row.inspection_id,
      revision: row.revision,
      verdict: row.verdict,
      kinds: label.kinds,
      by: user.name,
    })
  }

  /** Announces what is on disk. */
  function told(user: User, judged: Judged): Receipt {
    if (!judged.duplicate) announce(judged.row, judged.label, user)
    return storedReceipt(judged)
  }

  return {
    ...createLeases(deps),
    ...createLabelled(deps),
    ...createNumbers(deps),

    /**
     * Stores one judgement as the next revision of its part; on disk when this returns. The same id again returns the
     * first receipt. A lease that has ended, or somebody else's judgement meanwhile, refuses nothing: both are kept, and
     * `met` says what became of them. Throws `not_found`, `invalid`, and `conflict` (id used for something else, nothing to withdraw).
     */
    submit(user: User, sent: NewLabel, tabletId?: string): Receipt {
      return told(
        user,
        db.transaction(() => judge({ user, tabletId }, sent)),
      )
    },

    /** The same from a program with questions of its own, whose answers are kept in its words. */
    submitForeign: (user: User, sent: NewLabel): Receipt =>
      told(
        user,
        db.transaction(() => judge({ user }, sent, "program")),
      ),

    /**
     * Stores many judgements of one person in one transaction, as an import brings them. What is wrong with one concerns
     * that one alone: its answer is the problem.
     */
    submitAll(user: User, sent: readonly NewLabel[]): (Receipt | Problem)[] {
      const judged = db.transaction(() =>
        sent.map((label) => {
          try {
            return judge({ user }, label, "import")
          } catch (error) {
            if (error instanceof Problem) return error
            throw error
          }
        }),
      )
      return judged.map((one) => (one instanceof Problem ? one : told(user, one)))
    },

    fix,
    announce,
  }
}
