import { createReadStream } from "node:fs"
import { Readable } from "node:stream"
import { type Context, Hono } from "hono"
import { bodyLimit } from "hono/body-limit"
import * as v from "valibot"
import { Count, Sha256, Uuid } from "#contract/ids"
import { Problem } from "#contract/problem"
import {
  ArtifactState,
  ClaimedJob,
  Completion,
  Failure,
  Heartbeat,
  HeartbeatAnswer,
  LeaseQuery,
  LogAnswer,
  LogPiece,
  MetricPoints,
  NewCheckpoint,
  Release,
  TrainerClaim,
  TrainerJobState,
  TrainerRegistered,
  TrainerRegistration,
  trainerContract,
  trainerLimits,
} from "#contract/trainer"
import type { Clock } from "#platform/clock"
import { clientIp, doc, forMachines, type HubEnv, json, keepsBody, open, param, query } from "../http/kit.ts"
import type { Leases } from "./leases.service.ts"
import type { Trainers } from "./trainers.service.ts"
import { pieceOf } from "./uploads.ts"

const Job = v.object({ id: Uuid })
const JobObject = v.object({ id: Uuid, sha256: Sha256 })
const JobCheckpoint = v.object({
  id: Uuid,
  n: v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), Count),
})
/** Wrong tokens taken per address and minute. */
const wrongPerMinute = 20
/** JSON bodies: the longest is a piece of a log, escaped. */
const bodyBytes = 2 * 1024 * 1024

/** The door for trainers: docs/trainer-contract.md. */
export function createTrainerRoutes({
  trainers,
  leases,
  clock,
  ttlMs,
}: {
  trainers: Trainers
  leases: Leases
  clock: Clock
  ttlMs: number
}) {
  const wrong = new Map<string, { minute: number; count: number }>()

  /** Whose token the request shows. Throws `unauthenticated`. */
  const trainerOf = (c: Context<HubEnv>): string => {
    const ip = clientIp(c)
    const minute = Math.floor(clock.now() / 60_000)
    for (const [key, entry] of wrong) if (entry.minute !== minute) wrong.delete(key)
    const count = wrong.get(ip)?.count ?? 0
    if (count >= wrongPerMinute)
      throw new Problem("rate_limited", "trainer_token", "too many wrong tokens; try again in a minute", {
        seconds: 60,
      })
    const token = /^bearer +(\S{8,256})$/i.exec(c.req.header("authorization") ?? "")?.[1]
    const trainer = token === undefined ? null : trainers.byToken(token)
    if (trainer !== null) return trainer
    wrong.set(ip, { minute, count: count + 1 })
    throw new Problem("unauthenticated", "trainer_token", "this token is unknown, or was taken back")
  }
  /** Before a byte of the body is looked at. */
  const signedIn = async (c: Context<HubEnv>, next: () => Promise<void>) => {
    trainerOf(c)
    c.header("Cache-Control", "no-store")
    await next()
  }
  const small = bodyLimit({
    maxSize: bodyBytes,
    onError: () => {
      throw new Problem("too_large", "body", `the body is larger than ${bodyBytes} bytes`, { max: bodyBytes })
    },
  })
  const why = open("the trainer's token is the right")
  const machines = forMachines()

  return new Hono<HubEnv>()
    .post(
      "/trainer/v1/register",
      why,
      machines,
      signedIn,
      small,
      doc("Says what a trainer can do.", { 200: TrainerRegistered }),
      json(TrainerRegistration),
      (c) => {
        const trainer = trainerOf(c)
        trainers.register(trainer, c.req.valid("json"))
        const { logBytes, logPieceBytes, artifactBytes, jobBytes, waitS } = trainerLimits
        return c.json({
          trainer_id: trainer,
          contract_version: trainerContract,
          lease_ttl_s: ttlMs / 1000,
          wait_s: waitS,
          limits: {
            log_bytes: logBytes,
            log_piece_bytes: logPieceBytes,
            artifact_bytes: artifactBytes,
            job_bytes: jobBytes,
          },
        })
      },
    )
    .post(
      "/trainer/v1/claim",
      why,
      machines,
      signedIn,
      small,
      doc("Waits for a job.", { 200: ClaimedJob, 204: null }),
      json(TrainerClaim),
      async (c) => {
        const claimed = await leases.claim(trainerOf(c), c.req.valid("json"), c.req.raw.signal)
        return claimed ? c.json(claimed) : c.body(null, 204)
      },
    )
    .get(
      "/trainer/v1/jobs/:id",
      why,
      machines,
      signedIn,
      doc("How a job of this trainer stands.", { 200: TrainerJobState }),
      param(Job),
      (c) => c.json(leases.state(trainerOf(c), c.req.valid("param").id)),
    )
    .get(
      "/trainer/v1/jobs/:id/bundle",
      why,
      machines,
      signedIn,
      doc("The manifest of the job bundle.", { 200: "application/json" }),
      param(Job),
      query(LeaseQuery),
      async (c) => {
        const bytes = await leases.bundle(trainerOf(c), c.req.valid("param").id, c.req.valid("query").epoch)
        return c.body(new Uint8Array(bytes), 200, { "content-type": "application/json" })
      },
    )
    .get(
      "/trainer/v1/jobs/:id/blobs/:sha256",
      why,
      machines,
      signedIn,
      doc("An object of the job, from any byte on.", { 200: "application/octet-stream" }),
      param(JobObject),
      query(LeaseQuery),
      async (c) => {
        const { id, sha256 } = c.req.valid("param")
        const found = await leases.object(trainerOf(c), id, c.req.valid("query").epoch, sha256)
        return answerFile(c, found.path, found.size)
      },
    )
    .post(
      "/trainer/v1/jobs/:id/heartbeat",
      why,
      machines,
      signedIn,
      small,
      doc("Keeps the lease; says whether to stop.", { 200: HeartbeatAnswer }),
      param(Job),
      json(Heartbeat),
      (c) => c.json(leases.heartbeat(trainerOf(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .post(
      "/trainer/v1/jobs/:id/metrics",
      why,
      machines,
      signedIn,
      small,
      doc("Points of the curves.", { 204: null }),
      param(Job),
      json(MetricPoints),
      (c) => {
        leases.metrics(trainerOf(c), c.req.valid("param").id, c.req.valid("json"))
        return c.body(null, 204)
      },
    )
    .post(
      "/trainer/v1/jobs/:id/logs",
      why,
      machines,
      signedIn,
      small,
      doc("Goes on with the log.", { 200: LogAnswer }),
      param(Job),
      json(LogPiece),
      async (c) => c.json(await leases.log(trainerOf(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .get(
      "/trainer/v1/jobs/:id/artifacts/:sha256",
      why,
      machines,
      signedIn,
      keepsBody,
      doc("How much of an artefact the hub has.", { 200: ArtifactState }),
      param(JobObject),
      query(LeaseQuery),
      async (c) => {
        const { id, sha256 } = c.req.valid("param")
        return c.json(await leases.artifact(trainerOf(c), id, c.req.valid("query").epoch, sha256))
      },
    )
    .put(
      "/trainer/v1/jobs/:id/artifacts/:sha256",
      why,
      machines,
      signedIn,
      keepsBody,
      doc("A piece of an artefact, or all of it.", { 200: ArtifactState }),
      param(JobObject),
      query(LeaseQuery),
      async (c) => {
        const { id, sha256 } = c.req.valid("param")
        const piece = pieceOf(c.req.header("content-range"), c.req.header("content-length"))
        const { epoch } = c.req.valid("query")
        return c.json(await leases.putArtifact(trainerOf(c), id, epoch, sha256, piece, c.req.raw.body))
      },
    )
    .put(
      "/trainer/v1/jobs/:id/checkpoints/:n",
      why,
      machines,
      signedIn,
      small,
      doc("Makes an artefact the one to go on from.", { 204: null }),
      param(JobCheckpoint),
      json(NewCheckpoint),
      async (c) => {
        const { id, n } = c.req.valid("param")
        await leases.checkpoint(trainerOf(c), id, n, c.req.valid("json"))
        return c.body(null, 204)
      },
    )
    .post(
      "/trainer/v1/jobs/:id/complete",
      why,
      machines,
      signedIn,
      small,
      doc("Hands a result in.", { 202: TrainerJobState }),
      param(Job),
      json(Completion),
      async (c) => {
        const { epoch, manifest_sha256 } = c.req.valid("json")
        const { id } = c.req.valid("param")
        return c.json(await leases.complete(trainerOf(c), id, epoch, manifest_sha256), 202)
      },
    )
    .post(
      "/trainer/v1/jobs/:id/fail",
      why,
      machines,
      signedIn,
      small,
      doc("Gives a job up.", { 200: TrainerJobState }),
      param(Job),
      json(Failure),
      (c) => c.json(leases.fail(trainerOf(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .post(
      "/trainer/v1/jobs/:id/released",
      why,
      machines,
      signedIn,
      small,
      doc("Gives a job back in good order.", { 200: TrainerJobState }),
      param(Job),
      json(Release),
      (c) => c.json(leases.release(trainerOf(c), c.req.valid("param").id, c.req.valid("json").epoch)),
    )
}

/** A file from any byte on (RFC 9110 §14; one range). */
function answerFile(c: Context<HubEnv>, path: string, size: number): Response {
  const headers = { "accept-ranges": "bytes", "content-type": "application/octet-stream" }
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(c.req.header("range") ?? "") ?? []
  if (first === undefined)
    return c.body(bytesOf(path, 0, size - 1), 200, { ...headers, "content-length": String(size) })
  const [from, to] = [Number(first), Math.min(last ? Number(last) : size - 1, size - 1)]
  if (from > to) return c.body(null, 416, { "content-range": `bytes */${size}` })
  return c.body(bytesOf(path, from, to), 206, {
    ...headers,
    "content-range": `bytes ${from}-${to}/${size}`,
    "content-length": String(to - from + 1),
  })
}

function bytesOf(path: string, start: number, end: number): ReadableStream {
  if (end < start) return new Blob([]).stream()
  return Readable.toWeb(createReadStream(path, { start, end })) as unknown as ReadableStream
}
