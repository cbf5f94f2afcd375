import type * as v from "valibot"
import type { DefectClass, NewDefectClass } from "#contract/catalogue"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import { isConfig, orphansOf, readConfig } from "./config.rules.ts"
import { classOfLabel, defectLabels, keyOfLabel, usedBy } from "./dialect.ts"
import type { Hooks } from "./hooks.ts"
import type { ProjectRow, ProjectsStore, ViewRow } from "./projects.store.ts"
import type { TasksStore } from "./tasks.store.ts"

/** What is written by the hub itself and never taken from a program. */
const ours = new Set([
  "id",
  "title",
  "label_config",
  "parsed_label_config",
  "created_by",
  "created_at",
  "updated_at",
  "organization",
  "data_types",
  "crux_unknown_tags",
  "queue_total",
  "queue_done",
])

/** A config that is refused: the sentences go where Label Studio's clients look for them. */
export class ConfigRefused extends Problem {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super("invalid", "label_config", faults.join(" "))
    this.faults = faults
  }
}

/** Projects: a labelling config and the tasks under it. Classes that a config names stand in the catalogue. */
export function createProjects({
  db,
  store,
  tasks,
  catalogue,
  hooks,
  audit,
  clock,
}: {
  db: Sqlite
  store: ProjectsStore
  tasks: Pick<TasksStore, "results">
  catalogue: {
    defectClasses: () => DefectClass[]
    addDefectClass: (by: Actor, asked: v.InferOutput<typeof NewDefectClass>) => DefectClass
  }
  hooks: Hooks
  audit: Audit
  clock: Clock
}) {
  const get = (id: number): ProjectRow => {
    const row = store.get(id)
    if (!row) throw new Problem("not_found", "project", "No Project matches the given query.")
    return row
  }
  /** Throws ConfigRefused; with a project also for one that would orphan what people have said. */
  const check = (config: string, of?: ProjectRow) => {
    const read = readConfig(config)
    if (!isConfig(read)) throw new ConfigRefused(read)
    if (!of || of.config === config) return read
    const orphans = new Set<string>()
    for (const { result } of tasks.results(of.id))
      for (const orphan of orphansOf(read, usedBy(JSON.parse(result) as unknown[]))) orphans.add(orphan)
    if (orphans.size > 0)
      throw new ConfigRefused([
        `Created annotations are incompatible with provided labeling schema, we found: ${[...orphans].slice(0, 20).join(", ")}`,
      ])
    return read
  }
  /** The classes a config names, new ones made; existing ones are found by their names in any language. */
  const ensureClasses = (by: Actor, config: string): void => {
    const read = readConfig(config)
    if (!isConfig(read)) return
    for (const label of defectLabels(read)) {
      const key = keyOfLabel(label)
      const name = label.trim().slice(0, 64)
      if (key === "unknown" || name === "" || classOfLabel(label, catalogue.defectClasses())) continue
      catalogue.addDefectClass(by, { key, names: { ko: name, en: name } })
    }
  }
  const told = ({ title, config }: ProjectRow) => ({ title, label_config: config })
  const settingsOf = (sent: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(sent).filter(([key]) => !ours.has(key)))

  return {
    get,
    page: (limit: number, offset: number) => ({ rows: store.page(limit, offset), count: store.count() }),
    check,
    create(
      by: User,
      sent: Record<string, unknown> & {
        title?: string | null | undefined
        label_config?: string | null | undefined
      },
    ): ProjectRow {
      const config = sent.label_config || "<View></View>"
      check(config)
      const title = sent.title?.trim() || "New project"
      // Classes are announced when they are made, so each is a transaction of its own and comes first.
      ensureClasses(by, config)
      const id = db.transaction(() => {
        const made = store.insert(
          { title, config, settings: JSON.stringify(settingsOf(sent)), created_by: by.id },
          clock.now(),
        )
        audit.record({
          by,
          action: "ls_project.create",
          subject: `ls_project:${made}`,
          before: null,
          after: told(get(made)),
        })
        hooks.projectCreated(made)
        return made
      })
      hooks.wake()
      return get(id)
    },
    change(
      by: User,
      id: number,
      sent: Record<string, unknown> & {
        title?: string | null | undefined
        label_config?: string | null | undefined
      },
    ): ProjectRow {
      const before = get(id)
      const config = sent.label_config ?? before.config
      check(config, before)
      ensureClasses(by, config)
      db.transaction(() => {
        store.update(
          {
            id,
            title: sent.title?.trim() || before.title,
            config,
            settings: JSON.stringify({ ...JSON.parse(before.settings), ...settingsOf(sent) }),
          },
          clock.now(),
        )
        // Views show columns of the config; another config has others.
        audit.record({
          by,
          action: "ls_project.change",
          subject: `ls_project:${id}`,
          before: told(before),
          after: told(get(id)),
        })
        hooks.projectUpdated(id)
      })
      hooks.wake()
      return get(id)
    },
    /** The project is shown no more; parts, labels and their history stay. */
    remove(by: User, id: number): void {
      const before = get(id)
      db.transaction(() => {
        store.drop(id, clock.now())
        audit.record({
          by,
          action: "ls_project.delete",
          subject: `ls_project:${id}`,
          before: told(before),
          after: null,
        })
        hooks.projectDeleted(id)
      })
      hooks.wake()
    },

    views: (project: number) => store.views(project),
    view: (id: number): ViewRow => {
      const row = store.view(id)
      if (!row) throw new Problem("not_found", "view", "No View matches the given query.")
      return row
    },
    putView: (by: User, project: number, data: Record<string, unknown>): ViewRow =>
      db.transaction(() => {
        get(project)
        const place = store.views(project).length
        return store.view(store.putView({ project, user_id: by.id, place, ...viewParts(data) }))!
      }),
    changeView: (row: ViewRow, data: Record<string, unknown>): ViewRow =>
      db.transaction(() => {
        store.changeView({ ...row, ...viewParts({ ...JSON.parse(row.data), ...data }) })
        return store.view(row.id)!
      }),
    dropView: (id: number) => store.dropView(id),
    dropViews: (project: number) => store.dropViews(project),
    orderViews: (project: number, ids: readonly number[]) =>
      db.transaction(() => {
        for (const [place, id] of ids.entries()) store.placeView(project, id, place)
      }),
  }
}
export type Projects = ReturnType<typeof createProjects>

/** Filters and order stand inside of a view's data for the screen, and apart for the list. */
function viewParts(data: Record<string, unknown>) {
  const text = (value: unknown) => (value === undefined || value === null ? null : JSON.stringify(value))
  return {
    data: JSON.stringify(data),
    filters: text(data.filters),
    ordering: text(data.ordering),
    selected: text(data.selectedItems),
  }
}
