import { Hono } from "hono"
import * as v from "valibot"
import { Sha256, Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  NewSegmenter,
  OutlineAnswer,
  Pointing,
  SegmenterLayout,
  SegmenterView,
  StoredFile,
} from "#contract/segmenter"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, keepsBody, param } from "../http/kit.ts"
import type { Segmenters } from "./segmenter.service.ts"

const maxModelBytes = 1024 * 1024 * 1024
const ById = param(v.object({ id: Uuid }))
const ByImage = param(v.object({ sha: Sha256 }))

export function createSegmenterRoutes(segmenters: Segmenters) {
  return new Hono<HubEnv>()
    .get(
      "/api/segmenters",
      allow("worker"),
      doc("Pairs of models that cut out what people point at.", { 200: listOf(SegmenterView) }),
      async (c) => c.json({ items: await segmenters.list(), next: null }),
    )
    .post(
      "/api/segmenters/files",
      allow("engineer"),
      bodyUpTo(maxModelBytes),
      keepsBody,
      doc("Stores one ONNX file of a pair; the file is the body.", { 201: StoredFile }),
      async (c) => c.json(await segmenters.storeFile(c.req.raw.body ?? new Blob([]).stream()), 201),
    )
    .post(
      "/api/segmenters",
      allow("engineer"),
      doc("Registers a pair of stored files, after running it once.", { 201: SegmenterView }),
      json(NewSegmenter),
      async (c) => c.json(await segmenters.add(actor(c), c.req.valid("json")), 201),
    )
    .put(
      "/api/segmenters/:id/layout",
      allow("engineer"),
      doc("Says how a pair is fed and read.", { 200: SegmenterView }),
      ById,
      json(SegmenterLayout),
      async (c) => c.json(await segmenters.describe(actor(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .post(
      "/api/segmenters/:id/activate",
      allow("engineer"),
      doc("From now on pointing uses this pair.", { 200: SegmenterView }),
      ById,
      (c) => c.json(segmenters.activate(actor(c), c.req.valid("param").id)),
    )
    .post(
      "/api/images/:sha/outline",
      allow("worker"),
      doc("The outline of what was pointed at.", { 200: OutlineAnswer }),
      ByImage,
      json(Pointing),
      async (c) => c.json(await segmenters.outline(c.req.valid("param").sha, c.req.valid("json"))),
    )
    .post(
      "/api/images/:sha/outline/prepare",
      allow("worker"),
      doc("Makes a picture ready, so that the first outline comes at once.", { 204: null }),
      ByImage,
      async (c) => {
        await segmenters.outline(c.req.valid("param").sha)
        return c.body(null, 204)
      },
    )
}
