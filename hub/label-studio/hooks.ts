import type { StoredLabel } from "../labelling/labelled.service.ts"
import type { Webhooks } from "../webhooks/webhooks.service.ts"

/** Every event that listeners of Label Studio's kind can ask for, with a word about it. */
export const lsActions = {
  TASKS_CREATED: "Task created",
  TASKS_DELETED: "Task deleted",
  ANNOTATION_CREATED: "Annotation created",
  ANNOTATIONS_CREATED: "Annotations created",
  ANNOTATION_UPDATED: "Annotation updated",
  ANNOTATIONS_DELETED: "Annotation deleted",
  PROJECT_CREATED: "Project created",
  PROJECT_UPDATED: "Project updated",
  PROJECT_DELETED: "Project deleted",
  START_TRAINING: "Training started",
} as const
export type LsAction = keyof typeof lsActions

/** Shapes of what is told, filled in by whoever knows them. */
export type Shapes = {
  project: (id: number) => unknown
  task: (id: number) => unknown
  annotation: (id: number) => unknown
  projectOfAnnotation: (id: number) => { task: number; project: number } | undefined
  label: (label: StoredLabel) => unknown
}

/** Tells listeners what programs and people did; call it inside the transaction, and `wake` after. */
export function createHooks({
  webhooks,
  shapes,
}: {
  webhooks: Pick<Webhooks, "tell" | "wake">
  /** Asked late: the shapes come from services that tell in turn. */
  shapes: () => Shapes
}) {
  const tell = (action: LsAction, project: number | null, particulars: () => object) => {
    webhooks.tell("label-studio", action, project, (withPayload) => ({
      action,
      ...(withPayload && {
        ...(project !== null && { project: shapes().project(project) }),
        ...particulars(),
      }),
    }))
  }
  const ofAnnotation = (action: LsAction, id: number) => {
    const place = shapes().projectOfAnnotation(id)
    if (!place) return
    tell(action, place.project, () => ({
      annotation: shapes().annotation(id),
      task: shapes().task(place.task),
    }))
  }
  return {
    projectCreated: (id: number) => tell("PROJECT_CREATED", id, () => ({ project: shapes().project(id) })),
    projectUpdated: (id: number) => tell("PROJECT_UPDATED", id, () => ({ project: shapes().project(id) })),
    projectDeleted: (id: number) => tell("PROJECT_DELETED", id, () => ({ project: { id } })),
    tasksCreated: (project: number, tasks: readonly number[]) =>
      tell("TASKS_CREATED", project, () => ({ tasks: tasks.map((id) => shapes().task(id)) })),
    tasksDeleted: (project: number, tasks: readonly number[]) =>
      tell("TASKS_DELETED", project, () => ({ tasks: tasks.map((id) => ({ id })) })),
    annotationCreated: (id: number) => ofAnnotation("ANNOTATION_CREATED", id),
    annotationUpdated: (id: number) => ofAnnotation("ANNOTATION_UPDATED", id),
    annotationsDeleted: (project: number, annotations: readonly number[]) =>
      tell("ANNOTATIONS_DELETED", project, () => ({ annotations: annotations.map((id) => ({ id })) })),
    /** For listeners of our own kind: every judgement. */
    label: (label: StoredLabel) =>
      webhooks.tell("crux", "label", null, () => ({ type: "label", data: shapes().label(label) })),
    wake: webhooks.wake,
  }
}
export type Hooks = ReturnType<typeof createHooks>
