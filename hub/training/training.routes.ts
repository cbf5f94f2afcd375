import { Hono } from "hono"
import * as v from "valibot"
import { Count, Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { JobView, NewJob } from "#contract/registry"
import { NewTrainer, RecipeView, TrainerId, TrainerToken, TrainerView } from "#contract/trainer"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, keepsBody, param, query } from "../http/kit.ts"
import { streamOf } from "../http/stream.ts"
import type { JobLog } from "./job-log.ts"
import type { Leases } from "./leases.service.ts"
import { maxResultTarBytes, type Paper } from "./paper.service.ts"
import type { Trainers } from "./trainers.service.ts"
import type { Training } from "./training.service.ts"

const ById = v.object({ id: Uuid })
const ByTrainer = v.object({ id: TrainerId })
const FromByte = v.object({
  /** The end of the log when absent. */
  from: v.optional(v.pipe(v.string(), v.regex(/^\d{1,12}$/), v.transform(Number), Count)),
})
const shownJobs = 50
const logPieceBytes = 256 * 1024

/** The training queue, and who may work on it. */
export function createTrainingRoutes({
  training,
  trainers,
  leases,
  logs,
  paper,
}: {
  training: Training
  trainers: Trainers
  leases: Pick<Leases, "dropTrainer">
  logs: Pick<JobLog, "read" | "size">
  paper: Paper
}) {
  return new Hono<HubEnv>()
    .get(
      "/api/training/jobs",
      allow("worker"),
      doc("The newest training jobs.", { 200: listOf(JobView) }),
      (c) => c.json({ items: training.list(shownJobs), next: null }),
    )
    .post(
      "/api/training/jobs",
      allow("engineer"),
      doc("Queues a training job.", { 201: JobView }),
      json(NewJob),
      (c) => c.json(training.create(c.req.valid("json"), actor(c).name), 201),
    )
    .get(
      "/api/training/recipes",
      allow("worker"),
      doc("What can be chosen when a job is started.", { 200: listOf(RecipeView) }),
      (c) => c.json({ items: training.recipes(), next: null }),
    )
    .post(
      "/api/training/results",
      allow("engineer"),
      bodyUpTo(maxResultTarBytes),
      keepsBody,
      doc("Takes the result of a job that was carried to its trainer: a tar of its files is the body.", {
        202: JobView,
      }),
      async (c) => c.json(training.get(await paper.take(c.req.raw.body)), 202),
    )
    .get(
      "/api/training/jobs/:id",
      allow("worker"),
      doc("One training job with its curve.", { 200: JobView }),
      param(ById),
      (c) => c.json(training.get(c.req.valid("param").id)),
    )
    .post(
      "/api/training/jobs/:id/cancel",
      allow("engineer"),
      doc("Ends a job that waits or runs.", { 200: JobView }),
      param(ById),
      (c) => c.json(training.cancel(c.req.valid("param").id)),
    )
    .post(
      "/api/training/jobs/:id/reproduce",
      allow("engineer"),
      doc("Queues the same task again: same set, recipe, settings and seed.", { 201: JobView }),
      param(ById),
      (c) => c.json(training.reproduce(c.req.valid("param").id, actor(c).name), 201),
    )
    .get(
      "/api/training/jobs/:id/log",
      allow("engineer"),
      doc("What the trainer wrote, from a byte on.", { 200: "text/plain" }),
      param(ById),
      query(FromByte),
      async (c) => {
        const { id } = c.req.valid("param")
        training.get(id)
        const size = await logs.size(id)
        const { from = Math.max(0, size - logPieceBytes) } = c.req.valid("query")
        const bytes = await logs.read(id, from, logPieceBytes)
        return c.body(new Uint8Array(bytes), 200, {
          "content-type": "text/plain; charset=utf-8",
          "crux-log-bytes": String(size),
        })
      },
    )
    .get(
      "/api/training/jobs/:id/bundle.tar",
      allow("engineer"),
      doc("The job bundle as a tar, for a trainer that is not connected.", { 200: "application/x-tar" }),
      param(ById),
      async (c) => {
        const { id } = c.req.valid("param")
        // Nobody reads the body of a HEAD, and a tar lives as long as its reader.
        if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "application/x-tar" })
        return c.body(streamOf(await paper.give(id, actor(c))), 200, {
          "content-type": "application/x-tar",
          "content-disposition": `attachment; filename="job-${id}.tar"`,
        })
      },
    )
    .get(
      "/api/trainers",
      allow("worker"),
      doc("Trainers on other machines.", { 200: listOf(TrainerView) }),
      (c) => c.json({ items: trainers.list(), next: null }),
    )
    .post(
      "/api/trainers",
      allow("engineer"),
      doc("A new trainer, or a new token for one that is there; shown once.", { 201: TrainerToken }),
      json(NewTrainer),
      (c) => {
        const { id, name } = c.req.valid("json")
        return c.json(trainers.create(actor(c), id, name ?? id), 201)
      },
    )
    .delete(
      "/api/trainers/:id",
      allow("engineer"),
      doc("Takes a trainer's token back; its jobs go on with others.", { 200: TrainerView }),
      param(ByTrainer),
      (c) => {
        const { id } = c.req.valid("param")
        const view = trainers.revoke(actor(c), id)
        leases.dropTrainer(id)
        return c.json(view)
      },
    )
}
