import type { Role } from "#contract/users"
import type { Served } from "../../../hub/serve.bun.ts"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

export const config = `<View>
  <Image name="image" value="$image"/>
  <Choices name="verdict" toName="image"><Choice value="OK"/><Choice value="NG"/></Choices>
  <RectangleLabels name="defect" toName="image"><Label value="scratch"/><Label value="dent"/></RectangleLabels>
</View>`

export const verdict = (word: string) => ({
  id: "v",
  from_name: "verdict",
  to_name: "image",
  type: "choices",
  value: { choices: [word] },
})
/** A box of percent on a picture of 24 × 16. */
export const box = (label: string, x = 25) => ({
  id: `box-${x}`,
  from_name: "defect",
  to_name: "image",
  type: "rectanglelabels",
  original_width: 24,
  original_height: 16,
  image_rotation: 0,
  value: { x, y: 25, width: 25, height: 50, rotation: 0, rectanglelabels: [label] },
})

/** A hub that may ask this machine, behind a real port. */
export async function startServedHub(
  allow = "127.0.0.1",
): Promise<{ test: TestHub; served: Served; url: string }> {
  const test = await startTestHub({ config: { outbound: { allow } } })
  const served = serveHttp({
    host: "127.0.0.1",
    port: 0,
    fetch: (request, client) => test.hub.fetch(request, client),
  })
  return { test, served, url: `http://127.0.0.1:${served.port}` }
}

export type Program = Awaited<ReturnType<typeof programOf>>

/** A program with a key of a new person of this role. */
export async function programOf(test: TestHub, role: Role) {
  const person = await test.as(role)
  const keys = async (kind: "legacy" | "refresh", scope?: "read" | "label" | "train") => {
    const made = await person.post("/api/label-studio/keys", { kind, ...(scope && { scope }) })
    return ((await made.json()) as { token: string }).token
  }
  const token = await keys("legacy")
  const send = async (method: string, path: string, body?: unknown, authorization = `Token ${token}`) => {
    const answer = await test.hub.fetch(
      new Request(`http://hub.test/label-studio${path}`, {
        method,
        headers: { authorization, ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
    const text = await answer.text()
    const isJson = answer.headers.get("content-type")?.includes("json")
    return { status: answer.status, body: (isJson ? JSON.parse(text) : text) as Any, headers: answer.headers }
  }
  return {
    userId: person.userId,
    person,
    token,
    keys,
    send,
    get: (path: string) => send("GET", path),
    post: (path: string, body: unknown = {}) => send("POST", path, body),
    patch: (path: string, body: unknown) => send("PATCH", path, body),
    del: (path: string) => send("DELETE", path),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what a foreign program would read
type Any = any
