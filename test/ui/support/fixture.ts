#!/usr/bin/env bun
import { join } from "node:path"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { DefectClass, NewDefectClass } from "#contract/catalogue"
import { NewEnrolmentCode } from "#contract/fleet"
import { BatchRequest, NewDeed } from "#contract/flow"
import { type InspectionView, NewLabel, NextRequest } from "#contract/labelling"
import { Problem, type ProblemCode } from "#contract/problem"
import type { LabelSetup } from "#contract/questions"
import { ModelTrial } from "#contract/registry"
import type { HomeView } from "#contract/rollout"
import { Pointing } from "#contract/segmenter"
import { plainSetup } from "#contract/setups"
import { NewUser, OwnPatch, SetupRequest, SignInRequest, User } from "#contract/users"
import { presets } from "../../../hub/sources/presets.rules.ts"
import { createDesk } from "./desk.ts"
import { type Picture, paintPictures, shrink } from "./pictures.ts"
import { makeArrivals, makeRefusals, makeStorage } from "./world/arrivals.ts"
import {
  makeHelp,
  makeOutline,
  makePrelabels,
  makeSegmenters,
  makeSimilar,
  makeTeacher,
} from "./world/assist.ts"
import { makeGuide, makeKinds } from "./world/catalogue.ts"
import { makeLook, makeTrial } from "./world/foreign-model.ts"
import { makeModels } from "./world/models.ts"
import { makeInspection, makePartHistory } from "./world/parts.ts"
import { makeColleagues, makeMentions, makeSession, makeTablets, makeUsers } from "./world/people.ts"
import {
  lsProjects,
  makeDeliveries,
  makeModelServers,
  makeProgramKeys,
  makeServerTrial,
  makeWebhooks,
} from "./world/programs.ts"
import { makePreview, makeQueueView, makeTask } from "./world/queue.ts"
import { makeHome, makeRollouts, makeSeries } from "./world/rollouts.ts"
import { makeMessages, makeQuarantine, makeSources } from "./world/sources.ts"
import { makeDevices, makeEnrolmentRequests, makeSecurity, makeShadows } from "./world/stations.ts"
import { makeJobs, makeRecipes, makeTrainers } from "./world/training.ts"

export const fixturePassword = "a long enough password"
const fixturePin = "4096"

export type FixtureOptions = {
  ui: string
  pictures?: number
  /** Pictures painted before, instead of new ones. */
  painted?: Picture[]
  width?: number
  port?: number
  /** Serves over TLS. */
  tls?: { cert: string; key: string }
  /** Sends a new inspection this often, ms. */
  every?: number
  setup?: boolean
  /** Answers with empty lists: a hub on its first day. */
  empty?: boolean
}

const exampleLog = Array.from(
  { length: 40 },
  (_, i) =>
    `2026-11-27T10:${String(i).padStart(2, "0")}:12Z epoch ${i + 1} of 60 loss ${(0.9 / (i + 1)).toFixed(3)}`,
).join("\n")

const csp =
  "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

/**
 * A stand-in for the hub with contract-valid answers and real pictures, so that the screens can be driven without one:
 * `bun test/ui/support/fixture.ts`. It keeps labels in memory and forgets them.
 */
export async function startFixture(options: FixtureOptions) {
  const pictures = options.painted ?? (await paintPictures(options.pictures ?? 14, options.width ?? 1280))
  const bySha = new Map(pictures.map((picture) => [picture.sha256, picture]))
  const started = Date.now()
  const users = makeUsers(started)
  const kinds = makeKinds()
  const sessions = new Map<string, User>()
  const labels: NewLabel[] = []
  const skips: { inspection_id: string; reason: string }[] = []
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>()
  let setup = options.setup ?? false
  let down = false
  let enrolled = false
  const tabletId = uuidv7()
  /** How parts are labelled; undefined as a fresh hub has it. */
  let setups: LabelSetup[] | undefined
  let count = pictures.length
  const stream: InspectionView[] = pictures
    .map((picture, i) => makeInspection(picture, i, started - (pictures.length - i) * 4_000))
    .reverse()
  const queue = options.empty
    ? []
    : stream.filter((inspection) => inspection.label === null).map((inspection) => inspection)
  const takeOut = (id: string) => {
    const i = queue.findIndex((inspection) => inspection.id === id)
    if (i >= 0) queue.splice(i, 1)
  }
  const desk = createDesk({ users, stream: options.empty ? [] : stream, now: started })
  const models = makeModels(pictures, started)
  const jobs = makeJobs(started)
  const rollouts = makeRollouts(started)

  const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
    Response.json(body, { status, headers })
  const list = (items: readonly unknown[]) => json({ items: options.empty ? [] : items, next: null })
  const problem = (code: ProblemCode, key: string, params: Record<string, string | number> = {}) => {
    const error = new Problem(code, key, key, params)
    return json(
      { type: "about:blank", title: key, status: error.status, code, key, params, request_id: uuidv7() },
      error.status,
      { "content-type": "application/problem+json" },
    )
  }
  const emit = (event: string, data: unknown) => {
    const text = new TextEncoder().encode(
      `event: ${event}\nid: ${Date.now()}\ndata: ${JSON.stringify(data)}\n\n`,
    )
    for (const controller of streams) controller.enqueue(text)
  }
  const sessionOf = (user: User) => ({
    ...makeSession(user, Date.now()),
    ...(enrolled && { tablet: { id: tabletId, name: "3라인 검사대" } }),
  })
  const signIn = (user: User) => {
    const id = uuidv7()
    sessions.set(id, user)
    return json(sessionOf(user), 200, {
      "set-cookie": `crux=${id}; Path=/; HttpOnly; SameSite=Strict`,
    })
  }
  const userOf = (request: Request) =>
    sessions.get(/crux=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "")

  async function answer(request: Request, path: string): Promise<Response> {
    const body = async <T>(schema: v.GenericSchema<unknown, T>) => v.parse(schema, await request.json())
    const at = `${request.method} ${path}`
    if (at === "GET /api/setup") return json({ needed: setup })
    if (at === "POST /api/setup") {
      const asked = await body(SetupRequest)
      if (asked.code !== "1234-5678") return problem("forbidden", "setup_code")
      setup = false
      return signIn(users[0]!)
    }
    if (at === "GET /api/tablet" || at === "POST /api/tablet") {
      if (at.startsWith("POST")) enrolled = true
      const people = enrolled
        ? users.map(({ id, name, role, language }) => ({ id, name, role, language }))
        : []
      const tablet = enrolled ? { id: tabletId, name: "3라인 검사대" } : null
      return json({ tablet, people, idle_lock_minutes: enrolled ? 3 : 0 })
    }
    if (at === "POST /api/session") {
      const asked = await body(SignInRequest)
      if ("token" in asked)
        return asked.token === "once" ? signIn(users[0]!) : problem("unauthenticated", "sign_in_token")
      if ("pin" in asked) {
        const user = users.find((u) => "user" in asked && u.id === asked.user)
        return user && asked.pin === fixturePin ? signIn(user) : problem("unauthenticated", "pin_failed")
      }
      const user = users.find((u) => u.login === asked.login)
      return user && asked.password === fixturePassword
        ? signIn(user)
        : problem("unauthenticated", "sign_in_failed")
    }
    const user = userOf(request)
    if (!user) return problem("unauthenticated", "sign_in")
    switch (at) {
      case "GET /api/session":
        return json(sessionOf(user))
      case "PATCH /api/session": {
        user.language = (await body(OwnPatch)).language
        return json(makeSession(user, Date.now()))
      }
      case "DELETE /api/session":
        sessions.clear()
        return new Response(null, { status: 204 })
      case "GET /api/users":
        return json({ items: users, next: null })
      case "POST /api/users": {
        const { password: _, ...asked } = await body(NewUser)
        const made: User = { ...asked, id: uuidv7(), disabled: false, created_at: Date.now() }
        users.push(v.parse(User, made))
        return json(made, 201)
      }
      case "GET /api/defect-classes":
        return json({ items: kinds, next: null })
      case "POST /api/defect-classes": {
        const asked = await body(NewDefectClass)
        const made = v.parse(DefectClass, {
          icon: "unknown",
          color: "slate",
          severity: "major",
          ...asked,
          active: true,
        })
        kinds.push(made)
        return json(made, 201)
      }
      case "GET /api/products":
        return list([
          { key: "plate", names: { ko: "철판", en: "Plate" }, active: true },
          { key: "bracket", names: { ko: "브래킷", en: "Bracket" }, active: true },
          { key: "flange", names: { ko: "플랜지", en: "Flange" }, active: true },
        ])
      case "GET /api/sources":
        return list(makeSources(started))
      case "GET /api/source-presets":
        return json({ items: presets, next: null })
      case "GET /api/label-setups":
        return json({ items: setups ?? [plainSetup], next: null })
      case "GET /api/guide":
        return json(makeGuide(options.empty ? [] : stream, started))
      case "GET /api/criteria":
        return list(makeGuide([], started).criteria)
      case "GET /api/colleagues":
        return list(makeColleagues(users))
      case "GET /api/mentions":
        return list(options.empty ? [] : makeMentions(users, stream, started))
      case "POST /api/mentions/seen":
        return new Response(null, { status: 204 })
      case "GET /api/queue":
        return json(makeQueueView(queue.length))
      case "POST /api/queue/preview":
        return list(makePreview(queue.slice(0, 12)))
      case "GET /api/labelling/skips":
        return list([
          { reason: "picture", skips: 7, parts: 6 },
          { reason: "criteria", skips: 3, parts: 3 },
        ])
      case "POST /api/labelling/batch": {
        const { size } = await body(BatchRequest)
        return json({
          items: queue.slice(0, size).map((inspection) => makeTask(inspection, queue.length, Date.now())),
          next: null,
        })
      }
      case "POST /api/labelling/deeds": {
        const deed = await body(NewDeed)
        if (deed.do === "skip") skips.push({ inspection_id: deed.inspection_id, reason: deed.reason })
        if (deed.do !== "comment") takeOut(deed.inspection_id)
        const { id, inspection_id } = deed
        return json({ id, inspection_id, stored_at: Date.now(), duplicate: false }, 201)
      }
      case "POST /api/labelling/next": {
        const { holding } = await body(NextRequest)
        const next = queue.find((inspection) => !holding.includes(inspection.id))
        if (!next) return new Response(null, { status: 204 })
        return json(makeTask(next, queue.length, Date.now()))
      }
      case "POST /api/labelling/renew": {
        const { holding } = await body(NextRequest)
        return json({ held: holding })
      }
      case "POST /api/session/label-pass":
        return json({ token: "pass", expires_at: Date.now() + 86_400_000 }, 201)
      case "POST /api/session/unlock":
        return new Response(null, { status: 204 })
      case "GET /api/tablets":
        return list(makeTablets(Date.now(), tabletId))
      case "GET /api/tablets/people":
        return list(
          users.map(({ id, role }) => ({
            user_id: id,
            pin: role !== "admin",
            locked: false,
            badge: role === "reviewer",
          })),
        )
      case "GET /api/tablets/settings":
        return json({ idle_lock_minutes: 3, pin_up_to: "worker" })
      case "POST /api/tablets/codes":
        return json({ code: "7KQ4-D2XP-H0RV", name: "3라인 검사대", expires_at: Date.now() + 900_000 }, 201)
      case "POST /api/labels": {
        const label = await body(NewLabel)
        const duplicate = labels.some((known) => known.id === label.id)
        if (!duplicate) labels.push(label)
        const i = queue.findIndex((inspection) => inspection.id === label.inspection_id)
        if (label.verdict === "withdrawn") {
          const back = stream.find((inspection) => inspection.id === label.inspection_id)
          if (i < 0 && back) queue.unshift(back)
        } else if (i >= 0) queue.splice(i, 1)
        emit("label", { inspection_id: label.inspection_id })
        return json({
          id: label.id,
          inspection_id: label.inspection_id,
          revision: 1,
          stored_at: Date.now(),
          duplicate,
        })
      }
      case "GET /api/labelling/presence":
        return json({ items: [], next: null })
      case "POST /api/labelling/presence":
        return new Response(null, { status: 204 })
      case "GET /api/labelling/stats":
        return json({
          waiting: queue.length,
          waiting_by_reason: {},
          labelled: 800,
          labelled_today: 213,
          mine_today: 40,
          by_kind: {},
        })
      case "GET /api/inspections":
        return list(stream.slice(0, 40))
      case "GET /api/live/series":
        return json(options.empty ? { bucket_ms: 10_000, points: [] } : makeSeries(Date.now()))
      case "GET /api/devices":
        return list(makeDevices(Date.now()))
      case "GET /api/ingest":
        return list(makeArrivals())
      case "GET /api/refusals":
        return list(options.empty ? [] : makeRefusals(Date.now()))
      case "GET /api/storage":
        return json(makeStorage(Date.now()))
      case "POST /api/enrolment-codes": {
        const asked = await body(NewEnrolmentCode)
        const ca = "3f".repeat(32)
        const made = {
          code: "7KQ4D-M2XPH-0RV8N-YB3TC",
          device: asked.device,
          expires_at: Date.now() + 900_000,
          pre_approved: asked.pre_approved,
          ca,
        }
        const parts = new URLSearchParams({
          hub: "https://192.168.0.10:8080",
          device: asked.device,
          code: made.code,
          ca,
        })
        return json({ ...made, ticket: `crux://enrol?${parts}` }, 201)
      }
      case "GET /api/enrolment-requests":
        return list(options.empty ? [] : makeEnrolmentRequests(Date.now()))
      case "GET /api/security":
        return json(makeSecurity(Date.now()))
      case "GET /api/training/jobs":
        return list(jobs)
      case "POST /api/training/jobs":
        return json(jobs[2], 201)
      case "GET /api/training/recipes":
        return json({ items: makeRecipes(), next: null })
      case "GET /api/trainers":
        return list(makeTrainers(Date.now()))
      case "POST /api/trainers":
        return json({ trainer: makeTrainers(Date.now())[2], token: "ct_lab_9fJx2mQ7vT0kLw4sZr8bYc1d" }, 201)
      case "GET /api/assist/help":
        return json(makeHelp(Date.now(), options.empty))
      case "GET /api/assist/teacher":
        return json(makeTeacher(models))
      case "PUT /api/assist/teacher":
        return json(makeTeacher(models))
      case "GET /api/assist/coverage":
        return json({
          state: "idle",
          lines: [{ line: "main", waiting: 812, judged: 260, picked: 48, at: started }],
        })
      case "GET /api/assist/embeddings":
        return json({ state: "working", made: 48_211, waiting: 1_904, unreadable: 3 })
      case "GET /api/segmenters":
        return json({ items: makeSegmenters(started), next: null })
      case "GET /api/models":
        return list(models)
      case "GET /api/broker":
        return json({ kind: "embedded", connected: true, since: started - 3 * 86_400_000, sessions: 3 })
      case "GET /api/shadows":
        return list(makeShadows(started))
      case "GET /api/rollouts":
        return list(rollouts)
      case "POST /api/rollouts":
        return json(rollouts[0], 201)
      case "GET /api/home": {
        const home = makeHome(queue.length, Date.now())
        const first: HomeView = {
          ...home,
          loop: null,
          last_closed: null,
          waiting: 0,
          labelled_today: 0,
          stations: { online: 0, total: 0 },
          last_hour: { inspected: 0, ng: 0, undecidable: 0 },
          champion: null,
        }
        return json(options.empty ? first : home)
      }
      case "GET /api/loops": {
        const { loop } = makeHome(0, Date.now())
        return list(options.empty || !loop ? [] : [loop])
      }
      case "GET /api/parts":
        return json({
          items: stream
            .slice(0, 24)
            .map((inspection, i) => ({ inspection, lot: `L26-${i >> 3}`, waits: null })),
          next: null,
          searched_to: null,
        })
      case "GET /api/parts/count":
        return json({ count: 1_000, more: true })
      case "GET /api/parts/choices":
        return json({ stations: ["cam-1", "cam-2"], products: ["cap"], models: [], datasets: [] })
      case "GET /api/parts/views":
        return list([])
      case "GET /api/parts/actions":
        return list([])
      case "POST /api/parts/actions/preview":
        return json({
          parts: 312,
          changes: 300,
          skips: { labelled: 9, no_picture: 3 },
          too_many: false,
          sample: stream.slice(0, 8),
          through: 1_000,
        })
      case "GET /api/exports":
        return list([
          {
            id: "0192d1a0-0000-7000-8000-00000000e001",
            name: "crux-coco-48210.zip",
            parts: 12_840,
            pictures: 4_096,
            bytes: 734_003_200,
            started_by: "Kim",
            started_at: Date.now() - 90_000,
          },
        ])
      case "GET /api/golden":
        return json({
          digest: models[0]?.gate?.golden.digest ?? null,
          ok: 180,
          ng: 64,
          by_kind: {},
          looks: 6,
        })
      case "GET /api/live":
        return openStream(streams)
    }
    if (/^GET \/api\/exports\/[a-z-]+\/preview$/.test(`${request.method} ${path}`))
      return json({
        parts: 1_204,
        ok: 861,
        ng: 343,
        regions: 611,
        by_kind: { scratch: 420, dent: 191 },
        left_out: { mask: 12 },
      })
    const badge = /^\/api\/users\/([^/]+)\/badge$/.exec(path)
    if (badge) {
      const owner = users.find((u) => u.id === badge[1])
      return owner
        ? json({ user: owner.id, name: owner.name, code: `CRUX${owner.login.toUpperCase()}` })
        : problem("not_found", "user")
    }
    const revisions = /^\/api\/inspections\/([^/]+)\/labels$/.exec(path)
    if (revisions)
      return list(
        labels
          .filter((label) => label.inspection_id === revisions[1])
          .map(({ lease_id: _, ...label }, i) => ({
            ...label,
            revision: i + 1,
            by: { id: user.id, name: user.name },
            tablet: { id: tabletId, name: "3라인 검사대" },
            stored_at: label.decided_at,
          })),
      )
    if (/^GET \/api\/inspections\/[^/]+\/comments$/.test(at))
      return list(options.empty ? [] : makeMentions(users, stream, started).map(({ comment }) => comment))
    const one = /^GET \/api\/inspections\/([^/]+)$/.exec(at)
    const asked = stream.find(({ id }) => id === one?.[1])
    if (asked) return json(asked)
    const image = /^\/api\/images\/([0-9a-f]{64})(\/thumb)?$/.exec(path)
    if (image) return picture(bySha.get(image[1] ?? ""), image[2] !== undefined, request)
    if (at === "GET /api/label-studio/keys") return list(makeProgramKeys(started))
    if (at === "GET /api/label-studio/projects") return list(lsProjects)
    if (at === "GET /api/label-studio/servers") return list(makeModelServers())
    if (/^POST \/api\/label-studio\/servers\/\d+\/try$/.test(at)) return json(makeServerTrial(stream))
    if (at === "GET /api/webhooks") return list(makeWebhooks(started))
    if (/^GET \/api\/webhooks\/\d+\/deliveries$/.test(at)) return list(makeDeliveries(started))
    if (at === "POST /api/models/look") return json(makeLook())
    const tried = /^\/api\/models\/files\/[0-9a-f]{64}(\/try)?$/.exec(path)
    if (tried) return tried[1] ? json(makeTrial(await body(ModelTrial), stream)) : json(models[0], 202)
    const model = /^\/api\/models\/([0-9a-f]{64})(\/approve)?$/.exec(path)
    if (model) {
      const found = models.find((m) => m.digest === model[1])
      return found ? json(found) : problem("not_found", "model")
    }
    const source = /^\/api\/sources\/([^/]+)(\/messages|\/quarantine)?$/.exec(path)
    if (source?.[2] === "/messages") return list(makeMessages(pictures, Date.now()))
    if (source?.[2] === "/quarantine") return list(makeQuarantine(started))
    const camera = makeSources(started).find(({ id }) => id === source?.[1])
    if (camera) return json(camera)
    const rollout = /^\/api\/rollouts\/([^/]+)\/(pause|resume|rollback)$/.exec(path)
    if (rollout) {
      const found = rollouts.find((r) => r.id === rollout[1])
      if (!found) return problem("not_found", "rollout")
      found.state = rollout[2] === "pause" ? "paused" : rollout[2] === "resume" ? "running" : "rolled_back"
      emit("rollout", { id: found.id })
      return json(found)
    }
    const run = /^\/api\/training\/jobs\/([^/]+)(\/log|\/reproduce)?$/.exec(path)
    const shown = run && jobs.find(({ id }) => id === run[1])
    if (shown && run[2] === "/log") return new Response(exampleLog)
    if (shown) return json(shown)
    const job = /^\/api\/training\/jobs\/([^/]+)\/cancel$/.exec(path)
    if (job) {
      const found = jobs.find((j) => j.id === job[1])
      if (found) found.state = "cancelled"
      emit("job", { id: job[1] })
      return found ? json(found) : problem("not_found", "job")
    }
    // A stand-in for the helper: a blob around what was pointed at.
    if (/^\/api\/images\/[0-9a-f]{64}\/outline\/prepare$/.test(path))
      return new Response(null, { status: 204 })
    if (/^\/api\/images\/[0-9a-f]{64}\/outline$/.test(path)) return json(makeOutline(await body(Pointing)))
    const part = /^\/api\/parts\/([0-9a-f-]{36})$/.exec(path)
    if (part && request.method === "GET") {
      const inspection = stream.find(({ id }) => id === part[1]) ?? stream[0]
      return inspection ? json(makePartHistory(inspection, Date.now())) : problem("not_found", "inspection")
    }
    const alike = /^\/api\/inspections\/([^/]+)\/similar$/.exec(path)
    if (alike) return json(makeSimilar(stream, alike[1] ?? ""))
    if (/^\/api\/inspections\/[^/]+\/prelabels$/.test(path)) return list(makePrelabels(Date.now()))
    const seen = desk(at)
    if (seen !== undefined) return json(seen)
    return problem("not_found", "route")
  }

  async function page(path: string): Promise<Response> {
    const name = /\.[a-z0-9]+$/.test(path) ? path.slice(1) : "index.html"
    const file = Bun.file(join(options.ui, name))
    if (!(await file.exists())) return new Response("not found", { status: 404 })
    return new Response(file, { headers: { "content-security-policy": csp } })
  }

  const server = Bun.serve({
    port: options.port ?? 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    ...(options.tls && { tls: options.tls }),
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (!pathname.startsWith("/api/")) return page(pathname)
      if (down) return problem("unavailable", "stopping")
      return answer(request, pathname)
    },
  })
  const timer = options.every
    ? setInterval(() => {
        const next = pictures[count % pictures.length]
        if (!next) return
        const inspection = makeInspection(
          { ...next, part: `P7-L1-${String(count).padStart(6, "0")}` },
          count,
          Date.now(),
        )
        count += 1
        stream.unshift(inspection)
        emit("inspection", inspection)
      }, options.every)
    : undefined

  return {
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${server.port}`,
    labels,
    skips,
    kinds,
    queue,
    models,
    jobs,
    /** As if an engineer had enrolled every browser. */
    setEnrolled: (value: boolean) => {
      enrolled = value
    },
    setSetups: (value: LabelSetup[] | undefined) => {
      setups = value
    },
    setDown: (value: boolean) => {
      down = value
    },
    stop: async () => {
      clearInterval(timer)
      for (const controller of streams) controller.close()
      await server.stop(true)
    },
  }
}

function openStream(streams: Set<ReadableStreamDefaultController<Uint8Array>>): Response {
  let own: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      own = controller
      streams.add(controller)
      controller.enqueue(new TextEncoder().encode("retry: 1000\n\n"))
    },
    cancel() {
      if (own) streams.delete(own)
    },
  })
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } })
}

async function picture(found: Picture | undefined, thumb: boolean, request: Request): Promise<Response> {
  if (!found) return new Response("no such image", { status: 404 })
  const max = Number(new URL(request.url).searchParams.get("max") ?? "320")
  const bytes = thumb ? await shrink(found, max) : found.jpeg
  return new Response(new Uint8Array(bytes), {
    headers: { "content-type": "image/jpeg", "cache-control": "private, max-age=31536000, immutable" },
  })
}

if (import.meta.main) {
  const fixture = await startFixture({ ui: process.argv[2] ?? "dist/ui", port: 8787, every: 2_500 })
  console.log(`${fixture.url}  (admin / ${fixturePassword})`)
}
