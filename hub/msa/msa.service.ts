import type { Evaluation } from "#contract/inspection"
import type { InspectionView } from "#contract/labelling"
import type { MsaLimits, MsaReport, NewStudy, Study } from "#contract/msa"
import { Problem } from "#contract/problem"
import type { PersonAgreement, SuspectReport } from "#contract/review"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Labelling } from "../labelling/labelling.service.ts"
import type { Rating as Look, Looks } from "../labelling/looks.service.ts"
import type { Reviews } from "../labelling/review.service.ts"
import type { Suspects } from "../labelling/suspect.service.ts"
import { wilson } from "./kappa.rules.ts"
import { createMsaStore, type ModelRow, type StudyRow } from "./msa.store.ts"
import { analyse, type Person, type Rating, usualLimits, type Verdict } from "./report.rules.ts"

export type MsaDeps = {
  db: Sqlite
  labelling: Labelling
  looks: Looks
  reviews: Reviews
  suspects: Suspects
  view: (id: string) => InspectionView | undefined
  /** Everybody who can be asked. */
  people: () => { id: string; name: string; disabled: boolean }[]
  /** The model on the line, or null. */
  champion: () => { digest: string; release: number | null } | null
  /** Shows stored pictures to a model, in a process of its own. */
  judge: (
    model: string,
    pictures: readonly { sha256: string; product: string | null }[],
  ) => Promise<{ eval: Evaluation }[]>
  audit: Audit
  clock: Clock
  ids: Ids
}

const modelId = "model"
/** The model sees every part as often: it should say the same of the same picture. */
const modelTrials = 2

/** How far people and the model agree with each other, with themselves and with what is known to be right. */
export function createMsa(deps: MsaDeps) {
  const { db, labelling, looks, reviews, suspects, view, people, champion, judge, audit, clock, ids } = deps
  const store = createMsaStore(db)
  const limits = (): MsaLimits => store.limits() ?? usualLimits

  function found(id: string): StudyRow {
    const row = store.study(id)
    if (!row) throw new Problem("not_found", "study", "there is no such study")
    return row
  }

  const nameOf = () => {
    const names = new Map(people().map(({ id, name }) => [id, name]))
    return (id: string) => names.get(id) ?? id.slice(-8)
  }

  function studyOf(row: StudyRow): Study {
    const name = nameOf()
    const left = new Map(looks.stillAsked(row.id).map(({ user_id, n }) => [user_id, n]))
    return {
      id: row.id,
      name: row.name,
      parts: store.parts(row.id).length,
      trials: row.trials,
      people: store.people(row.id).map((id) => ({ id, name: name(id), left: left.get(id) ?? 0 })),
      model: store.model(row.id)[0]?.model_digest ?? null,
      by: name(row.user_id),
      at: row.at,
      closed_at: row.closed_at,
    }
  }

  function reportOf(
    of: Pick<MsaReport, "title" | "study" | "since">,
    ratings: readonly Rating[],
    appraisers: readonly Person[],
  ): MsaReport {
    return {
      v: 1,
      ...of,
      made_at: clock.now(),
      ...analyse(ratings, looks.truths(), appraisers, limits()),
      limits: limits(),
    }
  }

  /** Each person's own label that a blind judgement is compared with, once. */
  function labelsBehind(judged: readonly Look[]): Rating[] {
    const seconds = judged
      .filter(({ purpose }) => purpose === "second")
      .map(({ inspectionId }) => inspectionId)
    const repeats = judged.flatMap(({ labelId }) => labelId ?? [])
    const rows = [
      ...labelling.firstOf([...new Set(seconds)]),
      ...[...new Set(repeats)].flatMap((id) => labelling.stored(id) ?? []),
    ]
    const seen = new Set<string>()
    return rows.flatMap(({ id, inspection_id, user_id, verdict, kinds }) => {
      if (verdict === "withdrawn" || seen.has(id)) return []
      seen.add(id)
      return [{ appraiser: user_id, part: inspection_id, verdict, kinds: JSON.parse(kinds) as string[] }]
    })
  }

  /** What the stations' models said of these parts when they came by. */
  const saidOnLine = (parts: ReadonlySet<string>): Rating[] =>
    [...parts].flatMap((part) => {
      const seen = view(part)
      if (!seen?.model) return []
      const verdict = verdictOf(seen.verdict.eval)
      return [{ appraiser: modelId, part, verdict, kinds: seen.findings.map(({ kind }) => kind) }]
    })

  return {
    limits,
    setLimits(by: Actor, next: MsaLimits): MsaLimits {
      db.transaction(() => {
        audit.record({ by, action: "msa.limits", subject: "msa", before: limits(), after: next })
        store.putLimits(next, by.id, clock.now())
      })
      return limits()
    },

    studies: (): Study[] => store.studies().map(studyOf),
    /** People who can be asked. */
    appraisers: () => people().flatMap(({ id, name, disabled }) => (disabled ? [] : [{ id, name }])),

    /**
     * Asks each person to judge each part so many times, blind and in an order of their own; they get the parts between
     * their others. Throws `invalid` for parts without a picture and for people who are not there.
     */
    begin(by: Actor, asked: NewStudy): Study {
      const known = new Set(people().flatMap(({ id, disabled }) => (disabled ? [] : id)))
      const who = [...new Set(asked.people)]
      if (who.some((id) => !known.has(id)))
        throw new Problem("invalid", "study_person", "one of these people cannot be asked")
      const parts = [...new Set(asked.parts)]
      if (parts.some((id) => !view(id)?.image))
        throw new Problem("invalid", "study_part", "one of these parts has no picture to judge")
      return db.transaction(() => {
        const row = {
          id: ids.uuid(),
          name: asked.name,
          trials: asked.trials,
          user_id: by.id,
          at: clock.now(),
        }
        store.insert(row, { parts, people: who })
        const trials = Array.from({ length: asked.trials }, (_, i) => i + 1)
        looks.askFor(
          row.id,
          who.flatMap((user) =>
            trials.flatMap((trial) =>
              // A throw of the dice for everyone and every time: nobody learns the order.
              parts.map((inspection) => ({ inspection, user, trial, place: Number(`0x${ids.random(6)}`) })),
            ),
          ),
        )
        audit.record({
          by,
          action: "study.begin",
          subject: `study:${row.id}`,
          before: null,
          after: { name: row.name, parts: parts.length, people: who, trials: row.trials },
        })
        return studyOf({ ...row, closed_at: null })
      })
    },

    /** Asks nobody any more; what has been answered stands. Throws `not_found`. */
    end(by: Actor, id: string): Study {
      return db.transaction(() => {
        found(id)
        if (store.close(id, clock.now())) {
          looks.stopAsking(id)
          audit.record({ by, action: "study.end", subject: `study:${id}`, before: null, after: null })
        }
        return studyOf(found(id))
      })
    },

    /** Shows the parts of a study to the model on the line. Throws `not_found`, and `conflict` without a model. */
    async askModel(id: string): Promise<Study> {
      found(id)
      const model = champion()
      if (!model) throw new Problem("conflict", "study_model", "no model is on the line")
      const parts = store.parts(id).flatMap((part) => {
        const seen = view(part)
        return seen?.image ? [{ part, sha256: seen.image.sha256, product: seen.product_id }] : []
      })
      const rows: ModelRow[] = []
      for (let trial = 1; trial <= modelTrials; trial++) {
        const said = await judge(model.digest, parts)
        for (const [i, { part }] of parts.entries())
          rows.push({
            study_id: id,
            inspection_id: part,
            trial,
            model_digest: model.digest,
            eval: said[i]?.eval ?? "undefined",
            at: clock.now(),
          })
      }
      db.transaction(() => store.putModel(id, rows))
      return studyOf(found(id))
    },

    /** Throws `not_found`. */
    study(id: string): MsaReport {
      const row = found(id)
      const name = nameOf()
      const said = store.model(id)
      const ratings = [
        ...looks
          .ratings(0, id)
          .sort((a, b) => a.trial - b.trial || a.at - b.at)
          .map(ratingOf),
        ...said.map(
          (of): Rating => ({
            appraiser: modelId,
            part: of.inspection_id,
            verdict: verdictOf(of.eval),
            kinds: [],
          }),
        ),
      ]
      const appraisers: Person[] = [
        ...store.people(id).map((person): Person => ({ id: person, name: name(person), kind: "person" })),
        ...(said[0] ? [modelOf(said[0].model_digest)] : []),
      ]
      return reportOf({ title: row.name, study: id, since: row.at }, ratings, appraisers)
    },

    /** The ongoing one: known parts, blind repeats and second people since a time, and the models of the line. */
    ongoing(since: number): MsaReport {
      const judged = looks.ratings(since)
      const byPeople = [...labelsBehind(judged), ...judged.map(ratingOf)]
      const parts = new Set(byPeople.map(({ part }) => part))
      const said = saidOnLine(parts)
      const name = nameOf()
      const who = [...new Set(byPeople.map(({ appraiser }) => appraiser))]
      const appraisers: Person[] = [
        ...who.map((id): Person => ({ id, name: name(id), kind: "person" })),
        ...(said.length > 0 ? [modelOf("")] : []),
      ]
      return reportOf({ title: "", study: null, since }, [...byPeople, ...said], appraisers)
    },

    /** How many of the labels a trainer doubted were wrong. */
    suspects(): SuspectReport {
      const { waiting, looked, wrong } = suspects.outcome()
      return { waiting, wrong: wilson(wrong, looked) }
    },

    /** What became of each person's labels since a time. */
    people(since: number): PersonAgreement[] {
      const name = nameOf()
      const truths = looks.truths()
      const tally = new Map<
        string,
        Record<"accepted" | "fixed" | "sent_back", number> & Record<Counted, Count>
      >()
      const of = (id: string) => {
        const known = tally.get(id) ?? {
          accepted: 0,
          fixed: 0,
          sent_back: 0,
          second: zero(),
          known: zero(),
          repeat: zero(),
        }
        tally.set(id, known)
        return known
      }
      const count = (id: string, what: Counted, isSame: boolean) => {
        const into = of(id)[what]
        into.of += 1
        if (isSame) into.n += 1
      }
      for (const { id, outcome, n } of reviews.outcomes(since)) of(id)[outcome] += n
      const judged = looks.ratings(since)
      const firsts = new Map(
        labelling
          .firstOf(judged.flatMap((look) => (look.purpose === "second" ? look.inspectionId : [])))
          .map((row) => [row.inspection_id, row]),
      )
      for (const look of judged) {
        if (look.purpose === "reference") {
          const truth = truths.get(look.inspectionId)
          if (truth) count(look.by.id, "known", looks.isSame(look, truth))
        }
        const earlier = look.labelId === null ? undefined : labelling.stored(look.labelId)
        if (look.purpose === "repeat" && earlier)
          count(look.by.id, "repeat", looks.isSame(look, read(earlier)))
        const first = firsts.get(look.inspectionId)
        if (look.purpose === "second" && first && first.user_id !== look.by.id) {
          const isSame = looks.isSame(look, read(first))
          count(look.by.id, "second", isSame)
          count(first.user_id, "second", isSame)
        }
      }
      return [...tally].map(([id, { second, known, repeat, ...outcomes }]) => ({
        id,
        name: name(id),
        ...outcomes,
        review: wilson(outcomes.accepted, outcomes.accepted + outcomes.fixed + outcomes.sent_back),
        second: wilson(second.n, second.of),
        known: wilson(known.n, known.of),
        repeat: wilson(repeat.n, repeat.of),
      }))
    },
  }

  function modelOf(digest: string): Person {
    const now = champion()
    const name = digest === "" ? "" : now?.digest === digest ? `R${now.release}` : digest.slice(0, 8)
    return { id: modelId, name, kind: "model" }
  }
}
export type Msa = ReturnType<typeof createMsa>

type Counted = "second" | "known" | "repeat"
type Count = { n: number; of: number }
const zero = (): Count => ({ n: 0, of: 0 })

const ratingOf = (look: Look): Rating => ({
  appraiser: look.by.id,
  part: look.inspectionId,
  verdict: look.verdict,
  kinds: look.kinds,
})

const read = <V>({ verdict, kinds, boxes }: { verdict: V; kinds: string; boxes: string }) => ({
  verdict,
  kinds: JSON.parse(kinds) as string[],
  boxes: JSON.parse(boxes) as Look["boxes"],
})

/** What a model cannot decide goes to a person, as what a person is unsure of does. */
const verdictOf = (said: Evaluation): Verdict => (said === "ok" || said === "ng" ? said : "unsure")
