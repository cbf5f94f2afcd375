import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { JobView, NewJob } from "#contract/registry"
import { actor, allow, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Training } from "./training.service.ts"

const ById = v.object({ id: Uuid })
const shownJobs = 50

/** The training queue. */
export function createTrainingRoutes(training: Training) {
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
      doc("Queues a training job on what is labelled now.", { 201: JobView }),
      json(NewJob),
      (c) => c.json(training.create(c.req.valid("json"), actor(c).name), 201),
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
}
