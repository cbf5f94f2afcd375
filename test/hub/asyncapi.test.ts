import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { Parser } from "@asyncapi/parser"
import { topics } from "#contract/topics"
import { startTestHub, type TestHub } from "./support/hub.ts"

let site: TestHub
beforeAll(async () => {
  site = await startTestHub()
})
afterAll(() => site.stop())

const errorsOf = async (document: string) => {
  const { document: parsed, diagnostics } = await new Parser().parse(document)
  return { parsed, errors: diagnostics.filter(({ severity }) => severity === 0) }
}

test("the official AsyncAPI parser takes the committed document, with every topic of the contract in it", async () => {
  const { parsed, errors } = await errorsOf(readFileSync("docs/asyncapi.json", "utf8"))
  expect(errors).toEqual([])
  const addresses = parsed!
    .channels()
    .all()
    .map((channel) => channel.address())
  for (const { pattern } of Object.values(topics)) expect(addresses).toContain(pattern)
  const receives = parsed!
    .operations()
    .filterByReceive()
    .map((operation) => operation.id())
  expect(receives).toContain("inspection")
  expect(receives).not.toContain("desired")
}, 60_000)

test("the parser finds what is wrong, so its silence means something", async () => {
  const document = JSON.parse(readFileSync("docs/asyncapi.json", "utf8")) as {
    operations: Record<string, { action: string }>
  }
  document.operations.ack!.action = "shout"
  expect((await errorsOf(JSON.stringify(document))).errors.length).toBeGreaterThan(0)
}, 60_000)

test("the hub serves the document and a page in both languages to people who are signed in", async () => {
  const worker = await site.as("worker")
  const served = (await (await worker.get("/api/asyncapi.json")).json()) as { asyncapi: string }
  expect(served.asyncapi).toBe("3.0.0")
  const korean = await worker.get("/api/reference")
  expect(korean.headers.get("content-type")).toStartWith("text/html")
  const text = await korean.text()
  expect(text).toContain("이 허브의 인터페이스")
  expect(text).toContain("crux/v1/d/{d}/up/insp")
  expect(text).toContain("/api/inspections")
  expect(text).not.toMatch(/<script|src=|https?:\/\/(?!json-schema)/)
  expect(await (await worker.get("/api/reference?lang=en")).text()).toContain("Interfaces of this hub")
  expect((await site.browser().get("/api/reference")).status).toBe(401)
  expect((await site.browser().get("/api/asyncapi.json")).status).toBe(401)
})
