import { Hono } from "hono"
import * as v from "valibot"
import { Key, Sha256 } from "#contract/ids"
import { listOf } from "#contract/list"
import { ModelContract } from "#contract/model"
import { ModelLook, ModelTrial, ModelView, NewModel, TrialResult } from "#contract/registry"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, keepsBody, param, query } from "../http/kit.ts"
import type { Registry } from "./registry.service.ts"

const ByDigest = v.object({ digest: Sha256 })
const ByFile = v.object({ file: Sha256 })
const ForLine = v.object({
  line: v.optional(Key, "main"),
  /** URL-encoded JSON: how a model is fed and read, where that is not recognised or not right. */
  contract: v.optional(v.pipe(v.string(), v.maxLength(20_000), v.parseJson(), ModelContract)),
})
const shownModels = 100
const maxModelBytes = 512 * 1024 * 1024

/** Models and their gate reports. */
export function createRegistryRoutes(registry: Registry) {
  return new Hono<HubEnv>()
    .get("/api/models", allow("worker"), doc("The newest models.", { 200: listOf(ModelView) }), (c) =>
      c.json({ items: registry.list(shownModels), next: null }),
    )
    .post(
      "/api/models",
      allow("engineer"),
      bodyUpTo(maxModelBytes),
      keepsBody,
      doc("Registers an ONNX with crux.contract, or of a form that is known; the file is the body.", {
        202: ModelView,
      }),
      query(ForLine),
      async (c) => {
        const { line, contract } = c.req.valid("query")
        return c.json(await registry.register(c.req.raw.body ?? new Blob([]).stream(), line, contract), 202)
      },
    )
    .post(
      "/api/models/look",
      allow("engineer"),
      bodyUpTo(maxModelBytes),
      keepsBody,
      doc("What an ONNX is taken for, without registering it; the file is the body.", { 200: ModelLook }),
      async (c) => c.json(await registry.look(c.req.raw.body ?? new Blob([]).stream())),
    )
    .post(
      "/api/models/files/:file/try",
      allow("engineer"),
      doc("What a file that was looked at finds on parts of this hub; nothing is kept.", {
        200: TrialResult,
      }),
      param(ByFile),
      json(ModelTrial),
      async (c) => c.json(await registry.try(c.req.valid("param").file, c.req.valid("json"))),
    )
    .post(
      "/api/models/files/:file",
      allow("engineer"),
      doc("Registers a file that was looked at, as it says itself or with a contract.", { 202: ModelView }),
      param(ByFile),
      json(NewModel),
      async (c) => {
        const { line, contract } = c.req.valid("json")
        return c.json(await registry.adopt(c.req.valid("param").file, line, contract), 202)
      },
    )
    .get(
      "/api/models/:digest",
      allow("worker"),
      doc("One model with its gate report.", { 200: ModelView }),
      param(ByDigest),
      (c) => c.json(registry.get(c.req.valid("param").digest)),
    )
    .get(
      "/api/models/:digest/onnx",
      allow("engineer"),
      doc("The model's file.", { 200: "application/octet-stream" }),
      param(ByDigest),
      async (c) => {
        const bytes = await registry.file(c.req.valid("param").digest)
        return c.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" })
      },
    )
    .post(
      "/api/models/:digest/approve",
      allow("engineer"),
      doc("Releases a model that passed the gate.", { 200: ModelView }),
      param(ByDigest),
      async (c) => c.json(await registry.approve(c.req.valid("param").digest, actor(c))),
    )
}
