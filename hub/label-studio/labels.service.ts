import type { DefectClass } from "#contract/catalogue"
import type { Drawing } from "#contract/drawing"
import type { InspectionView, NewLabel, StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { type LabelStudioDialect, writeResults } from "../exchange/label-studio.format.ts"
import type { StoredLabel } from "../labelling/labelled.service.ts"
import type { Labelling } from "../labelling/labelling.service.ts"
import { isConfig, type LabelConfig, readConfig } from "./config.rules.ts"
import { dialectOf, labelOfResults } from "./dialect.ts"
import type { Hooks } from "./hooks.ts"
import type { AnnotationRow, DueRow, TaskRow, TasksStore } from "./tasks.store.ts"

/** A config and its words, as they are now. */
export type Reading = { config: LabelConfig; dialect: LabelStudioDialect }

/**
 * Keeps annotations and labels the same. An annotation of a program becomes a label once its part's picture is here; a
 * label of a tablet becomes an annotation. Each side keeps every revision, and each knows which one made which.
 */
export function createLabelBridge({
  db,
  store,
  labelling,
  partOf,
  userOf,
  configOf,
  classes,
  hooks,
  events,
  clock,
  ids,
  log,
}: {
  db: Sqlite
  store: TasksStore
  labelling: Pick<Labelling, "submitForeign" | "revisions" | "storedAfter">
  partOf: (inspection: string) => InspectionView | undefined
  userOf: (id: string) => User | undefined
  configOf: (project: number) => string | undefined
  classes: () => DefectClass[]
  hooks: Hooks
  events: Pick<Events, "listen">
  clock: Clock
  ids: Ids
  log: Log
}) {
  const readingOf = (project: number): Reading | null => {
    const read = readConfig(configOf(project) ?? "<View/>")
    return isConfig(read) ? { config: read, dialect: dialectOf(read, classes()) } : null
  }

  /** Gives one revision to labelling, or notes why not. It is repeated after a crash: the label's id is the same. */
  const settleOne = (due: DueRow, image: StoredImage) => {
    const row = store.annotation(due.annotation)
    const revision = store.revision(due.annotation, due.revision)
    const task = row ? store.task(row.task) : undefined
    const done = (taken: boolean, note: string | null) =>
      db.transaction(() => {
        store.dropDue(due.label_id)
        if (note !== null) store.putNote(due.label_id, taken, note, clock.now())
      })
    if (!revision) return done(false, "its revision is not there")
    const by = userOf(revision.by_user)
    if (!by) return done(false, "its author is not there")
    const base = {
      id: due.label_id,
      inspection_id: due.inspection_id,
      accepted: false,
      decided_at: revision.at,
      shown_at: Math.max(0, revision.at - Math.round((revision.lead_time ?? 0) * 1000)),
      active_ms: Math.max(0, Math.round((revision.lead_time ?? 0) * 1000)),
    }
    const submit = (label: NewLabel, note: string | null) => {
      try {
        labelling.submitForeign(by, label)
        done(true, note)
      } catch (error) {
        if (!(error instanceof Problem) || error.code === "unavailable") throw error
        done(false, error.message)
      }
    }
    if (revision.action === "deleted") {
      const newest = labelling.revisions(due.inspection_id).at(-1)
      if (!newest || store.ofLabel(newest.id) !== due.annotation)
        return done(false, "another label of the part is newer; it stays")
      return submit({ ...base, verdict: "withdrawn", kinds: [], boxes: [] }, null)
    }
    const reading = task && readingOf(task.project)
    if (!row || !reading) return done(false, "the annotation is not there any more")
    const results = JSON.parse(revision.result) as Record<string, unknown>[]
    const { label, note } = labelOfResults(results, image, reading.config, reading.dialect)
    if (label === null) return done(false, note)
    submit(
      {
        ...base,
        ...label,
        accepted:
          row.parent_prediction !== null &&
          results.length > 0 &&
          results.every(({ origin }) => origin === "prediction"),
        // A first answer was given without knowing of the label that is there: if they differ, a reviewer decides.
        ...(due.revision === 1 && { lease_id: due.label_id }),
      },
      note,
    )
  }

  /** A label that a person gave on a tablet, as results of the task's config. */
  const resultsOf = (label: StoredLabel, image: StoredImage, { dialect }: Reading) => {
    const drawing: Drawing = label.drawing ?? {
      v: 1,
      regions: label.boxes.map(({ kind, box }, i) => ({
        id: `box-${i + 1}`,
        kinds: [kind],
        outline: { type: "box", box },
        by: "person",
      })),
    }
    const verdict = label.verdict === "withdrawn" ? null : label.verdict
    const results = writeResults({ verdict, drawing }, image, dialect)
    const { verdict: words } = dialect
    if (!words || verdict !== "ng") return results
    const drawn = new Set(drawing.regions.flatMap((region) => region.kinds))
    const choices = label.kinds
      .filter((kind) => !drawn.has(kind) && kind !== "unknown")
      .map(dialect.labelOf)
      .filter((word) => dialect.kindOf(word) !== undefined)
    if (choices.length === 0) return results
    const rest = results.filter(({ from_name }) => from_name !== words.control)
    const said = { from_name: words.control, to_name: dialect.image, type: "choices", origin: "manual" }
    return [{ id: "verdict", ...said, value: { choices } }, ...rest]
  }

  const takeIn = (label: StoredLabel, task: TaskRow): void => {
    const image = partOf(label.inspectionId)?.image
    const reading = readingOf(task.project)
    if (!image || !reading) return
    const now = clock.now()
    const revise = (annotation: AnnotationRow, result: string, action: string) =>
      store.revise({
        annotation: annotation.id,
        revision: annotation.revision + 1,
        result,
        was_cancelled: 0,
        ground_truth: annotation.ground_truth,
        lead_time: label.activeMs / 1000,
        action,
        by_user: label.userId,
        at: label.decidedAt,
        label_id: label.id,
      })
    if (label.verdict === "withdrawn") {
      const before = labelling
        .revisions(label.inspectionId)
        .find(({ revision }) => revision === label.revision - 1)
      const owner = before && store.ofLabel(before.id)
      const annotation = owner === undefined ? undefined : store.annotation(owner)
      if (!annotation || annotation.task !== task.id) return
      revise(annotation, annotation.result, "deleted")
      store.dropAnnotation(annotation.id, now)
      store.recount(task.id, now)
      hooks.annotationsDeleted(task.project, [annotation.id])
      return
    }
    const result = JSON.stringify(resultsOf(label, image, reading))
    const mine = store.lastBy(task.id, label.userId)
    if (mine) {
      revise(mine, result, "updated")
      store.recount(task.id, now)
      hooks.annotationUpdated(mine.id)
      return
    }
    const id = store.insertAnnotation({
      task: task.id,
      unique_id: ids.uuid(),
      user_id: label.userId,
      created_at: label.decidedAt,
      import_id: null,
      parent_prediction: null,
      parent_annotation: null,
    })
    store.revise({
      annotation: id,
      revision: 1,
      result,
      was_cancelled: 0,
      ground_truth: 0,
      lead_time: label.activeMs / 1000,
      action: "submitted",
      by_user: label.userId,
      at: label.decidedAt,
      label_id: label.id,
    })
    store.recount(task.id, now)
    hooks.annotationCreated(id)
  }

  /** Reads what people labelled since the last time; nothing is read twice and nothing is missed. */
  const catchUp = (): void => {
    for (;;) {
      const labels = labelling.storedAfter(store.reading(), 200)
      if (labels.length === 0) break
      db.transaction(() => {
        for (const label of labels) {
          hooks.label(label)
          if (store.ofLabel(label.id) === undefined)
            for (const task of store.ofInspection(label.inspectionId)) takeIn(label, task)
        }
        store.setReading(labels.at(-1)!.n)
      })
      hooks.wake()
    }
  }

  /** Gives all revisions of a part to labelling that wait for its picture. */
  const settle = (inspection: string): void => {
    const due = store.dueOf(inspection)
    if (due.length === 0) return
    const image = partOf(inspection)?.image
    if (image) for (const one of due) settleOne(one, image)
  }

  let stop = () => {}
  return {
    readingOf,
    settle,
    catchUp,
    start(): void {
      for (const inspection of store.dueParts()) settle(inspection)
      catchUp()
      stop = events.listen("label-studio", ({ type }) => {
        if (type !== "label") return
        try {
          catchUp()
        } catch (error) {
          log.error("labels_not_read", { error: String(error) })
        }
      })
    },
    stop: () => stop(),
  }
}
export type LabelBridge = ReturnType<typeof createLabelBridge>
