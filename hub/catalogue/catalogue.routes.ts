import { Hono } from "hono"
import { DefectClass, NewDefectClass, Product } from "#contract/catalogue"
import { listOf } from "#contract/list"
import { actor, allow, doc, type HubEnv, json } from "../http/kit.ts"
import type { Catalogue } from "./catalogue.service.ts"

export function createCatalogueRoutes(catalogue: Catalogue): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get("/api/products", allow("worker"), doc("All products", { 200: listOf(Product) }), (c) =>
      c.json({ items: catalogue.products(), next: null }),
    )
    .post("/api/products", allow("engineer"), doc("Add a product", { 201: Product }), json(Product), (c) =>
      c.json(catalogue.addProduct(actor(c), c.req.valid("json")), 201),
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
}
