import { Hono } from "hono"
import * as v from "valibot"
import {
  DefectClass,
  DefectClassPatch,
  NewDefectClass,
  NewProduct,
  Product,
  ProductPatch,
} from "#contract/catalogue"
import { Key } from "#contract/ids"
import { listOf } from "#contract/list"
import { actor, allow, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Catalogue } from "./catalogue.service.ts"

export function createCatalogueRoutes(catalogue: Catalogue): Hono<HubEnv> {
  const Entry = param(v.object({ key: Key }))
  return new Hono<HubEnv>()
    .get("/api/products", allow("worker"), doc("All products", { 200: listOf(Product) }), (c) =>
      c.json({ items: catalogue.products(), next: null }),
    )
    .post("/api/products", allow("engineer"), doc("Add a product", { 201: Product }), json(NewProduct), (c) =>
      c.json(catalogue.addProduct(actor(c), c.req.valid("json")), 201),
    )
    .patch(
      "/api/products/:key",
      allow("engineer"),
      doc("Name a product otherwise, or deprecate it", { 200: Product }),
      Entry,
      json(ProductPatch),
      (c) => c.json(catalogue.changeProduct(actor(c), c.req.valid("param").key, c.req.valid("json"))),
    )
    .get(
      "/api/defect-classes",
      allow("worker"),
      doc("All defect classes, oldest first", { 200: listOf(DefectClass) }),
      (c) => c.json({ items: catalogue.defectClasses(), next: null }),
    )
    .post(
      "/api/defect-classes",
      allow("worker"),
      doc("Add a defect class: whoever sees a new kind can name it", { 201: DefectClass }),
      json(NewDefectClass),
      (c) => c.json(catalogue.addDefectClass(actor(c), c.req.valid("json")), 201),
    )
    .patch(
      "/api/defect-classes/:key",
      allow("reviewer"),
      doc("Change how a defect class is shown, or deprecate it", { 200: DefectClass }),
      Entry,
      json(DefectClassPatch),
      (c) => c.json(catalogue.changeDefectClass(actor(c), c.req.valid("param").key, c.req.valid("json"))),
    )
}
