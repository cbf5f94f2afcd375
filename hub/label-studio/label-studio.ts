import type { Hono } from "hono"
import type { InspectionView } from "#contract/labelling"
import { type WebhookEvent, webhookEvents } from "#contract/webhook"
import type { Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Outbound } from "#platform/outbound"
import type { Sqlite } from "#platform/sqlite"
import type { Catalogue } from "../catalogue/catalogue.service.ts"
import type { Exports } from "../exchange/exports.service.ts"
import type { HubEnv } from "../http/kit.ts"
import type { Labelling } from "../labelling/labelling.service.ts"
import type { Users } from "../users/users.service.ts"
import type { Webhooks } from "../webhooks/webhooks.service.ts"
import { createLabelStudioApp } from "./app.ts"
import { createBackendRoutes } from "./backends.routes.ts"
import { createBackends } from "./backends.service.ts"
import { createBackendsStore } from "./backends.store.ts"
import { createExporting } from "./export.service.ts"
import { createHooks, type Shapes } from "./hooks.ts"
import { createImporting } from "./import.service.ts"
import { createLabelBridge } from "./labels.service.ts"
import { createManagerRoutes } from "./manager.routes.ts"
import { createOpinions } from "./opinions.ts"
import { createKeyRoutes, createPeopleRoutes } from "./people.routes.ts"
import { createPeople } from "./people.service.ts"
import { createPeopleStore } from "./people.store.ts"
import { createPictures, type Sniff, type StorePicture } from "./pictures.service.ts"
import { createProjectRoutes } from "./projects.routes.ts"
import { createProjects } from "./projects.service.ts"
import { createProjectsStore } from "./projects.store.ts"
import { createServerRoutes } from "./servers.routes.ts"
import { createSetupRoutes } from "./setup.routes.ts"
import { createShapes } from "./shapes.ts"
import { createTaskRoutes } from "./tasks.routes.ts"
import { createTasks } from "./tasks.service.ts"
import { createTasksStore } from "./tasks.store.ts"
import { createLsWebhookRoutes } from "./webhooks.routes.ts"

/** The hub as programs written for Label Studio see it. */
export function createLabelStudio(deps: {
  db: Sqlite
  blobs: Blobs
  users: Users
  catalogue: Catalogue
  labelling: Labelling
  webhooks: Webhooks
  outbound: Outbound
  partOf: (inspection: string) => InspectionView | undefined
  storePicture: StorePicture
  addSource: (id: string, name: string) => void
  sniff: Sniff
  /** Where exports are made; the domain before this one has it, and is put together after it. */
  exports: () => Pick<Exports, "text" | "ofProject">
  /** Whether the disk has room for so many more bytes. */
  hasRoom: (bytes: number) => Promise<boolean>
  address: () => string
  audit: Audit
  events: Events
  clock: Clock
  ids: Ids
  log: Log
  version: string
}) {
  const {
    db,
    blobs,
    users,
    catalogue,
    labelling,
    webhooks,
    outbound,
    partOf,
    audit,
    events,
    clock,
    ids,
    log,
  } = deps
  const store = createTasksStore(db)
  const projectsStore = createProjectsStore(db)
  const people = createPeople({ db, store: createPeopleStore(db), users, audit, clock, ids })
  const shapes = createShapes({ projects: projectsStore, tasks: store, people })
  const told: Shapes = {
    project: (id) => {
      const row = projectsStore.get(id)
      return row ? shapes.project(row) : { id }
    },
    task: (id) => {
      const row = store.task(id)
      return row ? shapes.task(row) : { id }
    },
    annotation: (id) => {
      const row = store.annotation(id)
      const of = row && store.task(row.task)
      return row && of ? shapes.annotation(row, of.project) : { id }
    },
    projectOfAnnotation: (id) => {
      const row = store.annotation(id)
      const of = row && store.task(row.task)
      return of && { task: of.id, project: of.project }
    },
    label: ({ n: _, userId, ...label }) => ({
      ...label,
      by: { id: userId, name: users.find(userId)?.name ?? "" },
    }),
  }
  const hooks = createHooks({ webhooks, shapes: () => told })
  const bridge = createLabelBridge({
    db,
    store,
    labelling,
    partOf,
    userOf: users.find,
    configOf: (project) => projectsStore.get(project)?.config,
    classes: catalogue.defectClasses,
    hooks,
    events,
    clock,
    ids,
    log,
  })
  const pictures = createPictures({
    db,
    store,
    blobs,
    outbound,
    sniff: deps.sniff,
    storePicture: deps.storePicture,
    addSource: deps.addSource,
    partOf,
    bridge,
    prelabel: (rows) => backends.prelabel(rows),
    clock,
    ids,
    log,
  })
  const opinions = createOpinions({ store, bridge, partOf })
  const tasks = createTasks({
    db,
    store,
    projects: projectsStore,
    people,
    pictures,
    bridge,
    hooks,
    clock,
    ids,
  })
  const projects = createProjects({ db, store: projectsStore, tasks: store, catalogue, hooks, audit, clock })
  const importing = createImporting({ tasks, pictures, outbound, clock })
  const exporting = createExporting({
    db,
    store: projectsStore,
    exports: deps.exports,
    numberEverybody: () => void people.list(),
    blobs,
    clock,
  })
  const backends = createBackends({
    db,
    store: createBackendsStore(db),
    outbound,
    projects,
    tasks,
    shapes,
    keyFor: people.shortKey,
    address: deps.address,
    audit,
    clock,
    log,
  })
  const app = createLabelStudioApp({
    routes: [
      createPeopleRoutes({ people, version: deps.version }),
      createProjectRoutes({ projects, tasks, importing, exporting, pictures, shapes }),
      createTaskRoutes({ projects, tasks, pictures, shapes }),
      createManagerRoutes({
        projects,
        tasks,
        shapes,
        predict: async (project, of) => {
          const [first] = backends.list(project)
          return first ? backends.predict(first, of) : 0
        },
      }),
      createLsWebhookRoutes({ webhooks, projects }),
      createBackendRoutes({ backends, tasks }),
    ],
    people,
    hasRoom: deps.hasRoom,
    version: deps.version,
    log,
  })
  const routes: Hono<HubEnv>[] = [
    app.mount,
    createKeyRoutes(people),
    createSetupRoutes({ projects, classes: catalogue.defectClasses }),
    createServerRoutes({
      backends,
      tasks,
      projects,
      countsOf: projectsStore.counts,
      bridge,
      opinions,
      imageOf: (inspection) => partOf(inspection)?.image ?? undefined,
    }),
  ]
  let stopAnnouncing = () => {}
  return {
    routes,
    /** Who may call what under the base path. */
    table: app.table,
    /** What model servers say of a part. */
    opinionsOf: opinions.of,
    start(): void {
      bridge.start()
      pictures.start()
      // Labels are told as they are stored; everything else as it is announced.
      stopAnnouncing = events.listen("webhooks", ({ type, data }) => {
        if (type === "label" || !isTold(type) || !webhooks.isHeard("crux", type)) return
        db.transaction(() => webhooks.tell("crux", type, null, () => ({ type, data })))
        webhooks.wake()
      })
    },
    async stop(): Promise<void> {
      stopAnnouncing()
      bridge.stop()
      backends.stop()
      await pictures.stop()
    },
  }
}

const isTold = (type: string): type is WebhookEvent => (webhookEvents as readonly string[]).includes(type)
