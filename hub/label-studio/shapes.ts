import { isConfig, parsedConfig, readConfig } from "./config.rules.ts"
import type { People } from "./people.service.ts"
import type { ProjectRow, ProjectsStore } from "./projects.store.ts"
import type { AnnotationRow, PredictionRow, TaskRow, TasksStore } from "./tasks.store.ts"
import { iso, projectDefaults } from "./wire.rules.ts"

/** Rows as Label Studio writes them. Numbers of people are looked up; nothing is stored here. */
export function createShapes({
  projects,
  tasks,
  people,
}: {
  projects: ProjectsStore
  tasks: TasksStore
  people: Pick<People, "numberOf">
}) {
  const numberOf = (user: string | null) => (user === null ? null : people.numberOf(user).id)

  const project = (row: ProjectRow) => {
    const read = readConfig(row.config)
    const counts = projects.counts(row.id)
    const parsed = isConfig(read) ? parsedConfig(read) : {}
    return {
      ...projectDefaults,
      ...(JSON.parse(row.settings) as Record<string, unknown>),
      id: row.id,
      title: row.title,
      label_config: row.config,
      parsed_label_config: parsed,
      created_by: personOf(row.created_by),
      created_at: iso(row.created_at),
      updated_at: iso(row.updated_at),
      ...counts,
      data_types: isConfig(read)
        ? Object.fromEntries(read.objects.flatMap(({ key, tag }) => (key === null ? [] : [[key, tag]])))
        : {},
      config_has_control_tags: isConfig(read) && read.controls.length > 0,
      config_suitable_for_bulk_annotation: false,
      finished_task_number: counts.finished_task_number,
      queue_total: counts.task_number,
      queue_done: counts.finished_task_number,
      /** Ours: tags that are kept in the text and mean nothing here. */
      crux_unknown_tags: isConfig(read) ? read.unknown : [],
    }
  }
  const personOf = (user: string) => {
    const { id, email } = people.numberOf(user)
    return { id, first_name: "", last_name: "", email, avatar: null }
  }

  const annotation = (row: AnnotationRow, projectId: number) => ({
    id: row.id,
    task: row.task,
    project: projectId,
    result: JSON.parse(row.result) as Record<string, unknown>[],
    completed_by: numberOf(row.user_id),
    created_username: ` ${people.numberOf(row.user_id).email}, ${numberOf(row.user_id)}`,
    created_at: iso(row.created_at),
    updated_at: iso(row.revision === 1 ? row.created_at : row.at),
    updated_by: numberOf(row.by_user),
    was_cancelled: row.was_cancelled === 1,
    ground_truth: row.ground_truth === 1,
    lead_time: row.lead_time,
    draft_created_at: null,
    unique_id: row.unique_id,
    import_id: row.import_id,
    last_action: row.action,
    last_created_by: null,
    parent_prediction: row.parent_prediction,
    parent_annotation: row.parent_annotation,
    bulk_created: false,
    created_ago: "0 minutes",
    result_count: (JSON.parse(row.result) as unknown[]).length,
    /** Ours: the label it is, and what that could not hold. */
    crux_label: row.label_id,
    ...(row.label_id !== null && noteOf(row.label_id)),
  })
  const noteOf = (label: string) => {
    const note = tasks.note(label)
    return note === undefined ? {} : { crux_note: note }
  }

  const prediction = (row: PredictionRow, projectId: number) => ({
    id: row.id,
    task: row.task,
    project: projectId,
    result: JSON.parse(row.result) as Record<string, unknown>[],
    score: row.score,
    model_version: row.model_version,
    cluster: null,
    neighbors: null,
    mislabeling: 0,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    created_ago: "0 minutes",
  })

  const task = (row: TaskRow) => ({
    id: row.id,
    data: JSON.parse(row.data) as Record<string, unknown>,
    meta: JSON.parse(row.meta) as Record<string, unknown>,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    updated_by: row.updated_by === null ? null : numberOf(row.updated_by),
    is_labeled: row.annotations > 0,
    overlap: 1,
    allow_skip: true,
    inner_id: row.inner_id,
    total_annotations: row.annotations,
    cancelled_annotations: row.cancelled,
    total_predictions: row.predictions,
    comment_count: 0,
    unresolved_comment_count: 0,
    comment_authors: [],
    last_comment_updated_at: null,
    project: row.project,
    file_upload: row.upload === null ? null : (tasks.uploadById(row.upload)?.name ?? null),
  })

  /** With everything that belongs to it. */
  const wholeTask = (row: TaskRow) => ({
    ...task(row),
    annotations:
      row.annotations + row.cancelled === 0
        ? []
        : tasks.annotationsOf(row.id).map((one) => annotation(one, row.project)),
    predictions:
      row.predictions === 0 ? [] : tasks.predictionsOf(row.id).map((one) => prediction(one, row.project)),
    drafts: [],
  })

  /** As the data manager lists it: with the columns that it shows. */
  const listedTask = (row: TaskRow) => {
    const whole = wholeTask(row)
    const { annotations, predictions } = whole
    const times = annotations.flatMap(({ lead_time }) => lead_time ?? [])
    const scores = predictions.flatMap(({ score }) => score ?? [])
    return {
      ...whole,
      annotators: [...new Set(annotations.map(({ completed_by }) => completed_by))],
      annotations_results: JSON.stringify(annotations.map(({ result }) => result)),
      annotations_ids: annotations.map(({ id }) => id).join(","),
      predictions_results: JSON.stringify(predictions.map(({ result }) => result)),
      predictions_model_versions: [...new Set(predictions.map(({ model_version }) => model_version))].join(
        ",",
      ),
      predictions_score: scores.length === 0 ? null : scores.reduce((a, b) => a + b, 0) / scores.length,
      avg_lead_time: times.length === 0 ? null : times.reduce((a, b) => a + b, 0) / times.length,
      completed_at: row.completed_at === null ? null : iso(row.completed_at),
      draft_exists: false,
      storage_filename: null,
      updated_by: whole.updated_by === null ? [] : [{ user_id: whole.updated_by }],
      /** Ours: the part it shows, and whether its picture is here. */
      crux_inspection: row.picture === "stored" ? row.inspection_id : null,
      crux_key: row.source_key,
      crux_picture: row.picture,
      crux_picture_why: row.picture_why,
    }
  }
  return { project, annotation, prediction, task, wholeTask, listedTask, numberOf }
}
export type RowShapes = ReturnType<typeof createShapes>
